"""What every kind must be, built in or not."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lcspec.compile.bind import bind
from lcspec.compile.parse import parse
from lcspec.ir.source import SourceFile
from lcspec.ir.strict import construct
from lcspec.kinds import registry
from lcspec.kinds.api import FAMILIES, SECTIONS, Kind

KINDS = list(registry.every())
HEAVY = (
    "pydantic",
    "torch",
    "transformers",
    "peft",
    "trl",
    "lm_eval",
    "datasets",
    "numpy",
    "jinja2",
    "rich",
    "jsonschema",
    "fastapi",
)
PLACE = {family: path for path, family in SECTIONS.items()}


def ident(kind: Kind) -> str:
    return f"{kind.family}.{kind.name}"


def test_the_families_are_filled() -> None:
    assert len(KINDS) >= 20
    assert {kind.family for kind in KINDS} == set(FAMILIES)


@pytest.mark.parametrize("kind", KINDS, ids=ident)
def test_a_kind_explains_itself(kind: Kind) -> None:
    module = registry.module(kind.family, kind.name)
    assert (module.__doc__ or "").strip()
    assert kind.summary
    assert kind.version >= 1
    for name, field in kind.body.model_fields.items():
        assert field.description, name
        assert isinstance(field.json_schema_extra, dict), name
        assert "x-key" in field.json_schema_extra, name


@pytest.mark.parametrize("kind", KINDS, ids=ident)
def test_its_actions_exist_and_take_the_world_of_a_step(kind: Kind) -> None:
    module = registry.module(kind.family, kind.name)
    for action in kind.actions:
        assert list(inspect.signature(getattr(module, action)).parameters) == ["io"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.family in PLACE], ids=ident)
def test_its_example_binds_in_a_spec(kind: Kind) -> None:
    inner = {"an-entry": yaml.safe_load(kind.example)}
    inner["an-entry"].setdefault("kind", kind.name)
    for part in reversed(PLACE[kind.family]):
        inner = {part: inner}
    spec = {"lcspec": 1, "name": "example", "scope": {"task": "classification", "labels": ["a", "b"]}, **inner}
    root, found = parse(SourceFile("example.yaml", yaml.safe_dump(spec)))
    assert root is not None, found
    bound, found = bind(root)
    assert bound is not None, found
    assert bound.find(kind.family, "an-entry").kind == kind.name


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.family in ("source", "metric")], ids=ident)
def test_its_example_validates(kind: Kind) -> None:
    body = yaml.safe_load(kind.example)
    assert body.pop("kind") == kind.name
    construct(kind.body, body)


def test_no_kind_imports_the_heavy_stack_with_its_module() -> None:
    code = "import sys; from lcspec.kinds import registry; list(registry.every()); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(done.stdout.split())


@pytest.mark.parametrize("command", [["plan"], ["plan", "--format", "json"], ["check"], ["lock", "--check"]])
def test_the_dry_run_imports_neither_ml_nor_renderers(command: list[str]) -> None:
    spec = Path(__file__).parents[2] / "specs" / "quickstart.yaml"
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: sys.stderr.write('MODULES ' + ' '.join(sorted(sys.modules))))\n"
        f"sys.argv = ['lcspec', *{command!r}, {str(spec)!r}]\n"
        "from lcspec.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = done.stderr.rpartition("MODULES ")[2].split()
    assert len(loaded) > 50
    assert not set(HEAVY) & set(loaded)


NAMING = {"data": "data", "after": "tuning", "embedder": "model", "extends": "prompt", "metrics": "metric"}


def test_fields_that_name_entries_say_so() -> None:
    """Checks, renames and completion read `refers`; a field without it would be seen by none of them."""
    found = 0
    for kind in KINDS:
        for name, field in kind.body.model_fields.items():
            if name in NAMING:
                found += 1
                said = str(field.json_schema_extra.get("x-refers")).partition(".")[0]
                assert said == NAMING[name], f"{ident(kind)}.{name}: add `refers=` to its option"
    assert found >= 7
