"""Values as YAML text that lcspec reads back as the same values: for specs that lcspec itself writes."""

import json
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./+@%=-]*( [A-Za-z0-9_./+@%=()-]+)*\Z")
_QUANTITY = re.compile(r"[0-9][0-9.]*(%| ?[A-Za-z]+)\Z")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"}
# What the reader refuses as it stands, and what YAML would not print: written as an escape.
_UNPRINTED = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)


def scalar(value: str | int | float | bool | None) -> str:
    """One value on one line."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    if _QUANTITY.match(value) and not re.match(r"[0-9.]+[eE][0-9]+\Z", value):
        return value
    return _UNPRINTED.sub(lambda match: f"\\u{ord(match.group()):04x}", json.dumps(value, ensure_ascii=False))


def lines_of(text: str) -> list[str] | None:
    """The lines of `text` where a literal block (`|-`) says it exactly, else None."""
    listed = text.split("\n")
    clean = len(listed) > 1 and not _UNPRINTED.search(text) and all(ord(char) >= 32 or char == "\n" for char in text)
    return listed if clean and listed[0] and listed[-1] and not listed[0].startswith(" ") else None


def flow(value: Any) -> str:
    """A value in flow style: `{kind: lora, rank: 8}`, `[a, b]`."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)
