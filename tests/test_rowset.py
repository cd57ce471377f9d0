"""Rows: read, checked, divided, and kept apart from what judges them."""

from pathlib import Path

import pytest

from lcspec.datafiles import read_jsonl, read_table
from lcspec.rowset import (
    Columns,
    DataFault,
    Row,
    Split,
    divide,
    make_rows,
    read_rows,
    sample,
    without_leaks,
    write_rows,
)

COLUMNS = Columns.model_validate({"input": "text", "target": "label"})


def rows(count: int, start: int = 0) -> list[Row]:
    raw = [(n, {"text": f"text {n}", "label": "ab"[n % 2]}) for n in range(start, start + count)]
    return make_rows(raw, "f", COLUMNS, {}, ["a", "b"])


@pytest.mark.parametrize("parts", [{"validation": "10%", "test": "20%"}, {"validation": 10, "test": 20}])
def test_shares_and_counts_divide_alike(parts: dict) -> None:
    made = divide({"all": rows(100)}, Split.model_validate(parts))
    assert {name: len(listed) for name, listed in made.items()} == {"train": 70, "validation": 10, "test": 20}


def test_a_split_survives_its_own_json() -> None:
    split = Split.model_validate({"validation": "15%", "test": 25, "seed": 7})
    assert Split.model_validate(split.model_dump(by_alias=True)) == split


def test_the_seed_decides_the_split_and_nothing_else() -> None:
    first, again, other = (divide({"all": rows(50)}, Split(validation=5, test=5, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first["test"] != other["test"]


def test_official_splits_stay_and_validation_is_carved_out_of_train() -> None:
    official = rows(20, start=500)
    made = divide({"train": rows(100), "test": official}, Split(validation=30))
    assert made["test"] == official
    assert (len(made["train"]), len(made["validation"])) == (70, 30)


def test_more_rows_than_there_are_is_a_fault() -> None:
    with pytest.raises(DataFault) as caught:
        divide({"all": rows(5)}, Split(test=9))
    assert caught.value.code == "LC0405"


def test_rows_that_also_judge_leave_train_and_are_reported() -> None:
    leaking = make_rows([(1, {"text": "TEXT  3!", "label": "a"})], "f", COLUMNS, {}, [])
    made = without_leaks({"train": [*rows(3), *leaking], "test": rows(5, start=3)}, "text")
    assert len(made.splits["train"]) == 3
    assert "1 rows of train" in made.notes[0]


def test_ids_are_content_and_occurrence() -> None:
    twice = make_rows([(n, {"text": "same", "label": "a"}) for n in (1, 2)], "f", COLUMNS, {}, [])
    assert twice[0].id.endswith("-1")
    assert twice[1].id == twice[0].id[:-1] + "2"


def test_labels_are_renamed_before_they_are_checked() -> None:
    made = make_rows([(1, {"text": "t", "label": "earn"})], "f", COLUMNS, {"earn": "a"}, ["a", "b"])
    assert made[0].target == "a"
    assert made[0].variables == {"text": "t"}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{not json", "LC0406"),
        ("[1, 2]", "LC0406"),
        ('{"text": "x"}', "LC0403"),
        ('{"text": "x", "label": "z"}', "LC0404"),
    ],
)
def test_a_fault_names_its_line(tmp_path: Path, line: str, code: str) -> None:
    (tmp_path / "f.jsonl").write_text('{"text": "ok", "label": "a"}\n\n' + line + "\n")
    with pytest.raises(DataFault) as caught:
        make_rows(read_jsonl(tmp_path / "f.jsonl", "f.jsonl"), "f.jsonl", COLUMNS, {}, ["a", "b"])
    assert (caught.value.code, caught.value.line) == (code, 3)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("csv", 'text,label\n"one, two",a\n'),
        ("tsv", "text\tlabel\none, two\ta\n"),
        ("orange", "text\tlabel\nstring\td\n\tclass\n\none, two\ta\n"),
    ],
)
def test_tables_read_alike(tmp_path: Path, form: str, text: str) -> None:
    (tmp_path / "t").write_text(text)
    assert [values for _, values in read_table(tmp_path / "t", "t", form)] == [{"text": "one, two", "label": "a"}]


def test_written_rows_read_back_and_samples_are_seeded(tmp_path: Path) -> None:
    made = without_leaks({"test": rows(40)}, "text")
    write_rows(made, tmp_path)
    assert read_rows(tmp_path, "test") == made.splits["test"]
    assert sample(rows(40), 10, 1) == sample(rows(40), 10, 1)
    assert len(sample(rows(5), 10, 1)) == 5
