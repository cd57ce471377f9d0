"""Intervals, paired comparisons and sample sizes: pure functions of numbers, standard library only.

Gates are one-sided: `sided=1` gives both ends at the full confidence, so each end is a bound on its own, and the pair
is the two-sided interval at 2 × confidence − 1. `sided=2` gives the usual two-sided interval.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple, TypeVar

T = TypeVar("T")
MOST_ROWS = 10_000_000  # beyond it a number of rows is no advice


class Interval(NamedTuple):
    """A lower and an upper bound."""

    low: float
    high: float


# --- quantiles -----------------------------------------------------------------------------------------------


def normal_quantile(probability: float) -> float:
    """The standard normal quantile, from `math.erfc` by bisection; ValueError outside (0, 1)."""
    if not 0 < probability < 1:
        raise ValueError("a probability lies between 0 and 1")
    return _solve(lambda z: 0.5 * math.erfc(-z / math.sqrt(2)) - probability, -40.0, 40.0)


def t_quantile(probability: float, freedom: float) -> float:
    """The quantile of Student's t with `freedom` degrees of freedom, through the incomplete beta function."""
    if not 0 < probability < 1 or freedom <= 0:
        raise ValueError("a probability lies between 0 and 1, and freedom is positive")
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    tail = 2 * (1 - probability)
    ratio = _solve(lambda x: _beta(freedom / 2, 0.5, x) - tail, 0.0, 1.0)  # x = ν / (ν + t²)
    return math.sqrt(freedom * (1 - ratio) / ratio) if ratio > 0 else math.inf


@cache
def critical(confidence: float, sided: int = 1) -> float:
    """The normal quantile that belongs to a confidence, one- or two-sided."""
    return normal_quantile(_level(confidence, sided))


def _level(confidence: float, sided: int) -> float:
    if not 0 < confidence < 1 or sided not in (1, 2):
        raise ValueError("a confidence lies between 0 and 1, and an interval has one or two sides")
    return confidence if sided == 1 else 1 - (1 - confidence) / 2


def _solve(rising: Callable[[float], float], low: float, high: float) -> float:
    """The root of a rising function by bisection, to the last bits of a double."""
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def _beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function (continued fraction after Lentz; Numerical Recipes, 6.4)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, 1 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    tiny = 1e-300
    c, d = 1.0, 1 / ((1 - (a + b) * x / (a + 1)) or tiny)
    value = d
    for m in range(1, 10_000):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / ((1 + factor * d) or tiny)
            c = (1 + factor / c) or tiny
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return math.exp(front) * value / a


# --- one proportion --------------------------------------------------------------------------------------------


def wilson(successes: float, n: float, confidence: float = 0.95, *, sided: int = 1) -> Interval:
    """The score interval of a proportion: near its nominal cover even at 0 % and 100 %.

    Wilson 1927, doi:10.1080/01621459.1927.10502953; compared in Newcombe 1998, Statistics in Medicine 17:857-872.
    Fractional successes are allowed; ValueError when there are no rows or more successes than rows.
    """
    _check_counts(successes, n)
    z = critical(confidence, sided)
    share, weight = successes / n, z * z / n
    centre = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    return Interval(
        0.0 if successes == 0 else max(0.0, centre - half), 1.0 if successes == n else min(1.0, centre + half)
    )


def clopper_pearson(successes: int, n: int, confidence: float = 0.95, *, sided: int = 1) -> Interval:
    """The exact interval of a proportion, never below its nominal cover (Clopper and Pearson 1934)."""
    _check_counts(successes, n)
    level = _level(confidence, sided)
    low = 0.0 if successes == 0 else _solve(lambda p: _beta(successes, n - successes + 1, p) - (1 - level), 0.0, 1.0)
    high = 1.0 if successes == n else _solve(lambda p: _beta(successes + 1, n - successes, p) - level, 0.0, 1.0)
    return Interval(low, high)


def half_width(share: float, n: int, confidence: float = 0.95, *, sided: int = 1) -> float:
    """Half the length of the Wilson interval at `share`: how precise `n` rows can be."""
    low, high = wilson(share * n, n, confidence, sided=sided)
    return (high - low) / 2


