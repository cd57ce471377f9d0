"""Running a function of the project's own in a step: the very file that was allowed, in a confined process.

`opened` starts the process (see `confine/`); what comes of it is asked of one row, or of many.
What ends a step: LC0351 (the file is not the one that was allowed), LC1236 (it does not do its work), LC1239 (the
sandbox that `lcspec.toml` demands is not to be had).
"""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from lcspec.confine.process import LEVELS, MARK, Confined, Dead, Silent
from lcspec.ir.scored import Scored
from lcspec.kinds.api import StepIO

LOADS_WITHIN = 120.0  # seconds that importing the file may take; longer where a row may take longer
PROBE_MEMORY = 1 << 30
NO_SANDBOX = "code of the project's own may run in a sandbox only, and there is none here: {}"
SANDBOX_HELP = 'install bubblewrap and let it use user namespaces, or say `confine = "best"` in `lcspec.toml`'
_SEE = "the step's log has the whole traceback: `lcspec logs`"
_SHOWN = 500  # characters of the function's own words in a message
Value = float | bool | None


class Asked:
    """One function of the project in its process."""

    def __init__(self, io: StepIO, child: Confined, path: str, function: str) -> None:
        self._io, self._child, self._path, self._function = io, child, path, function

    def __call__(self, row: Scored, where: str) -> Value:
        """What the function says of a row: True or False, a finite number, or None. `where` names it in messages."""
        return self.many([row], [where])[0]

    def many(self, rows: Sequence[Scored], where: Sequence[str]) -> list[Value]:
        """What it says of each, in one exchange: cheaper than one by one. Ends the step where it does not answer."""
        if not rows:
            return []
        seconds, spot = self._io.code.time * len(rows), where[0] if len(rows) == 1 else f"{where[0]} to {where[-1]}"
        try:
            told = self._child.ask([_plain(row) for row in rows], seconds)
        except Silent:
            self._fail(f"did not answer within {seconds:g} s, on {spot}", _TIME)
        except Dead as error:
            self._fail(f"did not answer on {spot}: {error}", _SEE)
        if isinstance(told, dict):
            at = told.get("at")
            one = where[at] if isinstance(at, int) and 0 <= at < len(where) else spot
            if "raised" in told:
                self._fail(
                    f"raised {_raised(told, self._io.root, self._path)}, on {one}",
                    _MEMORY if told.get("memory") else _SEE,
                )
            help = "return True or False, a finite number, or None for a row to leave out"
            self._fail(f"returned {_line(told.get('shown'))} for {one}", help)
        values = told if isinstance(told, list) and len(told) == len(rows) and all(map(_right, told)) else None
        if values is None:
            self._fail(f"did not answer on {spot}: it wrote where only answers are written", _SEE)
        return values

    def _fail(self, what: str, help: str) -> NoReturn:
        self._io.fail(f"`{self._function}` {what}", help=help, code="LC1236")


_TIME = "make it end; `time` in the table `[code]` of `lcspec.toml` is what one row may take"
_MEMORY = "`memory` in the table `[code]` of `lcspec.toml` is what it may take"


@contextmanager
def opened(io: StepIO, code: str, path: str, function: str) -> Iterator[Asked]:
    """A function of the file `path` in the input `code`, ready to be asked.

    Open it from the main thread: a process that is confined by bubblewrap ends with the thread that started it. Open
    it before a model's own code is loaded: from then on this process starts no other.
    """
    text = _allowed(io, code, path, function)
    demanded = io.code.confine == "sandbox"
    try:
        child = Confined(hidden_places(io.root), io.code.memory, LEVELS[:1] if demanded else LEVELS)
    except Dead as error:
        if demanded:
            io.fail(NO_SANDBOX.format(error), help=SANDBOX_HELP, code="LC1239")
        io.fail(f"`{path}` cannot be run: {error}", help=_SEE, code="LC1236")
    try:
        _tell(io, path, function, child)
        _load(io, child, text, path, function)
        yield Asked(io, child, path, function)
    finally:
        child.end()


def judge_rows(io: StepIO, name: str, rows: Sequence[Scored], params: Mapping[str, Any]) -> list[Value]:
    """What the function of the metric `name` says of each row."""
    values: list[Value] = []
    with opened(io, f"code.{name}", params["path"], params["function"]) as ask:
        for number, row in enumerate(rows):
            io.progress(number, len(rows))
            values.append(ask(row, f"row {number + 1}"))
    return values


