"""The typed spec: fixed sections as models, entries as `Bound` values. No spans in here (see `compile/bind.py`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lcspec.ir.strict import Strict, option
from lcspec.units import Bytes, Count, Duration, Money

Task = Literal[
    "generation", "chat", "classification", "extraction", "summarization", "translation", "question-answering", "code"
]


class AtMost(Strict):
    """An upper limit on a number of parameters."""

    max: Count = option(doc="The largest number that is allowed.")


class AtLeast(Strict):
    """A lower limit on a length in tokens."""

    min: int = option(doc="The smallest number that is allowed.", unit="tokens", ge=1)


class MemoryLimit(Strict):
    """An upper limit on memory."""

    max: Bytes = option(doc="Memory that serving may take at its peak.", unit="bytes")


class TimeLimit(Strict):
    """An upper limit on a latency."""

    max: Duration = option(doc="The longest time that is allowed.", unit="seconds")


class Requires(Strict):
    """Hard limits that a candidate must fit."""

    parameters: AtMost | None = option(None, doc="Limit on the parameters of a candidate model.")
    context: AtLeast | None = option(None, doc="Context length that the task needs.")
    memory: MemoryLimit | None = option(None, doc="Limit on the memory of the served model.")
    latency_p95: TimeLimit | None = option(None, doc="Limit on the 95th percentile of the latency of one answer.")
    licenses: tuple[str, ...] = option((), doc="SPDX identifiers that models may have; empty allows any.")


class Budget(Strict):
    """What one apply may take; the plan warns beyond it."""

    time: Duration | None = option(None, doc="Wall-clock time of one full apply.", unit="seconds", key=False)
    cost: Money | None = option(None, doc="Money for one full apply.", unit="USD", key=False)


class Hardware(Strict):
    """What candidates are trained and served on; the compiler refuses what cannot fit."""

    device: Literal["cpu", "t4", "l4", "a10g", "rtx-4090", "a100-40gb", "a100-80gb", "h100-80gb", "h200"] = option(
        "cpu", doc="The device; accelerators have the memory of their data sheets.", key=False
    )
    memory: Bytes | None = option(None, doc="Memory that there is, in place of the device's.", unit="bytes", key=False)
    hourly_price: Money | None = option(
        None, doc="What an hour of it costs; in place of `hourly-price` in `lcspec.toml`.", unit="USD", key=False
    )


class Scope(Strict):
    """What the system is for, accurately and narrowly."""

    task: Task = option(doc="The kind of work; decides what an answer is.")
    labels: tuple[str, ...] = option((), doc="The answers of a classification, in the order of reports.")
    languages: tuple[str, ...] = option(("en",), doc="Languages of input and output, BCP 47.")
    commercial: bool = option(False, doc="Whether the result is used commercially: unknown licences become errors.")
    requires: Requires = option(Requires, doc="Hard limits that a candidate must fit.")
    hardware: Hardware | None = option(None, doc="What candidates run on; nothing is checked without.", key=False)
    budget: Budget = option(Budget, doc="What one apply may take.")


class GateSpec(Strict):
    """A threshold that evidence must show, with a confidence."""

    metric: str = option(doc="`suite.metric`, say `topics.accuracy`; or `serving.latency-p95`.", refers="suite.metric")
    at_least: float | None = option(None, doc="The metric must be at least this.", key=False)
    at_most: float | None = option(None, doc="The metric must be at most this.", key=False)
    not_worse_than: Literal["base", "champion"] | None = option(
        None, doc="Paired comparison: `base` is the best untuned candidate, `champion` the promoted release.", key=False
    )
    margin: float = option(
        0.0,
        doc="How much worse still counts as not worse.",
        key=False,
        ge=0,
        effect="Smaller margins need more rows: their number grows with the square of what is to be told apart.",
    )
    confidence: float = option(
        0.95,
        doc="Confidence of the one-sided decision.",
        key=False,
        gt=0.5,
        lt=1,
        effect="Larger values pass wrong candidates less often, and leave more gates undecided on the same rows.",
    )


class Rung(Strict):
    """One step of the ladder: the axes that it varies; what it does not name it inherits from the rung below."""

    models: tuple[str, ...] = option((), doc="Models to try on this rung.", refers="model")
    prompts: tuple[str, ...] = option((), doc="Prompts to try on this rung.", refers="prompt")
    tuning: tuple[str, ...] = option((), doc="Tuning recipes to try on this rung.", refers="tuning")
    augmentation: tuple[str, ...] = option((), doc="Augmentations to try on this rung.", refers="augment")


class Move(Strict):
    """An entry that was renamed: its results, history and evidence follow it."""

    from_: str = option(doc="The former name with its section, say `prompts.few-shot`.", key=False)
    to: str = option(doc="The present name with its section, say `prompts.shown`.", key=False)


@dataclass(frozen=True, slots=True)
class Bound:
    """An entry of the spec with its kind resolved and its body validated.

    `path` is where it stands in the spec; `body` is the `Body` of the kind.
    """

    family: str
    name: str
    kind: str
    body: Any
    path: tuple[str | int, ...]

    @property
    def kind_id(self) -> str:
        """`family.kind`, as steps name it."""
        return f"{self.family}.{self.kind}"


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec that has passed binding: every field typed, every default filled."""

    name: str
    description: str
    scope: Scope
    sections: Mapping[str, Mapping[str, Bound]]  # family to entries, in the order of the spec
    gates: Mapping[str, GateSpec] = field(default_factory=dict)
    ladder: tuple[Rung, ...] = ()
    select_by: str | None = None
    moved: tuple[Move, ...] = ()

    def entries(self, family: str) -> Mapping[str, Bound]:
        """The entries of one family by name, in the order of the spec."""
        return self.sections.get(family, {})

    def find(self, family: str, name: str) -> Bound:
        """One entry; KeyError when it is absent (names are checked before lowering)."""
        return self.sections[family][name]
