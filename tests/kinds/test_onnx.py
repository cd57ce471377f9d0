"""The ONNX target as it is planned, and what it tells an older library; `tests/slow/test_onnx_target.py` runs it."""

from pathlib import Path

import pytest

from lcspec import api
from lcspec.compile.groups import groups
from lcspec.kinds import registry
from lcspec.kinds.deploy.onnx import _nothing, _older
from tests.world import QUICKSTART, World, learns

TARGET = "    api: {kind: openai-server, port: 8000"


@pytest.fixture
def world(tmp_path: Path) -> World:
    assert TARGET in QUICKSTART
    return World(tmp_path, QUICKSTART.replace(TARGET, "    edge: {kind: onnx}\n" + TARGET))


def test_the_export_waits_for_its_environment_and_for_what_the_release_says(world: World) -> None:
    plan = world.plan()
    steps = {planned.step.id: planned for planned in plan.steps}
    export = steps["export:targets.edge"].step
    assert export.environment
    assert sorted(export.inputs) == ["environment", "model", "reference"]
    assert not steps["reference:targets.edge"].step.environment
    build = steps["build:environments.deploy.onnx"]
    assert build.step.params["requirements"] == list(registry.load("deploy", "onnx").environment.requirements)
    assert groups(plan.graph)[build.step.id][0] == "inputs"
    assert groups(plan.graph)[export.id][0] == "deployment"
    assert any("environment:optimum-onnx" in problem for problem in plan.problems)
    assert {"export.edge", "service.api"} <= set(plan.graph.release)


def test_nothing_of_it_runs_before_there_is_a_release(world: World) -> None:
    assert world.actions()["build:environments.deploy.onnx"] == "conditional"
    world.run(learns)
    assert world.actions()["reference:targets.edge"] in ("reuse", "run")


def test_it_is_no_service_to_gate_on(tmp_path: Path) -> None:
    start = QUICKSTART.index("  targets:\n")
    end = start + QUICKSTART[start:].index("    api:")
    text = QUICKSTART[:end] + "    edge: {kind: onnx}\n" + QUICKSTART[end:].partition("\n")[2]
    gate = "    fast: {metric: serving.latency-p95, at-most: 2}\n"
    world = World(tmp_path, text.replace("  gates:\n", "  gates:\n" + gate, 1))
    assert "LC0615" in [found.code for found in api.load(world.folder / "spec.yaml").diagnostics]


def test_an_older_library_is_told_the_same_in_its_own_words() -> None:
    rope = {"rope_theta": 5e5, "rope_type": "default"}
    made = _older({"model_type": "llama", "dtype": "bfloat16", "rope_parameters": rope})
    assert made == {"model_type": "llama", "torch_dtype": "float32", "rope_theta": 5e5}
    scaled = _older({"rope_parameters": {"rope_theta": 1e4, "rope_type": "linear", "factor": 2.0}})
    assert scaled["rope_scaling"] == {"rope_type": "linear", "factor": 2.0}
    assert _older({"rope_theta": 7.0}) == {"rope_theta": 7.0, "torch_dtype": "float32"}


def test_the_past_of_a_first_token_is_empty() -> None:
    assert _nothing(["batch_size", 2, "past_sequence_length", 8]).shape == (1, 2, 0, 8)
