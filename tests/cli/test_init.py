"""`lcspec init` writes a spec that compiles for whatever rows it is given, or says why it cannot."""

import csv
import gzip
import json
import os
import pty
import random
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from lcspec import api
from lcspec.cli.main import group
from lcspec.stats import wilson

Rows = list[dict[str, object]]
WORDS = ["invoice", "refund", "broken", "screen", "price", "account", "login", "error", "help", "now", "where"]


def texts(count: int, words: int = 12) -> list[str]:
    made = random.Random(7)
    return [" ".join(made.choices(WORDS, k=words)) + f" {n}" for n in range(count)]


def labelled(count: int, *labels: str, words: int = 12) -> Rows:
    return [{"text": text, "label": labels[n % len(labels)]} for n, text in enumerate(texts(count, words))]


def jsonl(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def table(delimiter: str) -> Callable[[Path, Rows], None]:
    def write(path: Path, rows: Rows) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)

    return write


def packed(path: Path, rows: Rows) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def array(path: Path, rows: Rows) -> None:
    path.write_text(json.dumps(rows))


def parquet(path: Path, rows: Rows) -> None:
    import pyarrow
    from pyarrow.parquet import write_table

    write_table(pyarrow.Table.from_pylist(rows), path)


QUESTIONS: Rows = [{"question": f"{t}?", "answers": [f"a{n}", "b"], "passage": t * 3} for n, t in enumerate(texts(90))]
SUMMARIES: Rows = [
    {"article": t, "summary": s} for t, s in zip(texts(80, 120), texts(80, 20), strict=True)
]  # fmt: skip
WIDE: Rows = [{**{f"c{n}": str(n * row) for n in range(60)}, **one} for row, one in enumerate(labelled(60, "a", "b"))]
UNICODE: Rows = [{"текст": f"сообщение {n} 😀", "метка": "да" if n % 2 else "нет: #1"} for n in range(80)]
REPEATED = [*labelled(100, "a", "b"), *labelled(50, "b", "a")]
SKEWED = [{"text": text, "label": "rare" if n % 20 == 0 else "common"} for n, text in enumerate(texts(400))]
HOPELESS = [{"text": text, "label": "rare" if n < 2 else "common"} for n, text in enumerate(texts(200))]
NUMBERS: Rows = [{"review": text, "stars": n % 5} for n, text in enumerate(texts(200))]
CODES: Rows = [{"instruction": text, "output": f"def f{n}():\n    return {n}"} for n, text in enumerate(texts(60))]

# file name, how it is written, rows, task, what the text must say
FILES: dict[str, tuple[str, Callable[[Path, Rows], None], Rows, str, str]] = {
    "balanced": ("rows.jsonl", jsonl, labelled(1200, "a", "b", "c"), "classification", "answers.accuracy"),
    "comma": ("rows.csv", table(","), labelled(100, "a", "b"), "classification", "kind: table"),
    "tab": ("rows.tsv", table("\t"), labelled(100, "a", "b"), "classification", "format: tsv"),
    "tab in csv": ("rows.csv", table("\t"), labelled(100, "a", "b"), "classification", "format: tsv"),
    "semicolon": ("rows.csv", table(";"), labelled(100, "a", "b"), "classification", 'separator: ";"'),
    "bar": ("rows.txt", table("|"), labelled(100, "a", "b"), "classification", 'separator: "|"'),
    "array": ("rows.json", array, labelled(100, "a", "b"), "classification", "kind: json"),
    "parquet": ("rows.parquet", parquet, labelled(100, "a", "b"), "classification", "kind: parquet"),
    "gzip": ("rows.jsonl.gz", packed, labelled(100, "a", "b"), "classification", "kind: jsonl"),
    "tiny": ("rows.jsonl", jsonl, labelled(6, "a", "b"), "classification", "no gate: 1 rows"),
    "small": ("rows.jsonl", jsonl, labelled(45, "a", "b"), "classification", "no training"),
    "skewed": ("rows.jsonl", jsonl, SKEWED, "classification", "answers.macro-f1"),
    "hopeless": ("rows.jsonl", jsonl, HOPELESS, "classification", "no gate: 99%"),
    "wide": ("rows.csv", table(","), WIDE, "classification", "input: text"),
    "unicode": ("строки.jsonl", jsonl, UNICODE, "classification", 'input: "текст"'),
    "repeated": ("rows.jsonl", jsonl, REPEATED, "classification", "50 rows repeat the input"),
    "numbers": ("rows.jsonl", jsonl, NUMBERS, "classification", "give the labels names"),
    "many labels": ("rows.jsonl", jsonl, labelled(800, *(f"l{n}" for n in range(50))), "classification", "- l49"),
    "long": ("rows.jsonl", jsonl, labelled(100, "a", "b", words=900), "classification", "truncate: {text: 300}"),
    "questions": ("rows.jsonl", jsonl, QUESTIONS, "question-answering", "{{ passage }}"),
    "summaries": ("rows.jsonl", jsonl, SUMMARIES, "summarization", "scoring: generation"),
    "code": ("rows.jsonl", jsonl, CODES, "generation", "scoring: generation"),
    "name of a prompt": ("lora.jsonl", jsonl, labelled(100, "a", "b"), "classification", "lora-rows:"),
}


