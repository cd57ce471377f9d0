import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcspec.ir.scored import Scored
from lcspec.kinds import registry
from lcspec.kinds.metric import (
    accuracy,
    exact_match,
    hit_rate,
    label_validity,
    macro_f1,
    refusal_rate,
    retrieval_recall,
)
from lcspec.metrickind import holds, mean, words

NAMES = ("accuracy", "exact-match", "hit-rate", "label-validity", "macro-f1", "refusal-rate", "retrieval-recall")
LABELS = {"labels": ["a", "b", "c"]}


def row(target=None, answer="", id="1", **more):
    return Scored(id, {}, target, (target,) if target else (), answer, **more)


def test_all_seven_metrics_are_found_by_file_name():
    assert set(NAMES) <= set(registry.names("metric"))


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_over_nothing_has_no_value_and_is_plain_json(name):
    module = registry.module("metric", name)
    made = module.compute([], LABELS)
    assert (made["value"], made["n"]) == (None, 0)
    json.dumps(made, allow_nan=False)
    assert registry.load("metric", name).name == name
    assert isinstance(module.needs, tuple)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "macro-f1"])
def test_the_value_is_the_mean_of_the_rows(name):
    module = registry.module("metric", name)
    rows = [
        row("a", "a", label="a", source="d", hits=({"id": "d#1", "title": "D"},)),
        row("b", "c", label="c", source="e", hits=({"id": "d#1", "title": "D"},)),
        row("b", "no", refused="pii"),
    ]
    known = [value for value in map(module.per_row, rows) if value is not None]
    made = module.compute(rows, LABELS)
    assert made["value"] == pytest.approx(sum(known) / len(known))
    assert (made["n"], made["successes"]) == (len(known), sum(known))


def test_accuracy_reads_the_label_before_the_text():
    assert accuracy.per_row(row("a", "It is a.", label="a")) == 1
    assert accuracy.per_row(row("a", " a ")) == 1
    assert accuracy.per_row(row("a", "sorry", refused="pii")) == 0
    assert accuracy.per_row(row(None, "a")) is None


def test_accuracy_tells_classes_and_confusion():
    rows = [row("a", "a"), row("a", "b"), row("b", "b"), row("b", "zzz")]
    made = accuracy.compute(rows, LABELS)
    assert made["value"] == 0.5
    assert made["confusion"] == {
        "labels": ["a", "b", "c"],
        "columns": ["a", "b", "c", "(other)"],
        "counts": [[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]],
    }
    first, _, third = made["classes"]
    assert first == {
        "label": "a", "support": 2, "predicted": 1, "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3)
    }  # fmt: skip
    assert third["f1"] is None


def test_macro_f1_by_hand():
    rows = [row("a", "a"), row("a", "a"), row("a", "b"), row("b", "b")]
    made = macro_f1.compute(rows, {"labels": ["a", "b"]})
    assert made["value"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert made["std_error"] > 0
    assert made == macro_f1.compute(rows, {"labels": ["a", "b"]})


def test_macro_f1_pseudo_values_pair_rows():
    rows = [row("ab"[at % 2], "ab"[at % 2] if at % 5 else "b", id=str(at)) for at in range(200)]
    values = macro_f1.per_rows([*rows, row(None, "a")], {"labels": ["a", "b"]})
    whole = macro_f1.compute(rows, {"labels": ["a", "b"]})
    assert values[-1] is None and macro_f1.per_row(rows[0]) is None
    paired = mean(values)
    assert paired["value"] == pytest.approx(whole["value"], abs=0.002)
    assert paired["std_error"] == pytest.approx(whole["std_error"], rel=0.15)


@pytest.mark.parametrize(
    ("answer", "right", "equal"),
    [
        ("The Eiffel Tower.", "eiffel tower", 1),
        ("1,000", "1000", 1),
        ("3.5", "35", 0),
        ("-5", "5", 0),
        ("A", "A", 1),
        ("A", "the", 0),
        ("ＡＢＣ", "abc", 1),
        ("straße", "STRASSE", 1),
        ("", "x", 0),
        ("It is the tower", "tower", 0),
    ],
)
def test_exact_match(answer, right, equal):
    assert exact_match.per_row(row(right, answer)) == equal


@pytest.mark.parametrize(
    ("answer", "accepted", "hit"),
    [
        ("It opened in 1889, in Paris.", ("1887", "1889"), 1),
        ("a party", ("art",), 0),
        ("New York City", ("new york",), 1),
        ("York New", ("new york",), 0),
        ("anything", ("",), 0),
    ],
)
def test_hit_rate_finds_whole_words(answer, accepted, hit):
    assert hit_rate.per_row(Scored("1", {}, None, accepted, answer)) == hit


def test_a_row_without_a_right_answer_is_not_counted():
    assert hit_rate.compute([row(None, "x"), row("y", "y")], {})["n"] == 1


def test_retrieval_recall_by_id_passage_and_title():
    hits = ({"id": "9#0", "title": "Other"}, {"id": "doc#2", "title": "The Title"})
    assert retrieval_recall.rank(row(source="doc", hits=hits)) == 2
    assert retrieval_recall.rank(row(source="the  title", hits=hits)) == 2
    assert retrieval_recall.rank(row(source="do", hits=hits)) is None
    assert retrieval_recall.per_row(row(source=None, hits=hits)) is None
    made = retrieval_recall.compute([row(source="doc", hits=hits), row(source="x", hits=())], {})
    assert (made["value"], made["mean_reciprocal_rank"]) == (0.5, 0.25)


def test_refusals_are_counted_by_reason_and_lower_is_better():
    made = refusal_rate.compute([row(refused="pii"), row(refused="pii"), row(), row()], {})
    assert (made["value"], made["reasons"], made["higher_is_better"]) == (0.5, {"pii": 2}, False)


def test_label_validity_shows_what_was_no_label():
    made = label_validity.compute([row(answer="a", label="a"), row(answer="hm"), row(answer="hm")], LABELS)
    assert made["value"] == pytest.approx(1 / 3)
    assert made["invalid"] == [{"answer": "hm", "rows": 2}]


@given(st.text(), st.text())
def test_words_never_raise_and_hold_themselves(text, other):
    found = words(text)
    assert holds(found, found) == bool(found)
    assert not holds((), words(other))
