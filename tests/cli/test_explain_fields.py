"""`explain` tells of a field what it is, in what unit, within which limits, what it does, and where it comes from."""

import json

from click.testing import CliRunner

from lcspec.cli.explain import command
from lcspec.kinds import registry


def explain(*arguments: str) -> str:
    done = CliRunner().invoke(command, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_field_is_told_whole() -> None:
    lines = [line.strip() for line in explain("tuning.lora.rank").splitlines()]
    assert lines[0].startswith("tuning.lora.rank: ")
    for start in ("type: int", "default: 8", "limits: ge 1, le 1024", "effect: ", "source: Hu et al. 2021"):
        assert any(line.startswith(start) for line in lines), start


def test_a_field_is_told_to_machines_with_the_same_facts() -> None:
    told = json.loads(explain("tuning.lora.rank", "--format", "json"))
    assert told["source"].endswith("arXiv:2106.09685")
    assert {"description", "default", "unit", "limits", "effect", "source", "moves_keys"} <= told.keys()


def test_every_field_of_every_kind_can_be_explained() -> None:
    sections = {"tuning": "tuning", "data": "data", "model": "models"}
    count = 0
    for family, section in sections.items():
        for name in registry.names(family):
            for field in registry.load(family, name).body.model_fields.values():
                assert field.alias in explain(f"{section}.{name}.{field.alias}")
                count += 1
    assert count >= 100
