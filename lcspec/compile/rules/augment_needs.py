"""Retrieval needs documents and an embedder; a base for comparisons needs an untuned first rung."""

from typing import Any

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Bound, Spec
from lcspec.ir.strict import plain


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0701 and LC0605."""
    for entry in spec.entries("augment").values():
        if entry.kind == "retrieval":
            _retrieval(spec, entry, report)
        for side in ("input", "output"):
            for index, guard in enumerate(getattr(entry.body, side, ())):
                _guard(entry, side, index, plain(guard, alias=False, none=False), report)
    first = spec.ladder[0] if spec.ladder else None
    for name, gate in spec.gates.items():
        if gate.not_worse_than == "base" and first is not None and first.tuning:
            path = ("evaluation", "gates", name, "not-worse-than")
            also = ((("ladder", 0), "already tunes"),)
            report.error("LC0605", path, "there is no untuned rung to compare with", "add a rung of prompts", also=also)


def _guard(entry: Bound, side: str, index: int, guard: dict[str, Any], report: Reporter) -> None:
    from lcspec.runtime.guardrails import validate  # its patterns take a while to compile

    try:
        validate([guard], side)
    except ValueError as error:
        report.error("LC0701", (*entry.path, side, index), str(error), "see `lcspec explain augmentation.guardrails`")


def _retrieval(spec: Spec, entry: Any, report: Reporter) -> None:
    data, embedder = spec.entries("data").get(entry.body.data), spec.entries("model").get(entry.body.embedder)
    if data is not None and data.kind != "documents":
        message = f"`{entry.body.data}` holds rows, retrieval reads documents"
        report.error("LC0701", (*entry.path, "data"), message, "give it `kind: documents`")
    if embedder is not None and embedder.body.role != "embedder":
        message = f"`{entry.body.embedder}` is not an embedder"
        report.error("LC0701", (*entry.path, "embedder"), message, "give the model `role: embedder`")
    if entry.body.overlap >= entry.body.words:
        message = f"passages of {entry.body.words} words cannot share {entry.body.overlap}"
        report.error("LC0701", (*entry.path, "overlap"), message, "make `overlap` smaller than `words`")
