"""Rows from JSON arrays, Parquet, text and compressed files."""

import gzip
import json
from pathlib import Path

import pytest

from lcspec.datafiles import read_any, read_json, read_parquet
from lcspec.rowset import DataFault

ROWS = [{"text": "a", "label": "x"}, {"text": "ü", "label": "y"}]


def test_a_json_array_at_the_top_or_under_a_key(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(ROWS))
    assert [row for _, row in read_json(path, "rows.json")] == ROWS
    path.write_text(json.dumps({"version": 1, "data": ROWS}))
    assert [row for _, row in read_json(path, "rows.json", "data")] == ROWS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("3", "no array"),
        ('{"a": 1}', "no array"),
        ("[1]", "row 1 is not an object"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_other_json_is_a_fault(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rows.json").write_text(text)
    with pytest.raises(DataFault) as raised:
        list(read_json(tmp_path / "rows.json", "rows.json"))
    assert raised.value.code == "LC0406"
    assert said in raised.value.message


def test_parquet_rows_keep_lists_and_structs(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"messages": [{"role": "user", "content": "hi"}], "n": 1}, {"messages": [], "n": 2}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert list(read_parquet(tmp_path / "rows.parquet", "rows.parquet")) == [(1, rows[0]), (2, rows[1])]


def test_a_broken_parquet_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataFault) as raised:
        list(read_parquet(tmp_path / "rows.parquet", "rows.parquet"))
    assert raised.value.code == "LC0406"


def test_a_json_file_of_the_hub_is_an_array_or_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text("\n ".join(["", json.dumps(ROWS)]))
    assert [row for _, row in read_any(path, "rows.json", "json")] == ROWS
    path.write_text("\n".join(map(json.dumps, ROWS)))
    assert [row for _, row in read_any(path, "rows.json", "json")] == ROWS


def test_compressed_lines_and_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, ROWS)).encode()))
    assert [row for _, row in read_any(path, "rows.jsonl.gz", "jsonl")] == ROWS
    (tmp_path / "t.txt").write_text("one\n\ntwo\n")
    assert list(read_any(tmp_path / "t.txt", "t.txt", "txt")) == [(1, {"text": "one"}), (3, {"text": "two"})]


@pytest.mark.parametrize("data", [b"no gzip", gzip.compress(b'{"a": 1}' * 100, mtime=0)[:-9]], ids=["other", "cut"])
def test_a_file_that_cannot_be_unpacked_is_a_fault(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "rows.jsonl.gz").write_bytes(data)
    with pytest.raises(DataFault) as raised:
        list(read_any(tmp_path / "rows.jsonl.gz", "rows.jsonl.gz", "jsonl"))
    assert raised.value.code == "LC0406"
