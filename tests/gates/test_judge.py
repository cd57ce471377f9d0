import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcspec.gates.verdict import interval_of, judge
from lcspec.ir.plan import Gate
from lcspec.ir.verdict import FAIL, INCONCLUSIVE, NOT_APPLICABLE, PASS


def verdict(metric=None, comparison=None, **limits):
    gate = Gate("good-enough", "topics", limits.pop("name", "accuracy"), **limits)
    return judge(gate, candidate="a", split="test", metric=metric, comparison=comparison)


def share(successes, n):
    return {"value": successes / n, "n": n, "successes": successes, "higher_is_better": True}


def test_gate_passes_when_the_whole_interval_is_above():
    made = verdict(share(471, 500), at_least=0.9)
    assert (made.outcome, made.n, made.threshold, made.needed) == (PASS, 500, 0.9, None)
    assert (made.low, made.high) == pytest.approx((0.9223, 0.9569), abs=1e-4)
    assert made.why == "0.942 on 500 rows; at 95 % at least 0.922, needs 0.900"


def test_gate_fails_when_the_whole_interval_is_below():
    made = verdict(share(70, 200), at_least=0.9)
    assert made.outcome == FAIL
    assert made.why == "0.350 on 200 rows; at 95 % at most 0.407, needs 0.900"


def test_a_good_value_on_few_rows_is_inconclusive_and_says_how_many_rows_decide():
    made = verdict(share(182, 200), at_least=0.9)
    assert (made.outcome, made.needed) == (INCONCLUSIVE, 2435)
    assert made.why == (
        "0.910 on 200 rows; at 95 % between 0.871 and 0.938, needs 0.900; about 2 500 rows would decide it"
    )
    assert verdict(share(round(0.91 * 2500), 2500), at_least=0.9).outcome == PASS


def test_a_value_on_the_threshold_is_never_decided():
    made = verdict(share(180, 200), at_least=0.9)
    assert (made.outcome, made.needed) == (INCONCLUSIVE, None)
    assert made.why.endswith("no number of rows would decide it at this value")


def test_at_most_turns_the_sides():
    assert verdict(share(2, 200), at_most=0.05).outcome == PASS
    assert verdict(share(60, 200), at_most=0.05).outcome == FAIL
    assert verdict(share(8, 200), at_most=0.05).outcome == INCONCLUSIVE
    assert verdict(share(2, 200), at_most=0.05).why == "0.010 on 200 rows; at 95 % at most 0.030, allowed 0.050"


def test_confidence_decides():
    assert verdict(share(465, 500), at_least=0.9, confidence=0.95).outcome == PASS
    assert verdict(share(465, 500), at_least=0.9, confidence=0.999).outcome == INCONCLUSIVE


@pytest.mark.parametrize(
    "metric",
    [
        None,
        {},
        {"value": None, "n": 0, "successes": 0},
        {"value": float("nan"), "n": 500, "std_error": 0.01},
        {"value": float("nan"), "n": None},
        {"value": float("inf"), "n": None},
        {"value": True, "n": None},
        {"value": 1.0, "n": 0, "successes": 0},
    ],
)
@pytest.mark.parametrize("limits", [{"at_least": 0.0}, {"at_most": 1.0}])
def test_gate_on_unmeasured_metric_is_inconclusive(metric, limits):
    made = verdict(metric, **limits)
    assert (made.outcome, made.why, made.low) == (INCONCLUSIVE, "not measured", None)


def test_a_value_without_spread_or_counts_is_inconclusive():
    made = verdict({"value": 0.99, "n": 500}, at_least=0.9)
    assert made.outcome == INCONCLUSIVE
    assert "neither counts nor a standard error" in made.why


@pytest.mark.parametrize(
    "metric", [{"value": 1.0, "n": 9, "std_error": float("nan")}, {"value": 9, "n": 9, "successes": 99}]
)
def test_numbers_that_make_no_sense_decide_nothing(metric):
    assert verdict(metric, at_least=0.1).outcome == INCONCLUSIVE


def test_a_standard_error_gives_a_t_interval_within_the_metrics_range():
    metric = {"value": 0.97, "n": 50, "std_error": 0.03, "range": [0.0, 1.0]}
    made = verdict(metric, at_least=0.9)
    assert (made.low, made.high) == (pytest.approx(0.9197, abs=1e-4), 1.0)
    assert made.outcome == PASS


