"""What a recipe renders its rows with must be there in its rows."""

import json
from pathlib import Path

import pytest

from lcspec import api
from tests.faults.project import SPEC, make


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = make(tmp_path / "p")
    rows = "".join(json.dumps({"body": f"u{n}", "label": "ab"[n % 2]}) + "\n" for n in range(60))
    (folder / "more.jsonl").write_text(rows)
    (folder / "model" / "config.json").unlink()  # what is not known of a model is not asked
    (folder / "model" / "config.json").write_text("[]")
    return folder


def told(folder: Path, recipe: str, **prompts: str) -> list[tuple[str, str]]:
    more = "  more: {kind: jsonl, path: more.jsonl, columns: {input: body, target: label}}\nmodels:\n"
    text = SPEC.replace("models:\n", more, 1).partition("prompts:\n")[0] + "prompts:\n"
    text += "".join(f'  {name}: {{user: "{user}"}}\n' for name, user in prompts.items())
    text += f"tuning: {{own: {recipe}}}\n" + SPEC[SPEC.index("evaluation:") :]
    (folder / "spec.yaml").write_text(text)
    found = api.load(folder / "spec.yaml").diagnostics
    return [(one.code, one.message) for one in found if one.code in ("LC0430", "LC0520")]


def test_rows_of_other_data_must_fill_the_prompt(project: Path) -> None:
    [(code, message)] = told(project, "{kind: lora, data: more.train}", p="{{ text }}")
    assert (code, message) == ("LC0430", "no column of `more` fills `text`, which the prompt of `own` shows")
    assert told(project, "{kind: lora, data: d.train}", p="{{ text }}") == []


def test_passages_are_not_there_while_rows_are_learnt(project: Path) -> None:
    recipe = "{kind: lora, data: d.train}"
    [(code, message)] = told(project, recipe, p="{{ context }} {{ text }}")
    assert (code, "no row has" in message) == ("LC0520", True)
    [(code, message)] = told(project, recipe, p="{{ context }} {{ text }}", q="{{ text }}")
    assert (code, "where `p` has won" in message) == ("LC0520", True)
    assert told(project, recipe, p="{% if context is defined %}{{ context }}{% endif %} {{ text }}") == []
