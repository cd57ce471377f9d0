"""Symbols, colours and columns of a plan."""

import textwrap
from collections.abc import Callable, Iterable, Mapping

from lcspec.compile.places import place
from lcspec.compile.planner import FIRST, REQUESTED, UNLOCKED
from lcspec.ir.document import Node
from lcspec.ir.plan import PlannedStep, Step
from lcspec.ir.source import SourceFile

Paint = Callable[[str, str], str]
OFF, BOLD, DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
RED, GREEN, YELLOW, CYAN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"

NEW, AGAIN, REPLACED, MAYBE, IF_SAME, SAME, NEVER, OUT = "+", "~", "-/+", "?", "=?", "=", "·", "x"
LEGEND = {
    NEW: (GREEN, "runs for the first time"),
    AGAIN: (YELLOW, "runs again"),
    REPLACED: (YELLOW, "runs again by request"),
    MAYBE: (CYAN, "runs if its condition holds"),
    IF_SAME: (CYAN, "reused if what it waits for comes out unchanged"),
    SAME: (DIM, "reused"),
    NEVER: (DIM, "not needed"),
    OUT: (DIM, "left out"),
}
_BY_ACTION = {"conditional": MAYBE, "reuse-if-unchanged": IF_SAME, "reuse": SAME, "skip": NEVER, "left-out": OUT}


def symbol(planned: PlannedStep) -> str:
    """The symbol of a step; see `LEGEND`."""
    if planned.action == "run":
        return {FIRST: NEW, UNLOCKED: NEW, REQUESTED: REPLACED}.get(planned.cause, AGAIN)
    return _BY_ACTION[planned.action]


def painter(color: bool) -> Paint:
    """Puts a style around a text, or leaves it alone."""
    return lambda text, style: f"{style}{text}{OFF}" if color and text else text


def painted_symbol(mark: str, paint: Paint) -> str:
    """The symbol in its colour, right-aligned in three columns."""
    return " " * (3 - len(mark)) + paint(mark, LEGEND[mark][0])


def legend(used: Iterable[str], paint: Paint, width: int) -> list[str]:
    """The symbols that a text used, with their meaning, as few lines as fit."""
    there = set(used)
    parts = [f"{mark} {words}" for mark, (_, words) in LEGEND.items() if mark in there]
    lines, line = [], ""
    for part in parts:
        if line and len(line) + len(part) + 3 > width - 2:
            lines.append(line)
            line = ""
        line += ("   " if line else "") + part
    return [paint(f"  {text}", DIM) for text in (*lines, line) if text]


def fill(text: str, width: int, indent: int) -> list[str]:
    """`text` in lines of `width` columns, what follows the first indented by `indent`; words are never cut."""
    if len(text) <= width:
        return [text]
    wrapped = textwrap.wrap(
        text.lstrip(),
        max(width, 40),
        initial_indent=" " * (len(text) - len(text.lstrip())),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped or [text]


def short(value: object, room: int = 40) -> str:
    """A value in a few characters; digests by their head."""
    if value is None:
        return "none"
    text = value if isinstance(value, str) else repr(value)
    if len(text) == 64 and set(text) <= set("0123456789abcdef"):
        return f"{text[:12]}…"
    text = " ".join(text.split())
    return text if len(text) <= room else f"{text[: room * 2 // 3]}…{text[-(room // 3 - 1) :]}"


def field_name(name: str) -> str:
    """A field of a key as people know it: `rank`, not `params.rank`."""
    return {"version": "version of the kind", "format": "format of keys"}.get(name, name.removeprefix("params."))


class Places:
    """Looks up the line that a field of a key comes from."""

    def __init__(
        self,
        root: Node | None,
        sources: Mapping[str, SourceFile],
        lock: SourceFile | None,
        steps: Mapping[str, Step] | None = None,
    ) -> None:
        self._root, self._sources, self._lock, self._steps = root, sources, lock, steps or {}

    def of(self, step: Step, field: str) -> str:
        """`specs/x.yaml:12`, or an empty text for what no text says."""
        span = place(self._root, step, field, self._lock) if self._root is not None else None
        if span is None or span.file not in self._sources:
            return ""
        return f"{span.file}:{self._sources[span.file].position(span.start).line}"

    def of_step(self, step_id: str, field: str) -> str:
        """The same by the name of a step."""
        return self.of(self._steps[step_id], field) if step_id in self._steps else ""
