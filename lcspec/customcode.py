"""Running a function of the project's own in a step: the very file that was allowed, without network or processes.

It is no sandbox: the file has the rights of the step. What is refused is refused to accidents: another file than the
one that was read, other files of the project, sockets, child processes, values that are no numbers.
"""

import hashlib
import math
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds.api import StepIO

REFUSED = {  # audit events
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"),
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"),
}
_INSTALLED = ("site-packages", "dist-packages")


def judge_rows(io: StepIO, name: str, rows: Sequence[Scored], params: Mapping[str, Any]) -> list[float | bool | None]:
    """What the function of the metric `name` says of each row.

    Ends the step with LC0351 (the file is not the one that was allowed) or LC1236 (it does not do its work).
    """
    path = io.input(f"code.{name}") / params["path"]
    text = path.read_bytes()
    if (digest := hashlib.sha256(text).hexdigest()) not in io.params.get("capabilities", {}).get(
        f"python:{params['path']}", ()
    ):
        help = (
            f"read it; if it may run: `allow: {{{name}: {{kind: python, path: {params['path']}, sha256: {digest}}}}}`"
        )
        io.fail(f"`{params['path']}` is not the file that the spec allows", help=help, code="LC0351")
    function = _function(io, text, params["path"], params["function"])
    values = []
    for number, row in enumerate(rows):
        io.progress(number, len(rows))
        try:
            value = function(_plain(row))
        except Exception as error:  # noqa: BLE001 - code of the user's own raises what it likes
            traceback.print_exc()
            raised = f"{type(error).__name__}: {error}"
            io.fail(f"`{params['function']}` raised {raised}, on row {number + 1}", help=_SEE, code="LC1236")
        values.append(_number(io, value, params["function"], number))
    return values


_SEE = "the step's log has the whole traceback: `lcspec logs`"


def _plain(row: Scored) -> dict[str, Any]:
    """A row as the function takes it: its own copy."""
    made: dict[str, Any] = {"id": row.id, "row": dict(row.row), "target": row.target, "accepted": list(row.accepted)}
    made |= {"answer": row.answer, "label": row.label, "scores": dict(row.scores) if row.scores else None}
    return made | {"hits": [dict(hit) for hit in row.hits], "refused": row.refused, "source": row.source}


def _number(io: StepIO, value: Any, function: str, number: int) -> float | bool | None:
    value = value.item() if hasattr(value, "item") and not isinstance(value, int | float) else value
    if value is None or isinstance(value, bool) or (isinstance(value, int | float) and math.isfinite(value)):
        return value
    message = f"`{function}` returned {_shown(value)} for row {number + 1}"
    return io.fail(message, help="return True or False, a finite number, or None for a row to leave out", code="LC1236")


def _shown(value: Any) -> str:
    text = repr(value)
    return f"`{text}`" if len(text) < 40 else f"`{text[:36]}…`"


def _function(io: StepIO, text: bytes, path: str, name: str) -> Callable[[dict[str, Any]], Any]:
    """The function `name` of a module made of `text`; the process is closed to network and project before."""
    module = ModuleType(f"lcspec_custom_{hashlib.sha256(text).hexdigest()[:12]}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # dataclasses look their module up
    _close(io.root)
    try:
        exec(compile(text, path, "exec"), module.__dict__)
    except Exception as error:  # noqa: BLE001 - code of the user's own raises what it likes
        traceback.print_exc()
        io.fail(f"`{path}` cannot be run: {type(error).__name__}: {error}", help=_SEE, code="LC1236")
    function = getattr(module, name, None)
    if not callable(function):
        io.fail(f"`{path}` has no function `{name}`", help="correct `function`, or define it there", code="LC1236")
    made: Callable[[dict[str, Any]], Any] = function
    return made


_closed: list[Path] = []


def _close(root: Path) -> None:
    """From now on this process opens no socket to anywhere, starts nothing, and imports no file of the project."""
    if _closed:
        return
    _closed.append(root.resolve())
    sys.meta_path.insert(0, _OwnFiles())

    def refuse(event: str, _: object) -> None:
        if event in REFUSED:
            raise PermissionError(f"a custom metric may not do that ({event})")

    sys.addaudithook(refuse)


class _OwnFiles:
    """Finds nothing, and refuses modules that lie in the project: `allow` speaks for one file only."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        found = PathFinder.find_spec(name, path, target)
        origin = Path(found.origin).resolve() if found is not None and found.origin and found.has_location else None
        own = origin is not None and origin.is_relative_to(_closed[0]) and not set(_INSTALLED) & set(origin.parts)
        if own and name.partition(".")[0] != "lcspec":
            raise ImportError(f"`{name}` is a file of the project, and `allow` does not list it")
        return None
