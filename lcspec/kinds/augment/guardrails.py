"""Guardrails: checks on the question before the model and on the answer after it, in evaluation and service alike.

They reduce risk, they do not remove it: patterns miss what they do not know.
"""

import json
from typing import Literal

from lcspec.kinds.api import Body, Bound, Context, Estimate, Kind, Lowered, Output, Step, StepIO, option


class InputGuard(Body):
    """A check on what the user sent."""

    kind: Literal["max-length", "blocklist", "pii"] = option(doc="Which check.")
    action: Literal["refuse", "redact"] = option("refuse", doc="Refuse, or take the finding out (pii, blocklist).")
    words: int | None = option(None, doc="Longest input for `max-length`.", unit="words", ge=1)
    terms: tuple[str, ...] = option((), doc="Words for `blocklist`.")
    message: str | None = option(None, doc="What the user is told on refusal.")


class OutputGuard(Body):
    """A check on what the model answered."""

    kind: Literal["label-set", "max-length", "blocklist", "pii", "grounded"] = option(doc="Which check.")
    action: Literal["refuse", "redact"] = option("refuse", doc="Refuse, or take the finding out (pii, blocklist).")
    words: int | None = option(None, doc="Longest answer for `max-length`.", unit="words", ge=1)
    terms: tuple[str, ...] = option((), doc="Words for `blocklist`.")
    message: str | None = option(None, doc="What the user is told on refusal.")


class GuardrailsBody(Body):
    """Checks in order; the first refusal ends the request."""

    input: tuple[InputGuard, ...] = option((), doc="Checks on the question.")
    output: tuple[OutputGuard, ...] = option((), doc="Checks on the answer.")


def lower(ctx: Context, entry: Bound) -> Lowered:
    """One step that writes the checks as the runtime reads them."""
    guards = {
        side: [guard.model_dump(mode="json", by_alias=True, exclude_none=True) for guard in getattr(entry.body, side)]
        for side in ("input", "output")
    }
    step = Step(
        id=f"guard:augmentation.{entry.name}",
        kind=entry.kind_id,
        action="write",
        version=KIND.version,
        params={"guards": guards, "labels": list(ctx.scope.labels)},
        estimate=Estimate((0.02, 0.2), 0, "constant"),
        source=entry.path,
    )
    return Lowered((step,), {"guardrails": Output(step.id, "guardrails")})


def write(io: StepIO) -> None:
    """Writes `guardrails.json`."""
    guards = {side: list(listed) for side, listed in io.params["guards"].items()}
    for guard in guards["output"]:
        if guard["kind"] == "label-set":
            guard["labels"] = io.params["labels"]
    target = io.output("guardrails") / "guardrails.json"
    target.write_text(json.dumps(guards, indent=1, sort_keys=True) + "\n", encoding="utf-8")


EXAMPLE = "{kind: guardrails, input: [{kind: max-length, words: 200}], output: [{kind: label-set}]}"
KIND = Kind(
    family="augment",
    name="guardrails",
    version=1,
    body=GuardrailsBody,
    lower=lower,
    summary="checks before and after the model",
    example=EXAMPLE,
    actions=("write",),
)
