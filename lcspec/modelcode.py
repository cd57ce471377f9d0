"""What a step may run of the code that came with its models: of its capabilities, for the loaders of `runtime`."""

from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from lcspec.confine.settings import CodeSettings

KIND = "remote-code"
NO_SANDBOX = "the code of a model runs in the steps that load it, in no sandbox, and `lcspec.toml` demands one"
SANDBOX_HELP = 'take a model that the transformers library has, or say `confine = "best"` in `lcspec.toml`'


class Told(Protocol):
    """A running step: of `kinds.api.StepIO`, what is asked here."""

    params: Mapping[str, Any]
    code: CodeSettings

    def measure(self, name: str, value: Any) -> None:
        """See there."""

    def warn(self, message: str) -> None:
        """See there."""

    def fail(self, message: str, *, help: str, code: str = "LC1201") -> NoReturn:
        """See there."""


def code_of(io: Told) -> dict[str, list[str]]:
    """Python file to the SHA-256 that it may have, of all models that the step loads; empty for most steps.

    Ends the step with LC1239 where there are some and the machine's settings demand a sandbox.
    """
    found: dict[str, set[str]] = {}
    for mark, digests in io.params.get("capabilities", {}).items():
        kind, _, file = mark.partition(":")
        if kind == KIND:
            found.setdefault(file, set()).update(digests)
    if found and io.code.confine == "sandbox":
        io.fail(NO_SANDBOX, help=SANDBOX_HELP, code="LC1239")
    return {file: sorted(digests) for file, digests in sorted(found.items())}


def shut_in(io: Told) -> dict[str, list[str]]:
    """`code_of`, for a step that is about to run it: the process gets a filter of system calls, where there is one.

    The loader adds its audit hook. A step that asks a process of its own about rewards has to end that, which the
    filter would forbid; it has the hook alone. The record tells by what each file was held.
    """
    code = code_of(io)
    if code and not _held:
        from lcspec.confine import filters

        asks = any(mark.startswith("python:") for mark in io.params["capabilities"])
        _held.append("audit-hook + seccomp" if not asks and filters.install(owned=True) else "audit-hook")
        for file in code:
            io.measure(f"confinement:{file}", _held[0])
        if _held[0] == "audit-hook":
            io.warn(
                f"`{next(iter(code))}` runs with your rights: an audit hook alone keeps it from sockets and processes"
            )
    return code


_held: list[str] = []  # how this process is held; a step has one of its own
