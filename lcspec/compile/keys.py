"""The key of a step: the digest of everything that can change its result, and of nothing else."""

from collections.abc import Mapping
from typing import Any

from lcspec.canon import digest
from lcspec.ir.plan import Step

KEY_FORMAT = 2  # 1 had inputs by SHA-256


def key_parts(step: Step, inputs: Mapping[str, str], libraries: Mapping[str, str], device: str) -> dict[str, Any]:
    """The fields that make the key of `step`, given the content digests of its inputs.

    The step's id is not among them: two steps that do the same to the same content share one result.
    """
    return {
        "format": KEY_FORMAT,
        "kind": step.kind,
        "action": step.action,
        "version": step.version,
        "params": dict(step.params),
        "inputs": dict(inputs),
        "seed": step.seed,
        "libraries": {name: libraries.get(name) for name in sorted(step.libraries)},
        "device": device if step.libraries else "any",
    }


def step_key(parts: Mapping[str, Any]) -> str:
    """SHA-256 of the parts of a key."""
    return digest(parts)
