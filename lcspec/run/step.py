"""One step in its own process: `python -m lcspec.run.step` with a job on standard input, or forked with one.

Messages go back as (kind, data) pairs; the last one is `done` or `failed`. A step ends with its apply.
"""

import errno
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.run.inside import enter, handed_over, inside
from lcspec.run.io import ChildIO, Job, Send, seed_everything
from lcspec.runtime.scan import UnsafeModelError

PR_SET_PDEATHSIG = 1


def run_job(job: Job, send: Send) -> int:
    """Runs the action of a job; 0 when it finished, 1 when it failed and said why."""
    from lcspec.kinds import registry

    family, _, name = job.kind.partition(".")
    started = time.monotonic()
    try:
        if job.gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(job.gpus)
        os.environ["LCSPEC_SCRATCH"] = os.path.join(os.path.dirname(job.outputs), "scratch")  # noqa: PTH118, PTH120
        seed_everything(job.seed, job.threads)
        action: Callable[[ChildIO], None] = getattr(registry.module(family, name), job.action)
        action(ChildIO(job, send))
    except Exception as error:  # noqa: BLE001 - the worker's edge: whatever a step raises is told, with its log
        return _failed(error, job, send)
    send("done", {"seconds": time.monotonic() - started, "peak": peak_rss(), "versions": versions(job.libraries)})
    return 0


def _failed(error: Exception, job: Job, send: Send) -> int:
    """Tells why a step failed; its exit code."""
    if isinstance(error, LcspecError):
        send("failed", {"diagnostics": [_diagnostic(one) for one in error.diagnostics], "cause": None})
        return 1
    if isinstance(error, UnsafeModelError):
        found = [Diagnostic(one.code, one.message, help=one.help) for one in error.found]
        send("failed", {"diagnostics": [_diagnostic(one) for one in found], "cause": None})
        return 1
    traceback.print_exception(error)
    last = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    told = Diagnostic("LC1202", last, help=f"the whole traceback is in {job.log}")
    send("failed", {"diagnostics": [_diagnostic(told)], "cause": cause(error)})
    return 1


_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "cannot allocate memory")
_NETWORK = ("urllib", "requests", "httpx", "httpcore", "aiohttp", "urllib3", "http.client", "huggingface_hub")


def cause(error: BaseException) -> str | None:
    """What of the world an exception speaks of: memory, disk or network; None when it may be anything."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "memory"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "disk"
    if isinstance(error, RuntimeError | OSError) and any(words in str(error).lower() for words in _NO_MEMORY):
        return "memory"
    if isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith(_NETWORK):
        return "network"
    return None if error.__cause__ is None else cause(error.__cause__)


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "notes": list(diagnostic.notes),
    }


def peak_rss() -> int:
    """The largest resident set of this process so far, in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def versions(libraries: list[str]) -> dict[str, str]:
    """Exact installed versions."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in libraries:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def die_with_parent(wait_for_end: Callable[[], object]) -> None:
    """Ends this process group when `wait_for_end` returns: it blocks until the apply's end of a pipe closes."""

    def watch() -> None:
        wait_for_end()
        os.killpg(os.getpgid(0), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        pass  # not Linux: the pipe alone tells


def main() -> NoReturn:
    """The spawned form: job and life line on standard input, messages on the descriptor in LCSPEC_EVENTS.

    It ends within this frame: a channel that closed on the way out would tell the apply that the step is gone.
    """
    if os.getpgid(0) != os.getpid():
        os.setpgid(0, 0)
    text = handed_over() or sys.stdin.readline()
    job = Job.from_text(text)
    die_with_parent(sys.stdin.read)
    channel = os.fdopen(int(os.environ["LCSPEC_EVENTS"]), "w", encoding="utf-8")

    def send(kind: str, data: Mapping[str, Any]) -> None:
        channel.write(json.dumps([kind, data]) + "\n")
        channel.flush()

    if job.environment and not inside(job):
        try:
            enter(job, text)
        except Exception as error:  # noqa: BLE001 - as in `run_job`
            os._exit(_failed(error, job, send))
    os._exit(run_job(job, send))  # the watching thread must not hold the process up


if __name__ == "__main__":
    main()
