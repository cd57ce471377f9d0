"""Several data entries as one."""

import json
from pathlib import Path

import pytest

from lcspec import api
from lcspec.kinds import registry
from lcspec.rowset import Row, RowSet, read_rows, write_rows


class StepDouble:
    """A step's world: folders under one path."""

    def __init__(self, folder: Path, params: dict[str, object]) -> None:
        self.folder, self.params, self.notes, self.metrics = folder, params, [], {}

    def input(self, name: str) -> Path:
        return self.folder / name

    def output(self, name: str) -> Path:
        (self.folder / name).mkdir()
        return self.folder / name

    def metric(self, name: str, value: object) -> None:
        self.metrics[name] = value

    def warn(self, message: str) -> None:
        self.notes.append(message)

    def fail(self, message: str, *, help: str, code: str = "LC1201") -> None:
        raise AssertionError(code)


def rows(prefix: str, count: int, column: str = "text") -> list[Row]:
    return [Row(f"{prefix}{n}", {column: f"{prefix} {n}"}, target="t") for n in range(count)]


def mixed(folder: Path, parts: dict[str, dict[str, list[Row]]], **more: object) -> StepDouble:
    for at, splits in enumerate(parts.values()):
        (folder / f"rows.{at}").mkdir()
        write_rows(RowSet(splits), folder / f"rows.{at}")
    most = dict(more.pop("rows", {}))  # type: ignore[call-overload]
    io = StepDouble(folder, {"rows": [most.get(name) for name in parts], "input": "text", "seed": 0, **more})
    registry.module("data", "mix").prepare(io)
    return io


def test_rows_are_joined_split_by_split(tmp_path: Path) -> None:
    parts = {
        "a": {"train": rows("a", 5), "test": rows("x", 1)},
        "b": {"train": rows("b", 3), "validation": rows("y", 2)},
    }
    io = mixed(tmp_path, parts)
    assert io.metrics["rows"] == {"train": 8, "validation": 2, "test": 1}
    assert [row.id for row in read_rows(tmp_path / "rows", "train")][:6] == ["a0", "a1", "a2", "a3", "a4", "b0"]


def test_a_doubled_row_stays_once_and_a_leak_between_entries_is_taken_out_of_train(tmp_path: Path) -> None:
    same = rows("a", 3)
    io = mixed(tmp_path, {"a": {"train": same}, "b": {"train": same, "test": [Row("z", {"text": "a 1"}, target="t")]}})
    assert io.metrics["rows"] == {"train": 2, "test": 1}
    assert len(io.notes) == 1


def test_rows_of_an_entry_can_be_limited(tmp_path: Path) -> None:
    io = mixed(tmp_path, {"a": {"train": rows("a", 50)}, "b": {"train": rows("b", 3)}}, rows={"a": 4})
    assert io.metrics["rows"] == {"train": 7}


def test_an_entry_without_the_input_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="LC0403"):
        mixed(tmp_path, {"a": {"train": rows("a", 2)}, "b": {"train": rows("b", 2, "question")}})


SPEC = """
lcspec: 1
name: m
scope: {task: generation}
data:
  a: {kind: jsonl, path: a.jsonl, columns: {input: text, target: answer}, split: {validation: 2, test: 2}}
  b: {kind: jsonl, path: a.jsonl, columns: {input: text, target: answer}}
  c: {kind: documents, files: [a.jsonl]}
  all: {kind: mix, of: [OF], columns: {input: text, target: answer}}
models: {m: {kind: huggingface, repo: acme/m}}
prompts: {p: {user: "{{ text }}"}}
evaluation: {suites: {s: {data: all, metrics: [exact-match]}}, gates: {g: {metric: s.exact-match, at-least: 0.1}}}
"""


@pytest.mark.parametrize(
    ("of", "codes"),
    [("a, b", []), ("b", ["LC0405", "LC0405"]), ("a, all", ["LC0203"]), ("a, c", ["LC0203"]), ("a, d", ["LC0201"])],
)
def test_the_entries_of_a_mix_are_checked(tmp_path: Path, of: str, codes: list[str]) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": f"t{n}", "answer": "a"}) for n in range(8)))
    (tmp_path / "spec.yaml").write_text(SPEC.replace("OF", of))
    assert [one.code for one in api.load(tmp_path / "spec.yaml").diagnostics if one.severity == "error"] == codes
