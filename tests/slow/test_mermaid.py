"""What `graph` writes as Mermaid is read by Mermaid itself, from npm."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from lcspec import api
from lcspec.graphs.mermaid import to_mermaid
from lcspec.graphs.model import view_of_candidates, view_of_steps

pytestmark = pytest.mark.slow
SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
PARSE = """
import { JSDOM } from "jsdom";
import { readFileSync } from "node:fs";
const dom = new JSDOM("<!doctype html><body></body>");
globalThis.window = dom.window;
globalThis.document = dom.window.document;
const mermaid = (await import("mermaid")).default;
for (const name of process.argv.slice(2)) {
  console.log(JSON.stringify(await mermaid.parse(readFileSync(name, "utf8"))));
}
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("node")
    (folder / "parse.mjs").write_text(PARSE)
    subprocess.run(["npm", "install", "--silent", "mermaid@11", "jsdom@26"], cwd=folder, check=True, timeout=600)
    return folder


def parse(node: Path, *names: str) -> subprocess.CompletedProcess[str]:
    command = ["node", "parse.mjs", *names]
    return subprocess.run(command, cwd=node, capture_output=True, text=True, check=False, timeout=120)


def test_mermaid_reads_the_graphs_of_all_example_specs(node: Path) -> None:
    names = []
    for path in SPECS:
        plan, chooser = api.make_plan(api.load(path))
        for number, view in enumerate((view_of_steps(plan, chooser), view_of_candidates(plan, chooser))):
            names.append(f"{path.stem}-{number}.mmd")
            (node / names[-1]).write_text(to_mermaid(view))
    done = parse(node, *names)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["diagramType"] for line in done.stdout.splitlines()] == ["flowchart-v2"] * len(names)
    assert len(names) >= 4


def test_the_parser_refuses_what_is_broken(node: Path) -> None:
    (node / "broken.mmd").write_text("flowchart LR\n a[[\n")
    assert parse(node, "broken.mmd").returncode != 0
