"""Cross-field rules: each is seen to fire, and the examples are seen to pass."""

from pathlib import Path

import pytest

from lcspec import api
from lcspec.compile import check
from lcspec.compile.check import GROUPS, ROWS, rules

SPECS = Path(__file__).parents[2] / "specs"
TALES, QUICKSTART = (SPECS / "tales.yaml").read_text(), (SPECS / "quickstart.yaml").read_text()
RULES = Path(check.__file__).parent / "rules"
LOCK = (SPECS / "quickstart.lock.json").read_text()

CASES = {
    "too many parameters": (QUICKSTART, "max: 200M", "max: 100M", "LC0301", "135M", True),
    "too short a context": (QUICKSTART, "min: 512", "min: 9000", "LC0301", "8192", True),
    "too much memory": (QUICKSTART, "max: 2 GiB", "max: 500 MB", "LC0301", "513 MiB", True),
    "licence outside": (QUICKSTART, "licenses: [apache-2.0]", "licenses: [mit]", "LC0303", "apache-2.0", False),
    "licence unknown": (QUICKSTART, "    license: apache-2.0\n", "", "LC0303", "not stated", False),
    "one label": (
        QUICKSTART,
        "[earnings, merger, oil, trade, currency, interest, shipping, grain]",
        "[oil]",
        "LC0302",
        "",
        0,
    ),
    "a label twice": (
        QUICKSTART,
        "labels: [earnings, merger",
        "labels: [earnings, earnings, merger",
        "LC0302",
        "twice",
        0,
    ),
    "a gate with two thresholds": (QUICKSTART, "at-least: 0.88", "at-least: 0.88, at-most: 1", "LC0602", "2", False),
    "a gate beyond 1": (QUICKSTART, "at-least: 0.88", "at-least: 88", "LC0602", "between 0 and 1", False),
    "a gate with too few rows": (QUICKSTART, "validation: 300", "validation: 10", "LC0604", "10 rows", False),
    "no validation rows": (
        QUICKSTART,
        "split: {validation: 500, seed: 7}",
        "split: {seed: 7}",
        "LC0405",
        "validation",
        0,
    ),
    "the prompt hides the input": (QUICKSTART, "{{ Text }}", "{{ Txt }}", "LC0411", "input", False),
    "exposed without a key": (QUICKSTART, "port: 8000", "port: 8000, host: 0.0.0.0", "LC0801", "key", False),
    "retrieval from rows": (TALES, "data: tales,", "data: questions,", "LC0701", "documents", False),
    "an embedder that generates": (TALES, "embedder: minilm", "embedder: smollm2", "LC0701", "embedder", False),
    "context without retrieval": (QUICKSTART, "{{ Text }}", "{{ Text }} {{ context }}", "LC0411", "context", False),
    "hits without retrieval": (QUICKSTART, "[accuracy, macro-f1]", "[accuracy, retrieval-recall]", "LC0603", "", False),
    "base without an untuned rung": (
        QUICKSTART,
        "  - {prompts: [zero-shot, few-shot]}\n",
        "  - {prompts: [zero-shot], tuning: [lora]}\n",
        "LC0605",
        "untuned",
        False,
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_rule_fires(name: str, tmp_path: Path) -> None:
    text, before, after, code, words, locked = CASES[name]
    assert before in text
    changed = text.replace(before, after, 1)
    if code == "LC0605":
        changed = changed.replace("at-least: 0.88, confidence: 0.95", "not-worse-than: base")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tales-questions.jsonl").write_text((SPECS / "data" / "tales-questions.jsonl").read_text())
    (tmp_path / "spec.yaml").write_text(changed)
    if locked:
        (tmp_path / "spec.lock.json").write_text(LOCK)
    found = api.load(tmp_path / "spec.yaml").diagnostics
    assert code in {diagnostic.code for diagnostic in found}
    assert any(words in diagnostic.message for diagnostic in found)


def test_a_latency_floor_is_told_in_milliseconds(tmp_path: Path) -> None:
    scope = "hardware: {device: l4}\n  requires:\n    latency-p95: {max: 1 ms}\n"
    (tmp_path / "spec.yaml").write_text(QUICKSTART.replace("requires:\n", scope, 1))
    (tmp_path / "spec.lock.json").write_text(LOCK)
    found = [one for one in api.load(tmp_path / "spec.yaml").diagnostics if one.code == "LC0314"]
    assert [one.message for one in found] == ["`smollm2` takes 1.79 ms at least for one token"]
    assert found[0].severity == "error"
    assert found[0].labels[1].text == "1 ms are allowed"
    assert "at 279 GiB a second on `l4`" in found[0].notes[0]


def test_rules_are_discovered() -> None:
    assert sum(len(rules(group)) for group in (*GROUPS, ROWS)) >= 60
    folders = {path.name for path in RULES.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {*GROUPS, ROWS} - {""}


@pytest.mark.parametrize("name", ["quickstart", "tales"])
def test_the_examples_raise_nothing(name: str) -> None:
    assert api.load(SPECS / f"{name}.yaml").diagnostics == []
