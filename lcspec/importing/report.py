"""The report of an import as text and as JSON."""

from collections.abc import Sequence
from typing import Any

from lcspec.importing.model import ADAPTED, CARRIED, DEFAULTED, DROPPED, NEEDLESS, OUTCOMES, Item

FORMAT = 1
TITLES = {
    DROPPED: "lost: lcspec has nothing for it",
    ADAPTED: "carried with a difference",
    DEFAULTED: "asked for by lcspec, not in the file",
    CARRIED: "carried",
    NEEDLESS: "not needed",
}


def to_json(items: Sequence[Item], *, tool: str, file: str, spec: str | None, name: str) -> dict[str, Any]:
    """The report for machines; every key of the file is in `keys` once."""
    counts = {outcome: sum(item.outcome == outcome for item in items) for outcome in OUTCOMES}
    return {
        "format_version": FORMAT,
        "tool": tool,
        "file": file,
        "spec": spec,
        "name": name,
        "counts": counts,
        "keys": [{"key": one.key, "outcome": one.outcome, "to": one.to, "why": one.why} for one in items],
    }


def to_text(items: Sequence[Item]) -> str:
    """The report for people: what was lost first, what needs no place in one line."""
    lines = []
    for outcome, title in TITLES.items():
        found = [item for item in items if item.outcome == outcome]
        if not found:
            continue
        lines.append(f"{title} ({len(found)})")
        if outcome == NEEDLESS:
            lines += [f"  {why}: {', '.join(keys)}" for why, keys in _by_reason(found).items()]
            continue
        width = min(max(len(item.key) for item in found), 40)
        for item in found:
            place = f" → {item.to}" if item.to and outcome in (CARRIED, ADAPTED) else ""
            why = f"  {item.why}" if item.why else ""
            lines.append(f"  {item.key:<{width}}{place}{why}".rstrip())
    return "\n".join(lines) + "\n"


def _by_reason(items: Sequence[Item]) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for item in items:
        made.setdefault(item.why, []).append(item.key)
    return made
