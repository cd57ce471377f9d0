"""Why a step ended without finishing: what it said itself, which limit it passed, which signal ended it."""

import signal
from typing import Any

from lcspec.diag.model import Diagnostic
from lcspec.run import processes
from lcspec.run.running import LEAVES_WITHIN, Running
from lcspec.units import format_bytes, format_seconds

RETRIES = 2  # of a step that fetches, when what failed may be the network
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS)
_UNFETCHED = "LC1005"
_LESS = "give it a smaller batch, or shorter rows; or raise its limit in `lcspec.toml`: `[limits] memory`"


def diagnose(one: Running, code: int) -> Diagnostic:
    """The reason, with a remedy; `code` is the exit code of its process, negative for a signal."""
    if one.watch.breach:
        return _breached(one)
    if "failed" in one.told:
        return _failed(one, one.told["failed"])
    last = last_line(one)
    notes = (f"the last line of its log: {last}",) if last else ()
    log = f"see its log: {one.log.path}"
    if one.stayed:
        message = f"it closed its channel and did not leave within {LEAVES_WITHIN:.0f} s"
        return Diagnostic("LC1210", message, notes=notes, help=log)
    if code == -signal.SIGKILL:
        if processes.oom_kills() > one.oom_kills:
            seen = f"; it held {format_bytes(one.watch.peak)}" if one.watch.peak else ""
            return Diagnostic("LC1206", f"the kernel ended it because memory ran out{seen}", notes=notes, help=_LESS)
        return Diagnostic("LC1203", "something else ended it (SIGKILL)", notes=notes, help=f"apply again; {log}")
    if code < 0:
        name = signal.Signals(-code).name
        if -code in _CRASHES:
            help = f"a library crashed: try its latest version, or another setting; {log}"
            return Diagnostic("LC1209", f"it crashed ({name})", notes=notes, help=help)
        return Diagnostic("LC1203", f"something else ended it ({name})", notes=notes, help=f"apply again; {log}")
    return Diagnostic("LC1210", f"it left with exit code {code} and without a word", notes=notes, help=log)


def _breached(one: Running) -> Diagnostic:
    what, allowed, seen = one.watch.breach or ("", 0.0, 0.0)
    name = one.planned.step.id
    if what == "memory":
        message = f"it held {format_bytes(seen)} of memory, its limit is {format_bytes(allowed)}"
        return Diagnostic("LC1206", message, help=_LESS)
    table = f'`[limits."{name}"]` in `lcspec.toml`'
    if what == "time":
        help = f"raise `time` under {table}; a step that keeps checkpoints goes on from the last one"
        return Diagnostic("LC1207", f"it ran longer than its limit of {format_seconds(allowed)}", help=help)
    help = f"see its log for where it hung: {one.log.path}; if it is only slow, raise `silence` under {table}"
    return Diagnostic("LC1208", f"it said nothing for {format_seconds(seen)}", help=help)


def _failed(one: Running, told: Any) -> Diagnostic:
    first = told["diagnostics"][0]
    if told.get("cause") == "memory":
        return Diagnostic("LC1206", f"no memory was left: {first['message']}", help=_LESS)
    if told.get("cause") == "disk":
        help = "free space, then apply again: finished steps are kept"
        return Diagnostic("LC1214", f"the disk is full: {first['message']}", help=help)
    return Diagnostic(first["code"], first["message"], notes=tuple(first["notes"]), help=first["help"])


def may_pass(one: Running) -> bool:
    """Whether the same attempt may succeed in a moment: only for what came over the network, never for memory."""
    told = one.told.get("failed")
    if not one.planned.step.resources.network or told is None or one.watch.breach:
        return False
    return "network" in (told.get("cause"), "network" if told["diagnostics"][0]["code"] == _UNFETCHED else "")


def last_line(one: Running) -> str:
    """The last line of a log that holds something, cut."""
    try:
        with one.log.path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 4096))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:200] if said else ""