def rows_needed(share: float, threshold: float, confidence: float = 0.95, *, power: float = 0.5) -> int | None:
    """The rows after which the one-sided Wilson bound of `share` clears `threshold`; None when none ever do.

    With `power` 0.5 the share is taken to stay as it is (the bound inverted: n = z² t (1 − t) / (p − t)²); above it,
    the rows that decide with that probability when `share` is the truth (Fleiss, Levin and Paik 2003, ch. 4).
    """
    if not (0 <= share <= 1 and 0 <= threshold <= 1) or share == threshold:
        return None
    if threshold in (0.0, 1.0) and share > threshold:
        return 1
    z, z_power = critical(confidence), normal_quantile(power)
    spread = z * math.sqrt(threshold * (1 - threshold)) + z_power * math.sqrt(share * (1 - share))
    ratio = abs(spread / (share - threshold))
    return _whole(ratio * ratio) if ratio < 1e9 else None


def share_needed(n: int, threshold: float, confidence: float = 0.95, *, power: float = 0.8) -> float | None:
    """The smallest true share whose one-sided bound clears `threshold` on `n` rows with probability `power`.

    The inverse of `rows_needed` (normal approximation); None when not even a share of 1 does.
    """
    if not (n > 0 and 0 < threshold < 1):
        raise ValueError("a threshold lies between 0 and 1, and there are rows")
    z, z_power = critical(confidence), normal_quantile(power)

    def short(share: float) -> float:
        spread = z * math.sqrt(threshold * (1 - threshold)) + z_power * math.sqrt(share * (1 - share))
        return (share - threshold) - spread / math.sqrt(n)

    return None if short(1.0) < 0 else _solve(short, threshold, 1.0)


def fewest_right(threshold: float, rows: int, confidence: float = 0.95) -> int | None:
    """The fewest right answers of `rows` whose lower Wilson bound reaches `threshold`; None when all are too few."""
    if rows < 1 or wilson(rows, rows, confidence).low < threshold:
        return None
    low, high = 0, rows
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if wilson(middle, rows, confidence).low >= threshold else (middle + 1, high)
    return low


def _whole(rows: float) -> int | None:
    """Rows as a whole number; a hair of rounding must not cost or save one."""
    return max(1, math.ceil(rows - 1e-9)) if rows <= MOST_ROWS else None


def _check_counts(successes: float, n: float) -> None:
    if not (n > 0 and 0 <= successes <= n and math.isfinite(n)):
        raise ValueError(f"{successes} of {n} is not a proportion")


# --- paired difference of proportions --------------------------------------------------------------------------


def tango(better: float, worse: float, n: float, confidence: float = 0.95, *, sided: int = 1) -> Interval:
    """The score interval of a paired difference (better − worse) / n, from the discordant counts.

    Tango 1998, Statistics in Medicine 17:891-908. It stays honest when the two answer alike on every row: then it is
    ± z² / (n + z²), not a point.
    """
    if not (n > 0 and better >= 0 and worse >= 0 and better + worse <= n * (1 + 1e-12) and math.isfinite(n)):
        raise ValueError(f"{better} and {worse} of {n} are not discordant counts")
    z = critical(confidence, sided)
    difference = (better - worse) / n

    def score(delta: float) -> float:
        return _tango_score(better, worse, n, delta)

    low = -1.0 if worse == n else _solve(lambda delta: z - score(delta), -1.0, difference)
    high = 1.0 if better == n else _solve(lambda delta: -z - score(delta), difference, 1.0)
    return Interval(low, high)


def _tango_score(better: float, worse: float, n: float, delta: float) -> float:
    """The score statistic at a difference `delta`; it falls from +inf to −inf between −1 and 1."""
    b = -better - worse + (2 * n - better + worse) * delta
    root = math.sqrt(max(0.0, b * b + 8 * n * worse * delta * (1 - delta)))
    q = max(0.0, (root - b) / (4 * n))  # the likelihood's share of `worse` when the difference is delta
    variance = n * (2 * q + delta * (1 - delta))
    distance = better - worse - n * delta
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def rows_needed_paired(better: int, worse: int, n: int, margin: float, confidence: float = 0.95) -> int | None:
    """The rows after which Tango's bounds clear `−margin` if the two shares stay; None when none ever do.

    The score at a fixed difference grows with the root of the rows, so its inversion is closed.
    """
    score = _tango_score(better, worse, n, -margin)
    return _whole(n * (critical(confidence) / score) ** 2) if score else None


