"""Numbers as reports print them, the same in Markdown and HTML."""

from lcspec.ir.verdict import FAIL, INCONCLUSIVE, NOT_APPLICABLE, PASS
from lcspec.report.model import Measure, Tile
from lcspec.units import format_bytes, format_seconds

NONE = "–"
MARKS = {PASS: "✓", FAIL: "✗", INCONCLUSIVE: "?", NOT_APPLICABLE: NONE}


def number(value: float | None) -> str:
    """Three decimals for shares, four digits for what is larger."""
    if value is None:
        return NONE
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.4g}".replace(",", " ")


def whole(value: float | None) -> str:
    """A count, in groups of three."""
    return NONE if value is None else f"{value:,.0f}".replace(",", " ")


def interval(measure: Measure) -> str:
    """`0.922 to 0.957`, or a dash."""
    return NONE if measure.low is None else f"{number(measure.low)} to {number(measure.high)}"


def percent(value: float | None) -> str:
    """`99.5 %`."""
    return NONE if value is None else f"{value * 100:.1f} %"


def size(value: float | None) -> str:
    """Bytes with a binary unit."""
    return NONE if value is None else format_bytes(value)


def seconds(value: float | None) -> str:
    """A duration; milliseconds below one second."""
    if value is None:
        return NONE
    return f"{value * 1000:.0f} ms" if value < 1 else format_seconds(value)


def short(digest: str | None) -> str:
    """The first twelve digits of a digest."""
    return NONE if not digest else digest.rpartition(":")[2][:12]


def tile(one: Tile) -> tuple[str, str]:
    """The number of a tile and the words below it."""
    if one.unit == "bytes":
        return size(one.value), f"from {size(float(one.note))}" if one.note else ""
    if one.unit == "seconds":
        return seconds(one.value), one.note
    if one.unit == "of":
        return f"{whole(one.value)} / {whole(float(one.note))}", ""
    return number(one.value), one.note


def confidence(value: float) -> str:
    """`95 %`."""
    return f"{value * 100:.4g} %"
