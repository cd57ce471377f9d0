"""The resolved spec says the same as the spec, and where each value comes from."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from lcspec import api, showing
from lcspec.cli.main import group
from lcspec.compile.compose import Settings
from lcspec.ir.source import SourceFile
from lcspec.project import Project, read_source
from tests.test_schemas import validator

SPECS = Path(__file__).parents[2] / "specs"

BASE = """\
lcspec: 1
name: base
scope: {task: classification, labels: [a, b]}
data:
  d: {kind: jsonl, path: rows.jsonl, columns: {input: text, target: label}, split: {validation: 2, test: 2}}
models:
  m: {kind: folder, path: model}
prompts:
  p: {user: "{{ text }}\\n=>", truncate: {text: 9}}
"""
TOP = """\
extends: base.yaml
name: top
variables: {rate: 0.001, steps: 5}
prompts:
  # a comment
  short: {extends: p, truncate: {text: 3}, system: "Use ${steps} words."}
tuning:
  lora: {data: d.train, learning-rate: "${rate}", warmup-steps: "${steps}", matrix: {rank: [4, 8]}}
evaluation:
  suites: {s: {data: d, metrics: [accuracy]}}
  gates: {g: {metric: s.accuracy, at-least: 0.5}}
x-note: {kept: [1, 2]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "top.yaml").write_text(TOP)
    (tmp_path / "vars.yaml").write_text("# ours\nrate: 0.01\n")
    rows = [json.dumps({"text": f"t{n}", "label": "ab"[n % 2]}) for n in range(12)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    (tmp_path / "top.lock.json").write_text('{"format_version": 1, "libraries": {}, "models": {}, "sources": {}}')
    (tmp_path / "model").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "model" / name).write_text("{}")
    return tmp_path


def settings(folder: Path) -> Settings:
    return Settings(("data.d.split.validation=3",), (read_source(folder / "vars.yaml"),))


def keys(loaded: api.Loaded) -> dict[str, object]:
    plan, _ = api.make_plan(loaded)
    return {step.step.id: (step.key, replace(step.step, source=())) for step in plan.steps}


def test_the_text_is_a_spec_with_the_same_keys(folder: Path) -> None:
    loaded = api.load(folder / "top.yaml", settings(folder))
    assert loaded.ok, loaded.diagnostics
    text = showing.to_yaml(showing.resolved(loaded), loaded.sources, origins=False)
    again = api.load_text(Project(folder / "top.yaml"), SourceFile("shown.yaml", text))
    assert again.ok, text
    assert keys(again) == keys(loaded)
    assert len([key for key, _ in keys(loaded).values() if key]) >= 4
    assert showing.to_yaml(showing.resolved(again), again.sources, origins=False) == text
    assert "extends" not in text
    assert "matrix" not in text
    assert "${" not in text


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_keep_their_keys(path: Path) -> None:
    loaded = api.load(path)
    for origins in (False, True):
        text = showing.to_yaml(showing.resolved(loaded), loaded.sources, origins=origins)
        again = api.load_text(Project(path), SourceFile("shown.yaml", text))
        assert again.ok, text
        assert keys(again) == keys(loaded)


ORIGINS = {
    ("name",): ("top", "spec", "top.yaml", 2, None),
    ("scope", "task"): ("classification", "base", "base.yaml", 3, None),
    ("scope", "commercial"): (False, "default", None, None, None),
    ("data", "d", "split", "validation"): (3, "set", "--set data.d.split.validation", None, None),
    ("prompts", "short", "user"): ("{{ text }}\n=>", "base", "base.yaml", 9, None),
    ("prompts", "short", "truncate", "text"): (3, "spec", "top.yaml", 6, None),
    ("prompts", "short", "system"): ("Use 5 words.", "variable", "top.yaml", 3, ("steps", "top.yaml", 6)),
    ("tuning", "lora.rank-8", "rank"): (8, "spec", "top.yaml", 8, None),
    ("tuning", "lora.rank-8", "kind"): ("lora", "default", None, None, None),
    ("tuning", "lora.rank-4", "learning-rate"): (0.01, "var-file", "vars.yaml", 2, ("rate", "top.yaml", 8)),
    ("ladder", 0, "models", 0): ("m", "default", None, None, None),
    ("ladder", 1, "tuning", 1): ("lora.rank-8", "default", None, None, None),
    ("evaluation", "select-by"): ("s.accuracy", "default", None, None, None),
    ("x-note", "kept", 1): (2, "spec", "top.yaml", 12, None),
}


def test_each_value_has_its_origin(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    arguments = ["show", "top.yaml", "--var-file", "vars.yaml", "--set", "data.d.split.validation=3"]
    told = json.loads(CliRunner().invoke(group, [*arguments, "--format", "json"]).stdout)
    validator("show").validate(told)
    found = {tuple(one["path"]): one for one in told["values"]}
    for path, (value, kind, file, line, variable) in ORIGINS.items():
        origin = found[path]["origin"]
        used = origin["variable"] and (
            origin["variable"]["name"],
            *(origin["variable"]["used"][k] for k in ("file", "line")),
        )
        assert (found[path]["value"], origin["kind"], origin["file"], origin["line"], used) == (
            value, kind, file, line, variable,
        ), path  # fmt: skip
    text = CliRunner().invoke(group, [*arguments, "--origin"]).stdout
    assert "# top.yaml:8 ${rate} = vars.yaml:2" in text
    assert "# --set data.d.split.validation" in text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("tuning.lora.rank-8.rank", "8\n"),
        ("ladder.1", "tuning: [lora.rank-4, lora.rank-8]\n"),
        ("prompts.short.user", "{{ text }}\n=>\n"),
        ("ladder[0].prompts", "- p\n- short\n"),
    ],
)
def test_a_path_shows_one_part(folder: Path, monkeypatch: pytest.MonkeyPatch, path: str, words: str) -> None:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(group, ["show", "top.yaml", path])
    assert (done.exit_code, done.stdout) == (0, words)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["tuning.lora.rank-4.rnak"], 2, "did you mean `rank`?"),
        (["promts"], 2, "did you mean `prompts`?"),
        (["ladder.7"], 2, "has 2 items"),
        (["name.x"], 2, "`name` is a plain value"),
        (["a", "b"], 2, "one path at a time"),
        (["--set", "tuning.lora.rnk=3"], 1, "LC0101"),
    ],
)
def test_wrong_paths_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, told: str
) -> None:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(group, ["show", "top.yaml", *words])
    assert done.exit_code == code
    assert told in done.output
