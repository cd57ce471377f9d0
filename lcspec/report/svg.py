"""Drawings as inline SVG: styled by the page's CSS classes, so that they follow its light and dark colours.

Every text that comes from a spec or a record is escaped here; the page inserts the result as it is.
"""

import math
from collections.abc import Callable, Sequence
from html import escape

from lcspec.report.model import Curve, ForestGroup, Judged, Limit
from lcspec.report.words import interval, number

_WIDTH, _LEFT, _PLOT, _ROW = 960.0, 270.0, 440.0, 27.0
_TOP = 30.0


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`, at most about `most` of them."""
    span = (high - low) or abs(high) or 1.0
    size = 10.0 ** math.floor(math.log10(span / most))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if span / (size * factor) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, max(last, first + 1) + 1)]


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def _figure(id: str, width: float, height: float, title: str, words: str, parts: Sequence[str]) -> str:
    head = f'<svg class="drawing" role="img" viewBox="0 0 {width:.0f} {height:.0f}" aria-labelledby="{id}-t {id}-d">'
    told = f'<title id="{id}-t">{escape(title)}</title><desc id="{id}-d">{escape(words)}</desc>'
    return head + told + "".join(parts) + "</svg>"


# --- intervals of all candidates


def forest(groups: Sequence[ForestGroup], limit: Limit | None, metric: str) -> str:
    """The main metric of each candidate with its interval, and the gate's threshold as a line."""
    rows = [row for group in groups for row in group.rows]
    values = [x for row in rows for x in (row.measure.low, row.measure.value, row.measure.high) if x is not None]
    values += [limit.value] if limit else []
    if all(0 <= value <= 1 for value in values) and max(values) - min(values) > 0.3:
        values += [0.0, 1.0]
    marks = ticks(min(values), max(values))

    def place(value: float) -> float:
        return _LEFT + _PLOT * (value - marks[0]) / (marks[-1] - marks[0])

    height = _TOP + _ROW * (len(rows) + len(groups)) + 34
    bottom = height - 28
    parts = [_line(place(mark), _TOP, place(mark), bottom, "grid") for mark in marks]
    parts += [_text(place(mark), bottom + 18, f"{mark:g}", "tick", "middle") for mark in marks]
    y = _TOP
    for group in groups:
        parts.append(_text(0, y + 18, group.title, "group"))
        parts.append(_line(0, y + 25, _WIDTH, y + 25, "rule"))
        y += _ROW
        for row in group.rows:
            parts += _forest_row(row, y + _ROW / 2 + 2, place)
            y += _ROW
    if limit:
        sign = "at least" if limit.rising else "at most"
        x = place(limit.value)
        parts.append(_line(x, _TOP - 8, x, bottom, "limit"))
        parts.append(_text(x, _TOP - 14, f"{limit.gate}: {sign} {limit.value:g}", "limit-label", "middle"))
    words = "; ".join(f"{row.name}, {row.split}: {number(row.measure.value)}" for row in rows)
    return _figure("forest", _WIDTH, height, f"{metric} with intervals", words, parts)


def _forest_row(row: Judged, y: float, place: Callable[[float], float]) -> list[str]:
    measure = row.measure
    assert measure.value is not None  # noqa: S101 - groups hold measured candidates only
    won = " won" if row.won else ""
    parts = [_text(12, y + 4, _clip(row.name, 38), f"label{won}")]
    if measure.low is not None and measure.high is not None:
        low, high = place(measure.low), place(measure.high)
        parts.append(_line(low, y, high, y, f"bar{won}"))
        parts += [_line(x, y - 4, x, y + 4, f"bar{won}") for x in (low, high)]
    split = "dot test" if row.split == "test" else "dot"
    parts.append(f'<circle cx="{place(measure.value):.1f}" cy="{y:.1f}" r="5" class="{split}{won}"/>')
    right = _LEFT + _PLOT + 24
    parts.append(_text(right, y + 4, number(measure.value), f"value{won}"))
    parts.append(_text(right + 54, y + 4, interval(measure), "note"))
    parts.append(_text(_WIDTH, y + 4, f"n {measure.n}" if measure.n else "", "note", "end"))
    return [f"<g><title>{escape(row.name)}</title>", *parts, "</g>"]


def _clip(text: str, most: int) -> str:
    return text if len(text) <= most else f"…{text[1 - most :]}"


# --- training


def curve(one: Curve, index: int, *, wide: bool) -> str:
    """Loss or reward over steps: each step thin, the running mean thick, the learning rate dotted on its own scale."""
    width, height, left, top = 960.0 if wide else 460.0, 230.0, 36.0, 12.0
    plot_w, plot_h = width - left - 12, height - top - 34
    points = [point for point in one.points if math.isfinite(point[1])]
    if len(points) < 2:
        return ""
    xs, losses = [step for step, _, _ in points], [loss for _, loss, _ in points]
    marks_x = [mark for mark in ticks(xs[0], xs[-1], 5) if xs[0] <= mark <= xs[-1]]
    marks_y = ticks(min(0.0, *losses), max(0.0, *losses), 4)  # a reward may be below zero
    span = marks_y[-1] - marks_y[0]

    def at(x: float, share: float) -> tuple[float, float]:
        return left + plot_w * (x - xs[0]) / ((xs[-1] - xs[0]) or 1), top + plot_h * (1 - share)

    def drawn(values: Sequence[float]) -> list[tuple[float, float]]:
        return [at(x, (value - marks_y[0]) / span) for x, value in zip(xs, values, strict=True)]

    parts = []
    for mark in marks_y:
        _, y = at(xs[0], (mark - marks_y[0]) / span)
        parts += [_line(left, y, width - 12, y, "grid"), _text(left - 8, y + 4, f"{mark:g}", "tick", "end")]
    parts += [_text(at(mark, 0)[0], height - 14, f"{mark:g}", "tick", "middle") for mark in marks_x]
    rates = [(step, rate) for step, _, rate in points if rate is not None]
    peak = max((rate for _, rate in rates), default=0.0)
    if peak > 0:
        parts.append(_path([at(step, rate / peak) for step, rate in rates], "rate"))
    parts.append(_path(drawn(losses), "loss raw"))
    smooth = _running_mean(losses, max(1, len(losses) // 20))
    parts.append(_path(drawn(smooth), "loss"))
    words = (
        f"{one.what} from {number(losses[0])} to {number(smooth[-1])} in {xs[-1]} steps, peak learning rate {peak:g}"
    )
    return _figure(f"curve-{index}", width, height, f"training {one.what} of {one.name}", words, parts)


def _path(points: Sequence[tuple[float, float]], style: str) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{joined}" class="{style}"/>'


def _running_mean(values: Sequence[float], reach: int) -> list[float]:
    """The mean of each value and up to `reach` neighbours on both sides."""
    windows = (values[max(0, at - reach) : at + reach + 1] for at in range(len(values)))
    return [math.fsum(window) / len(window) for window in windows]
