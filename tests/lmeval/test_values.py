"""A metric of lists of what tasks give for rows: lm-eval's own number, a spread, and a value for each row."""

import math
import statistics

import pytest

from lcspec.lmeval.values import judged, pooled

NAN = float("nan")


def mean(items: list[float]) -> float:
    return sum(items) / len(items)


def perplexity(items: list[float]) -> float:
    return math.exp(-mean(items))


def test_a_mean_of_zeros_and_ones_is_a_share_with_counts() -> None:
    told, rows = judged([1, 0.0, True, 0], mean, 0.5, is_mean=True, better=True)
    assert told == {"value": 0.5, "n": 4, "successes": 2, "higher_is_better": True}
    assert rows == [1.0, 0.0, 1.0, 0.0]


def test_a_mean_of_numbers_has_a_standard_error() -> None:
    told, rows = judged([1.0, 2.0, 6.0], mean, 3.0, is_mean=True, better=False)
    assert told["value"] == 3.0
    assert told["std_error"] == pytest.approx(statistics.stdev([1, 2, 6]) / math.sqrt(3))
    assert told["higher_is_better"] is False
    assert rows == [1.0, 2.0, 6.0]


def test_what_is_no_mean_has_pseudo_values_around_it() -> None:
    items = [-1.0, -2.0, -4.0, -1.5, -3.0]
    told, rows = judged(items, perplexity, perplexity(items), is_mean=False, better=False)
    assert told["value"] == perplexity(items)
    assert statistics.fmean(rows) == pytest.approx(told["value"])
    delta = told["value"] * statistics.stdev(items) / math.sqrt(len(items))  # to first order
    assert told["std_error"] == pytest.approx(delta, rel=0.5)


def test_the_jackknife_of_a_mean_is_the_rows_themselves() -> None:
    items = [(1.0, "a"), (2.0, "a"), (4.0, "b")]
    _, rows = judged(items, lambda some: mean([one for one, _ in some]), 7 / 3, is_mean=False, better=True)
    assert rows == pytest.approx([1.0, 2.0, 4.0])


@pytest.mark.parametrize("bad", [NAN, None, "text", [1.0]])
def test_rows_that_are_no_numbers_leave_no_value(bad: object) -> None:
    told, _ = judged([1.0, bad], mean, NAN, is_mean=True, better=True)
    assert told["value"] is None


def test_an_aggregate_that_cannot_leave_a_row_out_has_a_value_and_no_spread() -> None:
    def strict(items: list[float]) -> float:
        if len(items) < 3:
            raise ValueError
        return 1.0

    told, rows = judged([1.0, 2.0, 3.0], strict, 1.0, is_mean=False, better=True)
    assert (told["value"], told["n"], told["std_error"]) == (1.0, 3, None)
    assert rows == [None, None, None]


def test_rows_of_several_tasks_count_alike() -> None:
    told = pooled({"a": [1.0], "b": [0.0, 0.0, 1.0]}, better=True)
    assert (told["value"], told["n"], told["successes"]) == (0.5, 4, 2)
