"""A review as Markdown, to be put into a pull request."""

import re
from collections.abc import Iterable, Iterator, Mapping

from lcspec.cli.diffview.words import (
    MARKS,
    STATES,
    change_text,
    counts,
    effect_text,
    pin_text,
    place,
    takes_text,
    turn_text,
)
from lcspec.diag.model import Diagnostic
from lcspec.ir.source import SourceFile
from lcspec.review.model import Review
from lcspec.reviewing import takes


def review_markdown(made: Review, risks: Iterable[Diagnostic], sources: Mapping[str, SourceFile]) -> str:
    """The whole review; what a spec says is shown as code, so that no text of it becomes markup."""
    return "\n".join(_lines(made, list(risks), sources)) + "\n"


def _lines(made: Review, risks: list[Diagnostic], sources: Mapping[str, SourceFile]) -> Iterator[str]:
    yield f"### {code(made.head.spec.name)}: {code(made.base.name)} → {code(made.head.name)}"
    yield ""
    if made.empty:
        yield "Both say the same: nothing reruns."
        return
    if risks:
        yield "**Look twice**"
        yield ""
        for risk in risks:
            yield f"- {risk.code} {text(risk.message)}{_line(risk, sources)} — {text(risk.help or '')}"
        yield ""
    yield f"Steps: {counts(made)}."
    if made.of_state("rerun", "new", "follows", "depends"):
        yield f"It takes {takes_text(takes(made))}."
    yield ""
    if made.turns:
        yield "**Decided otherwise, on the evidence at hand**"
        yield ""
        yield from (f"- {code(turn.choice)}: {text(turn_text(turn))}" for turn in made.turns)
        yield ""
    yield from _table(made, sources)
    if made.stale:
        yield "**Evidence that no longer speaks of this spec**"
        yield ""
        yield from (f"- {code(suite)} of {code(candidate)}" for suite, candidate in made.stale)
        yield ""
    yield from _steps(made)


def _table(made: Review, sources: Mapping[str, SourceFile]) -> Iterator[str]:
    rows = [(MARKS[one.kind], one.name, change_text(one), place(one, sources)) for one in made.changes]
    rows += [(MARKS[one.kind], *pin_text(one), "lock") for one in made.pins]
    if rows:
        yield "| | what | change | where |"
        yield "|---|---|---|---|"
        for mark, name, changed, where in rows:
            yield f"| {code(mark)} | {code(name)} | {code(changed)} | {code(where)} |"
        yield ""


def _steps(made: Review) -> Iterator[str]:
    listed = [(state, made.of_state(state)) for state in STATES]
    if any(found for _, found in listed):
        yield "<details><summary>Steps</summary>"
        yield ""
        for state, found in listed:
            for one in found:
                told = effect_text(one)
                yield f"- {code(STATES[state][0])} {code(one.step)}" + (f" {code(told)}" if told else "")
        yield ""
        yield "</details>"


def code(said: str) -> str:
    """Text as inline code; a fence longer than any run of backticks in it, and no cell of a table is left."""
    if not said:
        return ""
    flat = " ".join(said.split()).replace("|", "\\|")
    longest = max((len(run) for run in _runs(flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def _runs(said: str) -> list[str]:
    return re.findall("`+", said)


def text(said: str) -> str:
    """Prose: markup outside of backticks is escaped."""
    parts = re.split("(`[^`]*`)", said)
    return "".join(part if part.startswith("`") else re.sub(r"([\\<>*_\[\]|#])", r"\\\1", part) for part in parts)


def _line(risk: Diagnostic, sources: Mapping[str, SourceFile]) -> str:
    span = risk.labels[0].span if risk.labels else None
    if span is None or span.file not in sources:
        return ""
    return f" ({code(f'{span.file}:{sources[span.file].position(span.start).line}')})"
