"""What every kind must be, built in or not."""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml

from lcspec.compile.bind import bind
from lcspec.compile.parse import parse
from lcspec.ir.source import SourceFile
from lcspec.ir.strict import Option, Strict, construct
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


def fields(model: type[Strict], where: str) -> Iterator[tuple[str, Option]]:
    """Every field of a body, inner ones too, by path."""
    for name, option in model.model_fields.items():
        yield f"{where}.{name}", option
        for part in (option.annotation, *get_args(option.annotation)):
            if isinstance(part, type) and issubclass(part, Strict):
                yield from fields(part, f"{where}.{name}")


def test_fields_say_what_they_are_and_those_of_experiments_what_they_do() -> None:
    """Tuning, optimising and measuring is where people turn values: each says what another value does."""
    every = {path: field for kind in KINDS for path, field in fields(kind.body, ident(kind))}
    assert len(every) >= 400
    assert [path for path, field in every.items() if not field.description] == []
    turned = {path: one for path, one in every.items() if path.partition(".")[0] in ("tuning", "optimize", "suite")}
    assert len(turned) >= 300
    assert [path for path, field in turned.items() if "x-effect" not in field.json_schema_extra] == []
    told = {
        (f.description, f.json_schema_extra["x-effect"]) for f in every.values() if "x-effect" in f.json_schema_extra
    }
    assert len(told) >= 130


def test_a_field_that_stands_for_one_of_its_base_keeps_what_that_says() -> None:
    ours = registry.load("tuning", "lora").body.model_fields["learning_rate"]
    base = registry.load("tuning", "full").body.model_fields["learning_rate"]
    assert ours.default != base.default
    assert ours.json_schema_extra["x-effect"] == base.json_schema_extra["x-effect"]


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


UNPLACED = ("source", "metric", "environment")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.family in UNPLACED], ids=ident)
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


FOREIGN = {("suite.lm-eval", "metrics")}  # names that lm-eval gives, which no entry or kind defines


def test_fields_that_name_entries_say_so() -> None:
    """Checks, renames and completion read `refers`; a field without it would be seen by none of them."""
    found = 0
    for kind in KINDS:
        for name, field in kind.body.model_fields.items():
            if name in NAMING and (ident(kind), name) not in FOREIGN:
                found += 1
                said = str(field.json_schema_extra.get("x-refers")).partition(".")[0]
                assert said == NAMING[name], f"{ident(kind)}.{name}: add `refers=` to its option"
    assert found >= 7


def test_an_environment_is_pinned_and_for_actions_that_there_are() -> None:
    for kind in KINDS:
        if kind.environment is not None:
            assert set(kind.environment.actions) <= set(kind.actions), ident(kind)
            assert all("==" in pin for pin in kind.environment.requirements), ident(kind)
