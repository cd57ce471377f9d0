"""Quantities as people write them in a spec, parsed to plain numbers.

`2 GiB` -> bytes, `300 ms` -> seconds, `135M` -> parameters, `80%` -> a share, `5 USD` -> dollars.
A bare number is refused where a unit is needed: a limit of "300" says nothing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

_NUMBER = re.compile(r"^\s*([0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z%]*)\s*$")

BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
BYTES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
COUNTS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
SHARES = {"%": 0.01, "": 1.0}
DOLLARS = {"USD": 1.0}


class Quantity:
    """Marks an annotated type as written by people: `parse` turns their text into the value.

    Raises (from `parse`): WrongUnit.
    """

    def __init__(self, parse: Callable[[object], Any], *, schema: Mapping[str, Any]) -> None:
        self.parse, self.schema = parse, dict(schema)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import PydanticCustomError, core_schema

        def parse(value: object) -> Any:
            try:
                return self.parse(value)
            except WrongUnit as error:
                raise PydanticCustomError(
                    "wrong_unit", "{why}", {"why": str(error), "remedy": error.remedy or ""}
                ) from None

        return core_schema.no_info_before_validator_function(parse, handler(source))

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return dict(self.schema)


class WrongUnit(ValueError):
    """A quantity without its unit, or with another's; the message says what was expected.

    `remedy` is the same quantity as lcspec spells it, where that is beyond doubt.
    """

    def __init__(self, message: str, remedy: str | None = None) -> None:
        self.remedy = remedy
        super().__init__(message)


def parse_quantity(value: object, units: dict[str, float] | dict[str, int], what: str) -> float:
    """The number that `value` means in base units.

    Raises:
        WrongUnit: with what was expected.
    """
    allowed = ", ".join(f"`{unit}`" if unit else "no unit" for unit in units)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise WrongUnit(f"expected {what}: {allowed}")
    match = _NUMBER.match(str(value))
    unit = str(match.group(2)) if match else ""
    if match is None or unit not in units:
        raise WrongUnit(f"`{value}` is not {what}; units: {allowed}", respelled(str(value), units))
    return float(match.group(1).replace("_", "")) * units[unit]


_WORDS = {
    "s": "sec secs second seconds",
    "ms": "msec msecs millisecond milliseconds",
    "min": "mins minute minutes",
    "h": "hr hrs hour hours",
    "d": "day days",
    "B": "byte bytes bn billion",
    "kB": "kilobyte kilobytes",
    "MB": "megabyte megabytes",
    "GB": "gigabyte gigabytes",
    "TB": "terabyte terabytes",
    "KiB": "kibibyte kibibytes",
    "MiB": "mebibyte mebibytes",
    "GiB": "gibibyte gibibytes",
    "TiB": "tebibyte tebibytes",
    "K": "thousand",
    "M": "mio million",
    "T": "trillion",
    "%": "percent pct",
    "USD": "$ us$ dollar dollars",
}
_SPELLINGS = {word: unit for unit, words in _WORDS.items() for word in words.split()}
_LOOSE = re.compile(r"\s*(\$?)\s*([0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z%$]*)\s*")


def respelled(text: str, units: Mapping[str, float]) -> str | None:
    """`500 MBs` as `500 MB`, `2 gb` as `2 GB`, `3 hours` as `3 h`; None where it may mean two things, or nothing."""
    match = _LOOSE.fullmatch(text)
    if match is None or (match.group(1) and match.group(3)):
        return None
    number, said = match.group(2), (match.group(1) or match.group(3)).lower()
    for word in (said, said.removesuffix("s")):
        by_case = [unit for unit in units if unit and unit.lower() == word]
        known = _SPELLINGS.get(word)
        if len(by_case) == 1 or known in units:
            return f"{number}{'' if '' in units else ' '}{by_case[0] if len(by_case) == 1 else known}"
    return None


def format_bytes(count: float) -> str:
    """`1.8 GiB`, `512 B`: binary units, two or three digits."""
    for unit, size in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count / size:.0f} {unit}"
    return f"{count:.0f} B"


def format_latency(seconds: float) -> str:
    """A short time for people: `16 ms` below a second, else as `format_seconds`."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else format_seconds(seconds)


def format_seconds(seconds: float) -> str:
    """`0.3 s`, `45 s`, `4 min 10 s`, `1 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_money(dollars: float) -> str:
    """`0.02 USD`, `12.50 USD`, `1,200 USD`; less than a cent is said to be that."""
    if 0 < dollars < 0.01:
        return "< 0.01 USD"
    return f"{dollars:,.2f} USD" if dollars < 1000 else f"{dollars:,.0f} USD"


def format_count(count: float) -> str:
    """`135M`, `1.2B`, `640`."""
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:.0f}"


def _schema(example: str, doc: str) -> dict[str, object]:
    return {"type": ["string", "number"], "description": doc, "examples": [example]}


Bytes = Annotated[
    int,
    Quantity(
        lambda value: round(parse_quantity(value, BYTES, "a size")), schema=_schema("2 GiB", "A size with its unit.")
    ),
]
Duration = Annotated[
    float,
    Quantity(
        lambda value: parse_quantity(value, SECONDS, "a duration"),
        schema=_schema("300 ms", "A duration with its unit."),
    ),
]
Count = Annotated[
    int,
    Quantity(
        lambda value: round(parse_quantity(value, COUNTS, "a count")),
        schema=_schema("500M", "A count; K, M, B, T are powers of ten."),
    ),
]
Share = Annotated[
    float,
    Quantity(
        lambda value: parse_quantity(value, SHARES, "a share"),
        schema=_schema("80%", "A share of a whole: a percentage or a number from 0 to 1."),
    ),
]
Money = Annotated[
    float,
    Quantity(
        lambda value: parse_quantity(value, DOLLARS, "an amount of money"),
        schema=_schema("5 USD", "An amount of money with its currency."),
    ),
]
