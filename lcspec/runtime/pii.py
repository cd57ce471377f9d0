"""Personal data that a pattern can find: e-mail, telephone, payment card (Luhn), IBAN (mod 97)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

# In the order of trust: a card or an IBAN is checked by its digits, so it wins over a telephone number.
TYPES = ("email", "iban", "card", "phone")
PATTERNS = {
    "email": re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?!\w)"),
    "iban": re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?(?!\w)"),
    "card": re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])"),
    "phone": re.compile(r"(?<![\w.,/-])(?:\+|\(|\d)(?:[ ()./-]{0,2}\d){7,15}(?![\w-])"),
}
PHONE_DIGITS = range(9, 16)
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Span(NamedTuple):
    """Where personal data stands in a text: characters from `start` to before `stop`."""

    start: int
    stop: int
    type: str


def find_pii(text: str, types: Sequence[str] = TYPES) -> list[Span]:
    """Return the places of personal data of the given types, in order, without overlaps."""
    found: list[Span] = []
    for name in TYPES:
        if name not in types:
            continue
        for match in PATTERNS[name].finditer(text):
            start, stop = match.span()
            free = all(stop <= other.start or start >= other.stop for other in found)
            if free and _is(name, match.group()):
                found.append(Span(start, stop, name))
    return sorted(found)


def _is(name: str, value: str) -> bool:
    if name == "card":
        return luhn(value)
    if name == "iban":
        return iban(value)
    if name == "phone":
        return sum(map(str.isdigit, value)) in PHONE_DIGITS and not ISO_DATE.match(value)
    return True


def luhn(value: str) -> bool:
    """Return whether the digits of `value` end in the right Luhn check digit (ISO/IEC 7812-1)."""
    digits = [int(letter) for letter in value if letter.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def iban(value: str) -> bool:
    """Return whether `value` is 1 modulo 97 as ISO 13616 asks of an IBAN."""
    packed = value.replace(" ", "").upper()
    return int("".join(str(int(letter, 36)) for letter in packed[4:] + packed[:4])) % 97 == 1
