"""Guardrails: checks on the question before the model and on the answer after it, in evaluation and service alike.

They reduce risk, they do not remove it: patterns miss what they do not know.
"""

import json
from typing import Any, Literal

from lcspec.kinds.api import Body, Bound, Context, Estimate, Kind, Lowered, Output, Step, StepIO, option, plain


class Guard(Body):
    """What checks on both sides may say."""

    action: Literal["refuse", "redact", "truncate"] = option(
        "refuse",
        doc="What happens on a finding.",
        effect="`refuse` ends the request with a message; the others change the text and go on.",
    )
    max_words: int | None = option(
        None,
        doc="Longest text for `max-length`.",
        unit="words",
        ge=1,
        effect="Smaller values refuse or cut more texts; of questions they also bound time and memory.",
    )
    words: tuple[str, ...] | None = option(
        None,
        doc="Words for `blocklist`.",
        effect="Every listed word also catches harmless uses of it: count refusals of test rows.",
    )
    types: tuple[Literal["email", "phone", "card", "iban"], ...] | None = option(
        None,
        doc="What `pii` looks for.",
        effect="Patterns miss what people write differently, and find what only looks alike.",
    )
    message: str | None = option(None, doc="What the user is told on refusal.")


class InputGuard(Guard):
    """A check on what the user sent."""

    kind: Literal["max-length", "blocklist", "pii"] = option(doc="Which check.")


class OutputGuard(Guard):
    """A check on what the model answered."""

    kind: Literal["label-set", "max-length", "blocklist", "pii", "grounded"] = option(doc="Which check.")
    min_share: float | None = option(
        None,
        doc="Share of words that `grounded` must find in the context.",
        gt=0,
        le=1,
        effect="Larger values let through only answers in the words of the passages.",
    )


def as_read(guard: Body) -> dict[str, Any]:
    """A guard as the runtime reads it."""
    return plain(guard, alias=False, none=False)


class GuardrailsBody(Body):
    """Checks in order; the first refusal ends the request."""

    input: tuple[InputGuard, ...] = option(
        (),
        doc="Checks on the question.",
        effect="Each check runs before the model is asked; a refusal costs no tokens.",
    )
    output: tuple[OutputGuard, ...] = option(
        (), doc="Checks on the answer.", effect="Answers are checked whole: a stream brings them in one piece."
    )


def lower(ctx: Context, entry: Bound) -> Lowered:
    """One step that writes the checks as the runtime reads them."""
    guards = {side: [as_read(guard) for guard in getattr(entry.body, side)] for side in ("input", "output")}
    step = Step(
        id=f"guard:augmentation.{entry.name}",
        kind=entry.kind_id,
        action="write",
        version=KIND.version,
        params={"guards": guards},
        estimate=Estimate((0.02, 0.2), 0, "constant", (0, 64 << 10)),
        source=entry.path,
    )
    return Lowered((step,), {"guardrails": Output(step.id, "guardrails")})


def write(io: StepIO) -> None:
    """Writes `guardrails.json`."""
    target = io.output("guardrails") / "guardrails.json"
    target.write_text(json.dumps(io.params["guards"], indent=1, sort_keys=True) + "\n", encoding="utf-8")


EXAMPLE = "{kind: guardrails, input: [{kind: max-length, max-words: 200}], output: [{kind: label-set}]}"
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
