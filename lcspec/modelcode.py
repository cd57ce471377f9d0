"""What a step may run of the code that came with its models: of its capabilities, for the loaders of `runtime`."""

from collections.abc import Mapping
from typing import Any, Protocol

KIND = "remote-code"


class Told(Protocol):
    """A running step: `kinds.api.StepIO`."""

    params: Mapping[str, Any]


def code_of(io: Told) -> dict[str, list[str]]:
    """Python file to the SHA-256 that it may have, of all models that the step loads; empty for most steps."""
    found: dict[str, set[str]] = {}
    for mark, digests in io.params.get("capabilities", {}).items():
        kind, _, file = mark.partition(":")
        if kind == KIND:
            found.setdefault(file, set()).update(digests)
    return {file: sorted(digests) for file, digests in sorted(found.items())}
