"""Published and independently computed values (SciPy 1.17, direct likelihood maximisation) as literals."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcspec import stats


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.5, 0.0), (0.95, 1.6448536269514722), (0.975, 1.959963984540054), (1e-10, -6.361340902404056)],
)
def test_normal_quantile(probability, expected):
    assert stats.normal_quantile(probability) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("freedom", "expected"), [(1, 6.313751514675043), (4, 2.131846786326649), (10, 1.812461122811676), (499, 1.64791)]
)
def test_t_quantile(freedom, expected):
    assert stats.t_quantile(0.95, freedom) == pytest.approx(expected, abs=5e-6)
    assert stats.t_quantile(0.05, freedom) == -stats.t_quantile(0.95, freedom)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_newcombe_1998_table_1(successes, n, low, high):
    assert stats.wilson(successes, n, 0.95, sided=2) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_pearson_agrees_with_newcombe_1998_table_1(successes, n, low, high):
    assert stats.clopper_pearson(successes, n, 0.95, sided=2) == pytest.approx((low, high), abs=5e-5)


def test_one_sided_bounds_are_the_two_sided_interval_at_a_lower_confidence():
    assert stats.wilson(45, 50, 0.95, sided=1) == pytest.approx(stats.wilson(45, 50, 0.90, sided=2), abs=1e-12)


@pytest.mark.parametrize(
    ("better", "worse", "n", "low", "high"),
    [
        (12, 2, 50, 0.061112408, 0.344708749),
        (14, 9, 200, -0.023528787, 0.075720298),
        (5, 1, 30, -0.034207177, 0.311880332),
        (12, 9, 44, -0.138034107, 0.268562530),
    ],
)
def test_tango_agrees_with_a_direct_maximisation_of_the_likelihood(better, worse, n, low, high):
    assert stats.tango(better, worse, n, 0.95, sided=2) == pytest.approx((low, high), abs=1e-7)


def test_tango_of_two_that_always_agree_is_the_closed_form():
    z = stats.critical(0.95)
    assert stats.tango(0, 0, 100) == pytest.approx((-z * z / (100 + z * z), z * z / (100 + z * z)))


@given(st.integers(1, 400), st.data())
def test_intervals_hold_their_point_and_stay_in_range(n, data):
    better = data.draw(st.integers(0, n))
    worse = data.draw(st.integers(0, n - better))
    low, high = stats.tango(better, worse, n)
    assert -1 <= low <= (better - worse) / n + 1e-9 and (better - worse) / n - 1e-9 <= high <= 1
    assert stats.tango(worse, better, n) == pytest.approx((-high, -low), abs=1e-9)
    wilson = stats.wilson(better, n)
    assert 0 <= wilson.low <= better / n <= wilson.high <= 1


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.sampled_from([0.9, 0.95, 0.99]))
def test_rows_needed_is_the_smallest_number_that_decides(share, threshold, confidence):
    needed = stats.rows_needed(share, threshold, confidence)
    if needed is None:
        assert abs(share - threshold) < 0.001
        return

    def decided(n):
        low, high = stats.wilson(share * n, n, confidence)
        return low >= threshold - 1e-9 or high <= threshold + 1e-9

    assert decided(needed)
    assert needed < 3 or not decided(needed * 0.98 - 1)


def test_rows_needed_known_values():
    assert stats.rows_needed(1.0, 0.9) == 25  # z² t / (1 − t) = 24.3
    assert stats.rows_needed(0.9, 0.9) is None
    assert stats.rows_needed(0.99, 1.0) == 1  # one wrong row shows that it is not perfect
    assert stats.rows_needed(1.0, 1.0) is None
    assert stats.rows_needed(0.93, 0.9, power=0.8) > stats.rows_needed(0.93, 0.9)


def test_rows_needed_paired_is_where_tango_decides():
    needed = stats.rows_needed_paired(3, 10, 200, 0.05)
    assert needed > 200
    assert stats.tango(3 * needed / 200, 10 * needed / 200, needed).low >= -0.05
    fewer = needed - 2
    assert stats.tango(3 * fewer / 200, 10 * fewer / 200, fewer).low < -0.05
    assert stats.rows_needed_paired(0, 10, 200, 0.05) is None


def test_mean_interval_uses_student_t_when_rows_are_few():
    assert stats.mean_interval(10.0, 1.0, 5) == pytest.approx((10 - 2.131847, 10 + 2.131847), abs=1e-5)
    assert stats.mean_interval(10.0, 1.0) == pytest.approx((10 - 1.644854, 10 + 1.644854), abs=1e-5)


def test_half_width_falls_with_rows():
    assert stats.half_width(0.9, 500) == pytest.approx(0.0221, abs=1e-4)
    assert stats.half_width(0.9, 2000) < stats.half_width(0.9, 500) / 1.9


def _mean(values):
    return sum(values) / len(values)


def test_bootstrap_of_a_mean_is_near_its_t_interval_and_repeats():
    values = [(at * 37 % 100) / 100 for at in range(100)]
    made = stats.bootstrap_interval(values, _mean, seed=1)
    error = (sum((v - _mean(values)) ** 2 for v in values) / 99 / 100) ** 0.5
    assert made[:2] == pytest.approx(stats.mean_interval(_mean(values), error, 100), abs=0.01)
    assert made.std_error == pytest.approx(error, rel=0.1)
    assert made == stats.bootstrap_interval(values, _mean, seed=1)
    assert made != stats.bootstrap_interval(values, _mean, seed=2)


def test_bootstrap_of_rows_without_spread_is_a_point():
    assert stats.bootstrap_interval([1.0] * 10, _mean) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: stats.wilson(3, 2),
        lambda: stats.wilson(0, 0),
        lambda: stats.wilson(float("nan"), 5),
        lambda: stats.tango(3, 3, 5),
        lambda: stats.mean_interval(1.0, float("nan"), 5),
        lambda: stats.mean_interval(1.0, 0.1, 1),
        lambda: stats.critical(1.0),
        lambda: stats.critical(0.9, sided=3),
        lambda: stats.bootstrap_interval([1.0], _mean),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(ValueError):
        call()


def test_stats_imports_nothing_of_weight():
    code = "import sys; import lcspec.stats; print({'random', 'numpy', 'statistics', 'pydantic'} & set(sys.modules))"
    root = Path(__file__).parents[1]
    told = subprocess.run([sys.executable, "-S", "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
