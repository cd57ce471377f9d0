"""The confined process: it shuts itself in, then runs one function on what it is sent, a JSON line for a JSON line.

Standard input holds the lines; the arguments are the descriptors of the answers and of the step's log, which takes what
the function prints. The first line says how to shut in, the second holds the code, each further one a list of
payloads, to which the answer is a list of values, or `{"at": index, ...}` for the payload that went wrong.
"""

import json
import linecache
import math
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import IO, Any

Function = Callable[[Any], Any]
_MESSAGE = 2000  # characters of a message that are passed on


def main() -> None:
    """Runs until standard input ends."""
    lines = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(int(sys.argv[1]), "wb", buffering=0)
    os.set_inheritable(answers.fileno(), False)
    log, nothing = int(sys.argv[2]), os.open(os.devnull, os.O_RDONLY)
    for descriptor, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, descriptor)
    os.close(log)
    os.close(nothing)
    sys.argv = [""]
    try:
        told = {"confined": _shut_in(json.loads(lines.readline()))}
    except OSError as error:
        _say(answers, {"cannot": str(error)})
        return
    _say(answers, told)
    code = lines.readline()
    function = _load(json.loads(code), answers) if code else None
    for line in lines:
        if function is None:
            return
        _say(answers, _answers(function, json.loads(line)))


def _say(answers: IO[bytes], told: Any) -> None:
    data = memoryview(json.dumps(told).encode() + b"\n")
    while data:
        data = data[answers.write(data) :]


# --- shutting in -----------------------------------------------------------------------------------------------------


def _shut_in(wanted: dict[str, Any]) -> str:
    """Puts on what this level has; what it came to, in words.

    Raises:
        OSError: this machine does not have it.
    """
    import resource

    from lcspec.confine import filters, hook, landlock  # all of it, before its files can no longer be read

    level, readable = wanted["level"], wanted["readable"]
    if level != "bubblewrap":
        _as_one_of(wanted["parent"], wanted["root"])
    sys.path[:] = [path for path in sys.path if _kept(path, wanted)]
    sys.path += [path for path in wanted["importable"] if path not in sys.path and os.path.isdir(path)]
    for what, most in (("AS", wanted["memory"]), ("CORE", 0), ("FSIZE", wanted["scratch"])):
        with suppress(ValueError):  # a system that knows no such limit, or has set a lower one
            resource.setrlimit(getattr(resource, f"RLIMIT_{what}"), (most, most))
    made = [] if level == "landlock" else [level]
    if level == "landlock" or (level == "bubblewrap" and landlock.abi() >= landlock.LEAST):
        made += [f"landlock {landlock.restrict(readable, wanted['writable'])}"]
    made += ["seccomp"] if filters.install(owned=level == "bubblewrap") else []
    hook.close(None if level == "bubblewrap" else readable, wanted["writable"])
    _forget()
    return " + ".join(made)


def _kept(path: str, wanted: dict[str, Any]) -> bool:
    """Whether an entry of the path that Python came up with is the interpreter's or one of those that are installed."""
    return path != wanted["modules"] and (
        path in wanted["importable"] or path.startswith((sys.prefix, sys.base_prefix))
    )


def _as_one_of(parent: int, root: str) -> None:
    """Ends with the step, and imports no file of the project: a wall for accidents where there is no other."""
    from lcspec.confine import landlock

    landlock.die_with(parent)
    landlock.drop_capabilities()
    os.chdir("/")
    sys.meta_path.insert(0, OwnFiles(root))


class OwnFiles:
    """Finds nothing, and refuses modules that lie in the project: `allow` speaks for one file only."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root) + os.sep

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """None, or ModuleNotFoundError for a module of the project."""
        found = PathFinder.find_spec(name, path, target)
        origin = os.path.realpath(found.origin) if found is not None and found.origin and found.has_location else ""
        if origin.startswith(self.root) and not {"site-packages", "dist-packages"} & set(origin.split(os.sep)):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def _forget() -> None:
    """Makes lcspec's modules strangers again: what is installed under that name is imported as any other package."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "lcspec"]:
        del sys.modules[name]


# --- the function ----------------------------------------------------------------------------------------------------


def _load(told: dict[str, Any], answers: IO[bytes]) -> Function | None:
    """The function, seeded; None after telling why there is none."""
    text, path, name = told["text"], told["path"], told["function"]
    import random

    random.seed(told["seed"])
    module = ModuleType(told["module"])
    module.__file__ = path
    sys.modules[module.__name__] = module  # dataclasses look their module up
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)  # for tracebacks
    try:
        exec(compile(text, path, "exec"), module.__dict__)
    except BaseException as error:  # noqa: BLE001 - code of the user's own raises what it likes
        _say(answers, _raised(error))
        return None
    function = getattr(module, name, None)
    if not callable(function):
        _say(answers, {"missing": True})
        return None
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(told["seed"] % 2**32)
    _say(answers, {"loaded": True})
    made: Function = function
    return made


def _answers(function: Function, payloads: list[Any]) -> list[Any] | dict[str, Any]:
    values = []
    for at, payload in enumerate(payloads):
        try:
            value = _plain(function(payload))
        except BaseException as error:  # noqa: BLE001 - code of the user's own raises what it likes
            return {"at": at, **_raised(error)}
        if isinstance(value, str):
            return {"at": at, "shown": value}
        values.append(value)
    return values


def _raised(error: BaseException) -> dict[str, Any]:
    traceback.print_exception(error)
    sys.stderr.flush()
    try:
        message = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an exception of the user's own may not even have a text
        message = type(error).__name__
    absent = error.name if isinstance(error, ModuleNotFoundError) else None
    return {"raised": message[:_MESSAGE], "absent": absent, "memory": isinstance(error, MemoryError)}


def _plain(value: Any) -> float | bool | str | None:
    """A value as JSON holds it; a text that shows the value when it is no number."""
    if not isinstance(value, int | float) and hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        try:
            if math.isfinite(value):
                return int(value) if isinstance(value, int) else float(value)
        except OverflowError:
            pass
    text = repr(value)
    return f"`{text}`" if len(text) < 40 else f"`{text[:36]}…`"
