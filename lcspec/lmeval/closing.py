"""Shutting the process in that asks a model and runs what a task brings: templates always, functions where allowed.

They need the model's answers and lm-eval's objects, so they are not in a process of their own as custom metrics are.
From here on the process opens no socket and starts no process (an audit hook, and where the machine has it a filter of
system calls); it reads and writes files as the step may. Templates are rendered in Jinja's sandbox: lm-eval's own
environment is none.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from lcspec.confine.child import OwnFiles
from lcspec.kinds.api import StepIO

NO_SANDBOX = "functions of lm-eval tasks run beside the model, in no sandbox, and `lcspec.toml` demands one"
SANDBOX_HELP = 'name tasks without `!function`, or say `confine = "best"` in `lcspec.toml`'


class _OthersFiles(OwnFiles):
    """Refuses modules of the project, where lcspec itself may lie: its own are imported until the step ends."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return None if name.partition(".")[0] == "lcspec" else super().find_spec(name, path, target)


def shut_in(io: StepIO, files: Iterable[str]) -> None:
    """Imports what lm-eval imports while it runs, then closes the process; `files` are those that will run.

    Ends the step with LC1239 where there are some and the machine's settings demand a sandbox.
    """
    import datasets.arrow_dataset  # noqa: F401 - what follows is imported before the doors close
    import lm_eval.api.metrics
    import lm_eval.evaluator
    import lm_eval.models.huggingface
    import lm_eval.tasks
    import lm_eval.utils
    from jinja2 import BaseLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from lcspec.confine import filters, hook

    named = sorted(set(files))
    if named and io.code.confine == "sandbox":
        io.fail(NO_SANDBOX, help=SANDBOX_HELP, code="LC1239")
    sys.meta_path.insert(0, _OthersFiles(str(io.root)))
    hook.close(None)
    made = "audit-hook + seccomp" if filters.install(owned=True) else "audit-hook"
    for file in named:
        io.measure(f"confinement:{file}", made)
    if named and made == "audit-hook":
        io.warn(f"`{named[0]}` runs with your rights: here an audit hook alone keeps it from sockets and processes")
    safe = ImmutableSandboxedEnvironment(loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True)
    safe.filters.update(lm_eval.utils.env.filters)
    lm_eval.utils.env = safe