def init(*words: object) -> Result:
    return CliRunner().invoke(group, ["init", *map(str, words)])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", sorted(FILES))
def test_the_spec_of_a_file_compiles(here: Path, case: str) -> None:
    name, write, rows, task, words = FILES[case]
    write(here / name, rows)
    done = init(name, "-o", "spec.yaml")
    assert done.exit_code == 0, done.output
    text = (here / "spec.yaml").read_text(encoding="utf-8")
    loaded = api.load(here / "spec.yaml")
    undecided = {"LC0203"} if "no gate:" in text else set()
    assert loaded.ok, loaded.diagnostics
    assert {d.code for d in loaded.diagnostics if d.code in ("LC0203", "LC0604")} == undecided
    assert loaded.spec is not None
    assert loaded.spec.scope.task == task
    assert words in text
    api.make_plan(loaded)


def test_a_gate_asks_for_more_than_guessing_and_its_rows_can_decide_it(here: Path) -> None:
    decided = 0
    for count, labels in ((60, "ab"), (100, "ab"), (300, "abc"), (1000, "abcdefgh"), (5000, "aaab"), (40, "ab")):
        name = f"r{count}"
        jsonl(here / f"{name}.jsonl", labelled(count, *labels))
        assert init(f"{name}.jsonl").exit_code == 0
        spec = yaml.safe_load((here / f"{name}.yaml").read_text())
        share = max(labels.count(label) for label in labels) / len(labels)
        gate = spec["evaluation"].get("gates", {}).get("good-enough")
        rows = min(spec["data"][name]["split"][split] for split in ("validation", "test"))
        if gate is None:
            continue
        decided += 1
        assert gate["at-least"] > share
        right = next(k for k in range(rows + 1) if wilson(k, rows, gate["confidence"]).low >= gate["at-least"])
        assert right < rows
    assert decided >= 5