def paired_margin(discordant: float, n: int, confidence: float = 0.95, *, power: float = 0.5) -> float:
    """The margin that two equal candidates, answering differently on a share `discordant` of `n` rows, keep.

    With probability `power` the lower bound of their paired difference lies above minus this margin: the difference
    has the variance discordant / n under equality (McNemar 1947; Connor 1987, Biometrics 43:207-211).
    """
    if not (n > 0 and 0 <= discordant <= 1):
        raise ValueError("a share lies between 0 and 1, and there are rows")
    return (critical(confidence) + normal_quantile(power)) * math.sqrt(discordant / n)


# --- means and other statistics --------------------------------------------------------------------------------


def mean_interval(
    mean: float, std_error: float, n: int | None = None, confidence: float = 0.95, *, sided: int = 1
) -> Interval:
    """The interval of a mean from its standard error: Student's t with n − 1 degrees, normal without `n`."""
    if not (std_error >= 0 and math.isfinite(std_error) and math.isfinite(mean)) or (n is not None and n < 2):
        raise ValueError("an interval of a mean needs a standard error and two rows")
    level = _level(confidence, sided)
    quantile = normal_quantile(level) if n is None else t_quantile(level, n - 1)
    return Interval(mean - quantile * std_error, mean + quantile * std_error)


def rows_needed_mean(mean: float, std_error: float, n: int, threshold: float, confidence: float = 0.95) -> int | None:
    """The rows after which the normal bound of a mean clears `threshold` if mean and spread stay."""
    if mean == threshold:
        return None
    return _whole(n * (critical(confidence) * std_error / (mean - threshold)) ** 2)


class Bootstrap(NamedTuple):
    """A resampled statistic: its interval and its standard error."""

    low: float
    high: float
    std_error: float


def bootstrap_interval(
    values: Sequence[T],
    statistic: Callable[[Sequence[T]], float],
    *,
    confidence: float = 0.95,
    sided: int = 1,
    seed: int = 0,
    resamples: int = 999,
) -> Bootstrap:
    """The bias-corrected and accelerated bootstrap (Efron 1987, doi:10.1080/01621459.1987.10478410) of a statistic.

    For what is no mean of rows, such as F1. Equal values, seed and count give equal results on every machine. The
    acceleration comes from a jackknife over at most 100 groups of rows. ValueError with fewer than two rows.
    """
    if len(values) < 2:
        raise ValueError("a bootstrap needs two rows")
    import random

    generator = random.Random(seed)
    size, point = len(values), statistic(values)
    drawn = sorted(statistic([values[int(generator.random() * size)] for _ in range(size)]) for _ in range(resamples))
    mean = math.fsum(drawn) / resamples
    std_error = math.sqrt(math.fsum((value - mean) ** 2 for value in drawn) / (resamples - 1))
    below = (sum(value < point for value in drawn) + sum(value <= point for value in drawn)) / 2
    bias = normal_quantile(min(max(below / resamples, 0.5 / resamples), 1 - 0.5 / resamples))
    pull = _acceleration(values, statistic)

    def end(z: float) -> float:
        shifted = bias + (bias + z) / (1 - pull * (bias + z))
        return drawn[min(resamples - 1, int(0.5 * math.erfc(-shifted / math.sqrt(2)) * resamples))]

    z = critical(confidence, sided)
    return Bootstrap(end(-z), end(z), std_error)


def _acceleration(values: Sequence[T], statistic: Callable[[Sequence[T]], float]) -> float:
    """The skew of the statistic, from leaving out each of at most 100 groups of rows."""
    groups = min(len(values), 100)
    left = [statistic([value for at, value in enumerate(values) if at % groups != group]) for group in range(groups)]
    mean = math.fsum(left) / groups
    cubes = math.fsum((mean - value) ** 3 for value in left)
    squares = math.fsum((mean - value) ** 2 for value in left)
    return cubes / (6 * squares**1.5) if squares > 0 else 0.0
