"""Guards before and after the model. They reduce a risk; they do not remove it.

A guard is a plain dict with `kind`, `action`, and:

| kind | side | actions | fields |
| --- | --- | --- | --- |
| max-length | both | refuse, truncate | `max_words` |
| blocklist | both | refuse, redact | `words` |
| pii | both | refuse, redact | `types` (default all: email, phone, card, iban) |
| label-set | output | refuse | `labels` (default the pipeline's) |
| grounded | output | refuse | `min_share` of the answer's words found in the context (default 1.0) |

`action` defaults to refuse; each may have a `message`, the fixed text that a refusal gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .pii import TYPES, find_pii

Guard = Mapping[str, Any]
INPUT_MESSAGE = "This request was refused by an input guard."
OUTPUT_MESSAGE = "The answer was withheld by an output guard."
UNGROUNDED_MESSAGE = "The answer is not supported by the documents."
WORD = re.compile(r"\w+")
# Shorter words (articles, prepositions) say nothing about the source of an answer.
SHORTEST_CONTENT_WORD = 4
ACTIONS = {
    "max-length": ("refuse", "truncate"),
    "blocklist": ("refuse", "redact"),
    "pii": ("refuse", "redact"),
    "label-set": ("refuse",),
    "grounded": ("refuse",),
}
FIELDS = {
    "max-length": {"max_words"},
    "blocklist": {"words"},
    "pii": {"types"},
    "label-set": {"labels"},
    "grounded": {"min_share"},
}
OUTPUT_ONLY = frozenset({"label-set", "grounded"})


@dataclass(frozen=True)
class GuardResult:
    """What is left of a text.

    Attributes:
        text: the text to go on with; after a refusal the fixed message.
        refused: the kind of the guard that refused, or None.
        notes: one line per guard that changed or refused the text; never any of the text itself.
    """

    text: str
    refused: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Facts:
    labels: Sequence[str]
    context: str


def validate(guards: Sequence[Guard], side: str) -> None:
    """Refuse guards that would not do what they say.

    Args:
        guards: the guards of one side.
        side: `input` or `output`.

    Raises:
        ValueError: unknown kind, action or field, a missing field, or an output guard on the input.
    """
    for guard in guards:
        kind = guard.get("kind")
        if kind not in ACTIONS or (side == "input" and kind in OUTPUT_ONLY):
            raise ValueError(f"unknown {side} guard {kind!r}")
        if guard.get("action", "refuse") not in ACTIONS[kind]:
            raise ValueError(f"the guard {kind} has no action {guard.get('action')!r}")
        unknown = sorted(set(guard) - FIELDS[kind] - {"kind", "action", "message"})
        if unknown:
            raise ValueError(f"the guard {kind} has no field {unknown[0]!r}")
        _validate_fields(kind, guard)


def _validate_fields(kind: str, guard: Guard) -> None:
    if kind == "max-length" and (type(guard.get("max_words")) is not int or guard["max_words"] < 1):
        raise ValueError("the guard max-length needs max_words, a positive integer")
    if kind == "blocklist" and not guard.get("words"):
        raise ValueError("the guard blocklist needs words")
    if kind == "pii" and not set(guard.get("types", TYPES)) <= set(TYPES):
        raise ValueError(f"the guard pii knows the types {', '.join(TYPES)}")
    if kind == "grounded" and not 0.0 <= guard.get("min_share", 1.0) <= 1.0:
        raise ValueError("the guard grounded needs min_share from 0 to 1")


def check_input(guards: Sequence[Guard], text: str) -> GuardResult:
    """Return the user's text after the input guards, in order; the first refusal ends it.

    Raises:
        ValueError: see `validate`.
    """
    validate(guards, "input")
    return _run(guards, text, _Facts((), ""), INPUT_MESSAGE)


def check_output(guards: Sequence[Guard], text: str, *, labels: Sequence[str] = (), context: str = "") -> GuardResult:
    """Return the answer after the output guards, in order; the first refusal ends it.

    Raises:
        ValueError: see `validate`.
    """
    validate(guards, "output")
    return _run(guards, text, _Facts(labels, context), OUTPUT_MESSAGE)


def _run(guards: Sequence[Guard], text: str, facts: _Facts, message: str) -> GuardResult:
    notes: list[str] = []
    for guard in guards:
        kind, action = guard["kind"], guard.get("action", "refuse")
        changed = _CHECKS[kind](guard, text, facts)
        if changed is None:
            continue
        notes.append(f"{kind}: {action}")
        if action == "refuse":
            fixed = UNGROUNDED_MESSAGE if kind == "grounded" else message
            return GuardResult(guard.get("message", fixed), kind, tuple(notes))
        text = changed
    return GuardResult(text, None, tuple(notes))


def _max_length(guard: Guard, text: str, facts: _Facts) -> str | None:
    words = text.split()
    return None if len(words) <= guard["max_words"] else " ".join(words[: guard["max_words"]])


def _blocklist(guard: Guard, text: str, facts: _Facts) -> str | None:
    # Longest first, so that a phrase wins over its first word; \b would miss words that end in a symbol.
    words = "|".join(re.escape(word) for word in sorted(guard["words"], key=len, reverse=True))
    found, count = re.subn(rf"(?<!\w)(?:{words})(?!\w)", "[blocked]", text, flags=re.IGNORECASE)
    return found if count else None


def _pii(guard: Guard, text: str, facts: _Facts) -> str | None:
    spans = find_pii(text, tuple(guard.get("types", TYPES)))
    if not spans:
        return None
    for span in reversed(spans):
        text = f"{text[: span.start]}[{span.type}]{text[span.stop :]}"
    return text


def _label_set(guard: Guard, text: str, facts: _Facts) -> str | None:
    return None if text in tuple(guard.get("labels") or facts.labels) else text


def _grounded(guard: Guard, text: str, facts: _Facts) -> str | None:
    words = {word for word in WORD.findall(text.casefold()) if len(word) >= SHORTEST_CONTENT_WORD or word.isdigit()}
    known = words & set(WORD.findall(facts.context.casefold()))
    enough = len(known) >= guard.get("min_share", 1.0) * len(words) if words else bool(text.strip())
    return None if enough else text


_CHECKS: dict[str, Callable[[Guard, str, _Facts], str | None]] = {
    "max-length": _max_length,
    "blocklist": _blocklist,
    "pii": _pii,
    "label-set": _label_set,
    "grounded": _grounded,
}
