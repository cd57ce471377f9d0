"""A Python file that a metric, a reward or a task of lm-eval may run, as long as it has this digest.

The digest says that somebody has read the file: another byte in it, and the spec is refused until it is read again.
It stands in the key of the steps that run the file. It runs in a process of its own that sees the interpreter, what is
installed for it, and the rows that it is asked of; no secret, no other file of the project, no network. What holds it
there is the strongest that the machine has: bubblewrap (with it Landlock and a filter of system calls), else these two
without it, else an audit hook, which stops accidents only and is warned of. The record of the step says which
(`measured`). What it writes into its temporary folder goes with it, and it writes nowhere else. `[code]` in
`lcspec.toml` sets memory and time for one row, and demands the sandbox: `confine = "sandbox"`. Limits: it may import
installed packages, and no other file of the project, because no digest speaks for that; GPUs are not there; a fault of
the kernel opens any of these walls. Functions of lm-eval tasks need the model and run beside it, held less well: see
`explain suites.lm-eval`.
"""

from typing import Any

from lcspec.kinds.api import Body, Bound, Context, Kind, marked, option


class PythonBody(Body):
    """One Python file."""

    path: str = option(doc="The file, relative to the spec's folder and inside it; `lm_eval:tasks/…` of that package.")
    sha256: str = option(doc="SHA-256 of the file that was read.", pattern=r"^[0-9a-f]{64}$")


def item(body: PythonBody) -> str:
    """What is allowed, as those ask who need it."""
    return body.path


def lower(ctx: Context, entry: Bound) -> dict[str, Any]:
    """No steps: the fields that enter the keys of the steps that use it."""
    return marked(entry.body)


EXAMPLE = f"{{kind: python, path: metrics/brevity.py, sha256: {'3fa1' * 16}}}"
KIND = Kind(
    family="allow",
    name="python",
    version=1,
    body=PythonBody,
    lower=lower,
    summary="a Python file that a metric, a reward or a task may run",
    example=EXAMPLE,
)