FAULTS: dict[str, tuple[str, str | bytes, tuple[str, ...], str, str]] = {
    "missing": ("rows.jsonl", "", ("gone.jsonl",), "LC0401", "gone.jsonl"),
    "folder": ("rows.jsonl", "", (".",), "LC0121", "is a folder"),
    "empty": ("rows.csv", "", (), "LC0402", "has no rows"),
    "only a header": ("rows.csv", "text,label\n", (), "LC0402", "has no rows"),
    "no header": ("rows.csv", "it broke,bad\nit works,good\n" * 20, (), "LC0121", "looks like a row"),
    "numbers first": ("rows.csv", "1,it broke\n2,it works\n3,no\n4,yes\n", (), "LC0121", "is a number"),
    "one label": ("rows.csv", "text,label\n" + "".join(f"t{n},a\n" for n in range(20)), (), "LC0122", "the same"),
    "one label, named": (
        "rows.csv", "text,label\n" + "".join(f"t{n},a\n" for n in range(20)), ("--target", "label", "--task",
        "classification"), "LC0122", "nothing to decide",
    ),
    "one column": ("rows.csv", "text\na\nb\nc\nd\n", (), "LC0122", "can be the answer"),
    "too few": ("rows.csv", "text,label\nx,a\ny,b\n", (), "LC0121", "has 2 rows"),
    "binary": ("rows.csv", b"PK\0\1\2", (), "LC0121", "not text"),
    "unknown form": ("rows.xlsx", "hello", (), "LC0121", "suffix"),
    "broken line": ("rows.jsonl", '{"text": "a", "label": "b"}\n{oops\n', (), "LC0406", "rows.jsonl:2"),
    "empty cell": ("rows.csv", "text,label\nx,a\ny,b\n,a\nz,b\nw,a\n", (), "LC0403", "line 4"),
    "wrong column": ("rows.csv", "text,label\nx,a\ny,b\nw,a\nz,b\n", ("--input", "txt"), "LC0122", "mean `text`"),
    "spaced column": ("rows.csv", "my text,label\nx,a\ny,b\nw,a\nz,b\n", (), "LC0122", "`my_text`"),
    "no model": ("rows.csv", "text,label\nx,a\ny,b\nw,a\nz,b\n", ("--model", "nope"), "LC0123", "org/name"),
    "a folder without weights": (
        "rows.csv", "text,label\nx,a\ny,b\nw,a\nz,b\n", ("--model", "."), "LC0123", "config.json",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(FAULTS))
def test_what_cannot_become_a_spec_is_told_and_nothing_is_written(here: Path, case: str) -> None:
    name, content, words, code, told = FAULTS[case]
    (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    given = words if words and not words[0].startswith("-") else (name, *words)
    done = init(*given)
    assert (done.exit_code, code in done.output, told in done.output) == (1, True, True), done.output
    assert [path.name for path in here.iterdir()] == [name]


def test_nothing_is_overwritten(here: Path) -> None:
    jsonl(here / "rows.jsonl", labelled(50, "a", "b"))
    (here / "rows.yaml").write_text("mine")
    (here / ".lcspec-schema.json").write_text("{}")
    done = init("rows.jsonl")
    assert (done.exit_code, "exists" in done.output) == (2, True)
    assert (here / "rows.yaml").read_text() == "mine"
    assert init("rows.jsonl", "-o", "other/spec.yaml").exit_code == 0
    assert api.load(here / "other" / "spec.yaml").ok
    assert init("rows.jsonl", "-o", "spec.yaml").exit_code == 0
    assert (here / ".lcspec-schema.json").read_text() == "{}"


def test_options_decide(here: Path) -> None:
    jsonl(here / "rows.jsonl", [{**row, "other": "xy"[n % 2]} for n, row in enumerate(labelled(60, "a", "b"))])
    (here / "tiny").mkdir()
    for file in ("config.json", "model.safetensors", "tokenizer.json"):
        (here / "tiny" / file).write_text("{}")
    done = init("rows.jsonl", "--target", "other", "--model", "tiny", "--name", "desk", "--task", "generation")
    assert done.exit_code == 0, done.output
    loaded = api.load(here / "desk.yaml")
    assert loaded.ok, loaded.diagnostics
    assert loaded.spec is not None
    assert loaded.spec.find("data", "rows").body.columns.target == "other"
    assert loaded.spec.find("model", "tiny").body.files == ("config.json", "model.safetensors", "tokenizer.json")
    assert init("rows.jsonl", "--model", "acme/small-1B", "--name", "hub").exit_code == 0
    hub = api.load(here / "hub.yaml")
    assert hub.ok
    assert hub.spec is not None
    assert hub.spec.find("model", "small-1b").body.repo == "acme/small-1B"
    assert init("rows.jsonl", "--name", "My Desk").exit_code == 2
    assert init().exit_code == 2


@pytest.mark.slow
def test_many_rows_are_read_in_passing(here: Path) -> None:
    with (here / "rows.jsonl").open("w") as file:
        for n in range(120_000):
            file.write(f'{{"text": "row {n} of many", "label": "{"abc"[n % 3]}"}}\n')
    assert init("rows.jsonl").exit_code == 0
    loaded = api.load(here / "rows.yaml")
    assert loaded.ok
    assert loaded.spec is not None
    assert loaded.spec.find("data", "rows").body.split.test == 500


def test_on_a_terminal_it_asks(here: Path) -> None:
    jsonl(here / "rows.jsonl", [{**row, "other": "xy"[n % 2]} for n, row in enumerate(labelled(60, "a", "b"))])
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "dumb"}
    command = [sys.executable, "-m", "lcspec", "init"]
    process = subprocess.Popen(command, cwd=here, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    said = ""
    answers = ["rows.jsonl", "", "other", "", "", "desk"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([ours], [], [], 0.2)
        try:
            said += os.read(ours, 4096).decode() if ready else ""
        except OSError:  # Linux ends a terminal with an error
            break
        if said.endswith(": ") and answers:
            os.write(ours, (answers.pop(0) + "\n").encode())
            said += "\n"
    os.close(ours)
    assert process.wait(10) == 0, said
    assert not answers
    assert "Column with the right answer" in said
    loaded = api.load(here / "desk.yaml")
    assert loaded.ok
    assert loaded.spec is not None
    assert loaded.spec.find("data", "rows").body.columns.target == "other"