def test_five_perfect_rows_prove_little_even_without_spread():
    made = verdict({"value": 1.0, "n": 5, "std_error": 0.0}, at_least=0.9)
    assert (made.outcome, made.needed) == (INCONCLUSIVE, 25)


def test_a_latency_is_decided_on_its_value_and_says_so():
    made = verdict({"value": 0.268, "n": None}, name="latency-p95", at_most=0.3)
    assert (made.outcome, made.n) == (PASS, 0)
    assert made.why == "268 ms, allowed 300 ms; measured once, so without an interval"
    assert verdict({"value": 1.5, "n": None}, name="latency-p95", at_most=0.3).outcome == FAIL


def paired(better, worse, n=500):
    return {"n": n, "difference": (better - worse) / n, "better": better, "worse": worse}


def test_not_worse_than_passes_within_the_margin():
    made = verdict(share(450, 500), paired(4, 10), not_worse_than="base", margin=0.03)
    assert (made.outcome, made.value, made.threshold) == (PASS, -0.012, -0.03)
    assert made.why == (
        "0.012 worse than base on 500 paired rows (4 better, 10 worse); at 95 % at worst 0.026 worse, "
        "allowed 0.030 worse"
    )


def test_not_worse_than_fails_and_is_inconclusive():
    assert verdict(None, paired(0, 50), not_worse_than="base", margin=0.03).outcome == FAIL
    made = verdict(None, paired(2, 9, 200), not_worse_than="base", margin=0.05)
    assert made.outcome == INCONCLUSIVE and made.needed > 200


def test_equal_answers_are_no_proof_of_equality():
    made = verdict(None, paired(0, 0, 50), not_worse_than="base", margin=0.01)
    assert made.outcome == INCONCLUSIVE
    assert made.why.startswith("as good as base on 50 paired rows")
    assert verdict(None, {"n": 50, "difference": 0.0, "std_error": 0.0}, not_worse_than="base").outcome == INCONCLUSIVE


def test_lower_is_better_turns_the_difference():
    metric = {"value": 0.1, "n": 500, "successes": 50, "higher_is_better": False}
    assert verdict(metric, paired(0, 50), not_worse_than="base").outcome == PASS
    assert verdict(metric, paired(50, 0), not_worse_than="base").outcome == FAIL


def test_without_a_reference_the_gate_does_not_apply():
    made = verdict(share(471, 500), None, not_worse_than="champion")
    assert (made.outcome, made.why) == (NOT_APPLICABLE, "there is no champion to compare with")


@pytest.mark.parametrize("comparison", [{"n": 0, "difference": None}, {"n": 5, "difference": float("nan")}, {}])
def test_a_comparison_over_nothing_is_inconclusive(comparison):
    assert verdict(None, comparison, not_worse_than="base").outcome == INCONCLUSIVE


def test_a_difference_of_means_uses_its_standard_error():
    made = verdict(None, {"n": 500, "difference": -0.012, "std_error": 0.005}, not_worse_than="base", margin=0.03)
    assert (made.outcome, made.low) == (PASS, pytest.approx(-0.01, abs=0.0103))


@pytest.mark.parametrize("limits", [{}, {"at_least": 0.5, "at_most": 0.9}])
def test_a_gate_has_exactly_one_limit(limits):
    with pytest.raises(ValueError, match="exactly one limit"):
        verdict(share(1, 2), **limits)


@given(st.integers(1, 2000), st.data())
def test_pass_never_lies_on_the_wrong_side(n, data):
    successes = data.draw(st.integers(0, n))
    threshold = data.draw(st.floats(0, 1))
    made = verdict(share(successes, n), at_least=threshold)
    if made.outcome == PASS:
        assert successes / n >= threshold
    if made.outcome == FAIL:
        assert successes / n < threshold
    if made.needed is not None:
        assert made.needed > n


def test_interval_of_is_the_gates_interval():
    assert interval_of(share(471, 500)) == pytest.approx((0.9223, 0.9569), abs=1e-4)
    assert interval_of({"value": 0.3, "n": None}) is None
    assert interval_of(None) is None
