"""Rows: read, checked, divided, and kept apart from what judges them."""

from pathlib import Path

import pytest

from lcspec.datafiles import read_jsonl, read_table
from lcspec.ir.strict import construct, plain
from lcspec.rowset import Columns, DataFault, Row, Split, make_rows, read_rows, write_rows
from lcspec.rowsplits import divide, sample, without_leaks

COLUMNS = construct(Columns, {"input": "text", "target": "label"})


def rows(count: int, start: int = 0) -> list[Row]:
    raw = [(n, {"text": f"text {n}", "label": "ab"[n % 2]}) for n in range(start, start + count)]
    return make_rows(raw, "f", COLUMNS, {}, ["a", "b"])


@pytest.mark.parametrize("parts", [{"validation": "10%", "test": "20%"}, {"validation": 10, "test": 20}])
def test_shares_and_counts_divide_alike(parts: dict) -> None:
    made = divide({"all": rows(100)}, construct(Split, parts))
    assert {name: len(listed) for name, listed in made.items()} == {"train": 70, "validation": 10, "test": 20}


def test_a_split_survives_its_own_json() -> None:
    split = construct(Split, {"validation": "15%", "test": 25, "seed": 7})
    assert plain(construct(Split, plain(split))) == plain(split)


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


def read(columns: dict, *values: dict) -> list[Row]:
    return make_rows(enumerate(values, 1), "f", construct(Columns, columns), {}, [])


TALK = [
    {"from": "system", "value": "Be brief."},
    {"from": "human", "value": "Hello"},
    {"from": "gpt", "value": "Hi"},
    {"from": "human", "value": "How are you?"},
    {"from": "gpt", "value": "Fine"},
]
SHAREGPT = {"input": "text", "messages": "conversations", "message-keys": {"role": "from", "content": "value"}}


def test_a_conversation_becomes_an_input_a_target_and_what_was_said_before(tmp_path: Path) -> None:
    made = read(SHAREGPT, {"conversations": TALK, "topic": "small talk"}, {"conversations": TALK[:4], "topic": "x"})
    assert made[0].variables == {"text": "How are you?", "topic": "small talk"}
    assert (made[0].system, made[0].history, made[0].target) == ("Be brief.", (("Hello", "Hi"),), "Fine")
    assert made[1].target is None
    write_rows(without_leaks({"train": made}, "text"), tmp_path)
    assert read_rows(tmp_path, "train") == made


def test_a_preference_pair_may_be_texts_or_conversations_and_keeps_its_ids_apart() -> None:
    columns = {"input": "prompt", "chosen": "good", "rejected": "bad"}
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "yes"}]
    made = read(columns, {"prompt": "q", "good": said, "bad": "no"}, {"prompt": "q", "good": "no", "bad": "yes"})
    assert [(row.chosen, row.rejected) for row in made] == [("yes", "no"), ("no", "yes")]
    assert made[0].variables == {"prompt": "q"}
    assert len({row.id for row in made}) == 2


def test_a_judged_answer_is_true_or_false_and_columns_can_be_renamed() -> None:
    columns = {"input": "text", "completion": "answer", "desirable": "good", "rename": {"question": "text"}}
    made = read(columns, {"question": "q", "answer": "a", "good": 1}, {"question": "q", "answer": "b", "good": "No"})
    assert [(row.completion, row.desirable) for row in made] == [("a", True), ("b", False)]
    assert made[0].variables == {"text": "q"}


TALKED = {"input": "text", "messages": "m"}
BAD_CELLS = {
    "no list": (TALKED, {"m": "hello"}, "LC0550", "no list of messages"),
    "other keys": (TALKED, {"m": TALK}, "LC0550", "message 1 has no `role` and `content`"),
    "unknown speaker": (TALKED, {"m": [{"role": "tool", "content": "x"}]}, "LC0550", "unknown role `tool`"),
    "out of turn": (TALKED, {"m": [{"role": "assistant", "content": "x"}]}, "LC0550", "out of turn"),
    "empty": (TALKED, {"m": [{"role": "user", "content": " "}]}, "LC0550", "message 1 has no text"),
    "only a system": (TALKED, {"m": [{"role": "system", "content": "x"}]}, "LC0550", "no message of a user"),
    "no answer": (
        {"input": "text", "chosen": "m"},
        {"text": "q", "m": [{"role": "user", "content": "x"}]},
        "LC0550",
        "do not end with the assistant",
    ),
    "judgement": ({"input": "text", "desirable": "m"}, {"text": "q", "m": "good"}, "LC0551", "neither true nor false"),
}


@pytest.mark.parametrize("case", BAD_CELLS.values(), ids=BAD_CELLS)
def test_a_cell_that_its_role_cannot_read_is_a_fault_at_its_line(case: tuple) -> None:
    columns, values, code, words = case
    with pytest.raises(DataFault) as caught:
        read(columns, values)
    assert (caught.value.code, caught.value.line) == (code, 1)
    assert words in caught.value.message


def test_the_same_last_question_after_another_talk_is_no_leak() -> None:
    other = [{"role": "user", "content": "Bye"}, {"role": "assistant", "content": "Hi"}]
    talk = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    ask = {"role": "user", "content": "Yes"}
    first, second = (read(TALKED, {"m": [*one, ask]}) for one in (talk, other))
    assert without_leaks({"train": first, "test": second}, "text").counts["rows"] == {"train": 1, "test": 1}
    assert without_leaks({"train": first, "test": first}, "text").counts["rows"] == {"train": 0, "test": 1}