def _allowed(io: StepIO, code: str, path: str, function: str) -> bytes:
    """The bytes of the file, which are those that the spec allows; ends the step with LC0351 when they are not."""
    text = (io.input(code) / path).read_bytes()
    if (digest := hashlib.sha256(text).hexdigest()) not in io.params.get("capabilities", {}).get(f"python:{path}", ()):
        help = f"read it; if it may run: `allow: {{{function}: {{kind: python, path: {path}, sha256: {digest}}}}}`"
        io.fail(f"`{path}` is not the file that the spec allows", help=help, code="LC0351")
    return text


def hidden_places(root: Path) -> list[Path]:
    """What no function may read: the project and the store of this step."""
    store = os.environ.get(MARK)
    return [root, *([Path(store)] if store else [])]


def no_sandbox(root: Path) -> str | None:
    """Why there is no sandbox on this machine, tried for real; None when there is one."""
    try:
        Confined([root], PROBE_MEMORY, LEVELS[:1]).end()
    except Dead as error:
        return str(error)
    return None


# --- the process -----------------------------------------------------------------------------------------------------


def _tell(io: StepIO, path: str, function: str, child: Confined) -> None:
    """Says by what the function is confined: in the log, in the record, and aloud where it is next to nothing."""
    io.measure(f"confinement:{path}:{function}", child.confinement)
    why = "".join(f"; {reason}" for reason in child.weaker)
    sys.stderr.write(f"lcspec: `{function}` of `{path}` is confined by {child.confinement}{why}\n")
    sys.stderr.flush()
    if child.level == "audit-hook":
        io.warn(
            f"`{function}` of `{path}` runs WITHOUT A SANDBOX: this machine has neither bubblewrap nor Landlock"
            f" ({'; '.join(child.weaker)}). It has your rights; an audit hook stops accidents only."
        )


def _load(io: StepIO, child: Confined, text: bytes, path: str, function: str) -> None:
    told = {
        "text": _decoded(io, text, path),
        "path": path,
        "function": function,
        "module": f"lcspec_custom_{hashlib.sha256(text).hexdigest()[:12]}",
        "seed": io.seed,
    }
    seconds = max(LOADS_WITHIN, io.code.time)
    try:
        answer = child.ask(told, seconds)
    except Silent:
        io.fail(f"`{path}` cannot be run: it is not through after {seconds:g} s", help=_SEE, code="LC1236")
    except Dead as error:
        io.fail(f"`{path}` cannot be run: {error}", help=_SEE, code="LC1236")
    if isinstance(answer, dict) and "missing" in answer:
        help = "correct `function`, or define it there"
        io.fail(f"`{path}` has no function `{function}`", help=help, code="LC1236")
    if isinstance(answer, dict) and "raised" in answer:
        help = _MEMORY if answer.get("memory") else _SEE
        io.fail(f"`{path}` cannot be run: {_raised(answer, io.root, path)}", help=help, code="LC1236")
    if answer != {"loaded": True}:
        io.fail(f"`{path}` cannot be run: it wrote where only answers are written", help=_SEE, code="LC1236")


def _decoded(io: StepIO, text: bytes, path: str) -> str:
    """The source as Python reads it, by its coding line or as UTF-8."""
    try:
        return importlib.util.decode_source(text)
    except (SyntaxError, UnicodeDecodeError) as error:
        io.fail(f"`{path}` cannot be run: {type(error).__name__}: {error}", help="save it as UTF-8", code="LC1236")


# --- words -----------------------------------------------------------------------------------------------------------


def _raised(told: Mapping[str, Any], root: Path, path: str) -> str:
    """What was raised; a module that is missing because it is a file of the project is told so."""
    absent = told.get("absent")
    if isinstance(absent, str) and absent.isidentifier():
        for folder in (root, (root / path).parent):
            if (folder / f"{absent}.py").exists() or (folder / absent).is_dir():
                return f"ImportError: `{absent}` is a file of the project, and `allow` does not list it"
    return _line(told.get("raised"))


def _line(text: Any) -> str:
    """Text of the function's own as one printable line."""
    return "".join(one if one.isprintable() else " " for one in str(text))[:_SHOWN]


def _right(value: Any) -> bool:
    """Whether an answer is what a function may return; whoever wrote it."""
    if value is None or isinstance(value, bool):
        return True
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max  # false for NaN, and exact for an int


def _plain(row: Scored) -> dict[str, Any]:
    """A row as the function takes it: its own copy."""
    made: dict[str, Any] = {"id": row.id, "row": dict(row.row), "target": row.target, "accepted": list(row.accepted)}
    made |= {"answer": row.answer, "label": row.label, "scores": dict(row.scores) if row.scores else None}
    return made | {"hits": [dict(hit) for hit in row.hits], "refused": row.refused, "source": row.source}
