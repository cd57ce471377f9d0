"""Graphs of plans: what is in them, that the picture is legible, and that each language is well-formed."""

import os
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pydot
import pytest

from lcspec import api
from lcspec.graphs.dot import to_dot
from lcspec.graphs.layout import Box, lay_out
from lcspec.graphs.mermaid import to_mermaid
from lcspec.graphs.model import STATES, Edge, Node, View, view_of_candidates, view_of_steps
from lcspec.graphs.palette import PALETTE
from lcspec.graphs.svg import to_svg
from tests.world import QUICKSTART, ROOT, World, learns

pytestmark = pytest.mark.filterwarnings("ignore:.*setParseAction")
PREFIXES = ", ".join(f'"p{n} "' for n in range(12))
MANY = QUICKSTART.replace("seed: 1}\n", f"seed: 1}}\n    matrix: {{answer-prefix: [{PREFIXES}]}}\n")
SVG = "{http://www.w3.org/2000/svg}"
WAYS = {"steps": view_of_steps, "candidates": view_of_candidates}


def view(world: World, way: str) -> View:
    loaded = world.load()
    plan, chooser = api.make_plan(loaded, world.facts())
    return WAYS[way](plan, chooser)


@pytest.fixture(params=["fresh", "done", "many", "tales"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "tales":
        world = World(tmp_path, (ROOT / "specs" / "tales.yaml").read_text())
        (tmp_path / "spec.lock.json").write_text((ROOT / "specs" / "tales.lock.json").read_text())
        (tmp_path / "data").mkdir()
        for path in (ROOT / "specs" / "data").iterdir():
            (tmp_path / "data" / path.name).write_bytes(path.read_bytes())
        return world
    world = World(tmp_path, MANY if request.param == "many" else QUICKSTART)
    if request.param == "done":
        world.run(learns)
    return world


def apart(a: Box, b: Box) -> bool:
    return a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y


def inside(a: Box, b: Box) -> bool:
    return b.x <= a.x and b.y <= a.y and a.x + a.width <= b.x + b.width and a.y + a.height <= b.y + b.height


@pytest.mark.parametrize("way", sorted(WAYS))
def test_no_boxes_overlap_and_each_lies_in_its_lane(world: World, way: str) -> None:
    shown = view(world, way)
    layout = lay_out(shown)
    assert len(layout.nodes) == len(shown.nodes) >= 10
    for (a, one), (b, two) in combinations(layout.nodes.items(), 2):
        assert apart(one, two), f"{a} overlaps {b}"
    for one, two in combinations(layout.lanes.values(), 2):
        assert apart(one, two)
    whole = Box(0, 0, layout.width, layout.height)
    for node in shown.nodes:
        assert inside(layout.nodes[node.id], layout.lanes[node.cluster])
    assert all(inside(lane, whole) for lane in layout.lanes.values())


@pytest.mark.parametrize("way", sorted(WAYS))
def test_long_edges_are_led_between_the_boxes(world: World, way: str) -> None:
    shown = view(world, way)
    layout = lay_out(shown)
    led = 0
    for edge in shown.edges:
        points = layout.routes[edge.source, edge.target]
        for (x1, y1), (x2, y2) in zip(points[1::2], points[2::2], strict=False):  # the straight parts across columns
            line = Box(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1))
            crossed = [name for name, box in layout.nodes.items() if not apart(line, box)]
            assert crossed == [], f"{edge} crosses {crossed}"
            led += 1
    assert led > 0


@pytest.mark.parametrize("way", sorted(WAYS))
def test_the_picture_holds_every_node_and_edge_and_is_xml(world: World, way: str) -> None:
    shown = view(world, way)
    root = ElementTree.fromstring(to_svg(shown, "x"))
    classes = Counter((element.get("class") or "").split(" ")[0] for element in root.iter())
    assert classes["node"] == len(shown.nodes)
    assert classes["edge"] == len(shown.edges)
    assert classes["lane"] == len(shown.clusters)
    dashed = sum("stroke-dasharray" in element.attrib for element in root.iter(f"{SVG}path"))
    assert dashed == sum(edge.dashed for edge in shown.edges) > 0
    assert {element.tag for element in root.iter()}.isdisjoint({f"{SVG}script", f"{SVG}image", f"{SVG}foreignObject"})


@pytest.mark.parametrize("way", sorted(WAYS))
def test_dot_is_read_by_a_parser_with_the_same_nodes_and_edges(world: World, way: str) -> None:
    shown = view(world, way)
    (graph,) = pydot.graph_from_dot_data(to_dot(shown, "x")) or []
    clusters = graph.get_subgraphs()
    assert [cluster.get_label() for cluster in clusters] == [f'"{name}"' for name in shown.clusters]
    assert sum(len(cluster.get_nodes()) for cluster in clusters) == len(shown.nodes)
    assert len(graph.get_edges()) == len(shown.edges)
    assert sum(edge.get_style() == "dashed" for edge in graph.get_edges()) == sum(edge.dashed for edge in shown.edges)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_mermaid_has_the_same_nodes_and_edges(world: World, way: str) -> None:
    shown = view(world, way)
    text = to_mermaid(shown)
    assert len(re.findall(r":::[a-z-]+$", text, re.MULTILINE)) == len(shown.nodes)
    assert len(re.findall(r" --> ", text)) + len(re.findall(r" -\.-> ", text)) == len(shown.edges)
    assert text.count("subgraph") == text.count("  end\n") == len(shown.clusters)


def test_every_step_is_in_the_view_of_steps_and_every_edge_joins_two_nodes(world: World) -> None:
    shown = view(world, "steps")
    ids = {node.id for node in shown.nodes}
    assert {step.step.id for step in world.plan().steps} <= ids
    assert all({edge.source, edge.target} <= ids for edge in shown.edges)
    assert len(shown.edges) == len({(edge.source, edge.target) for edge in shown.edges})


def test_colours_follow_what_would_happen(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert {node.state for node in view(world, "steps").nodes} == {"runs", "conditional", "open"}
    world.run(learns)
    states = {node.id: node.state for node in view(world, "steps").nodes}
    assert states["choice rung-1"] == "does-not-pass"
    assert states["choice rung-2"] == "passes"
    world.write(QUICKSTART.replace("rank: 8", "rank: 16"))
    states = {node.id: node.state for node in view(world, "steps").nodes}
    assert states["train:rung-1.winner/lora"] == "runs-again"
    assert {node.id: node.state for node in view(world, "candidates").nodes}["rung-1.winner/lora"] == "runs-again"
    assert set(PALETTE) == set(STATES)


def test_hostile_names_stay_text() -> None:
    name = 'a"b<c>&d\\e'
    nodes = (Node(name, (name,), "runs", "step", name, name), Node("z", ("z",), "open", "choice", name))
    shown = View((name,), nodes, (Edge(name, "z", True),))
    root = ElementTree.fromstring(to_svg(shown, name))
    assert name in [element.text for element in root.iter(f"{SVG}text")]
    (graph,) = pydot.graph_from_dot_data(to_dot(shown, name)) or []
    assert len(graph.get_edges()) == 1
    assert '"b' not in to_mermaid(shown)


def test_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    World(tmp_path)
    for form in ("mermaid", "dot", "svg"):
        told = set()
        for seed in ("0", "77"):
            command = [sys.executable, "-m", "lcspec", "graph", "spec.yaml", "--steps", "--format", form]
            environment = {**os.environ, "PYTHONHASHSEED": seed}
            told.add(subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True).stdout)
        assert len(told) == 1
