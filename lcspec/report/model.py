"""What a report says, before anyone decides how it looks: plain data, no formatting. Made in `build.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lcspec.ir.plan import Graph
from lcspec.ir.record import StepRecord
from lcspec.ir.verdict import Decision, Verdict

RELEASED, READY, REFUSED, OPEN = "released", "ready", "not released", "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInput:
    """Everything that a report is a function of.

    Attributes:
        scope: words to show, label to text.
        decisions: as the `Chooser` made them; missing ones are not made yet.
        records: step id to its record; a step that was not needed has none.
        release: the manifest of the release: number, created, candidate, digests (part to digest), service (a path);
            None when nothing was released.
        lock: source id to a short text about its pin.
        versions: library to exact version.
        problems: sentences about the plan, shown with the warnings.
        licenses: `data.reuters` or `models.smollm2` to its licence.
        states: step id to ran, reused or what else the run said.
    """

    name: str
    description: str
    spec_digest: str
    graph: Graph
    scope: Mapping[str, str] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    records: Mapping[str, StepRecord] = field(default_factory=dict)
    release: Mapping[str, Any] | None = None
    lock: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    licenses: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measure:
    """A value with the interval whose ends are one-sided bounds; n is 0 for a single measurement."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True, slots=True)
class Tile:
    """A number for the head of the page; `unit` is share, bytes, seconds, rows or of (then `note` is the total)."""

    label: str
    value: float
    unit: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """What came of it: `state` is released, ready, not released or undecided."""

    state: str
    sentence: str
    verdicts: tuple[Verdict, ...] = ()
    tiles: tuple[Tile, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate with its main metric and its verdicts on one split."""

    id: str
    name: str
    split: str
    measure: Measure
    verdicts: tuple[Verdict, ...] = ()
    won: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of a suite beside the main one, `suite.metric`."""

    name: str
    measure: Measure


@dataclass(frozen=True, slots=True)
class RungView:
    """One rung; `state` is passed, failed, undecided, not needed or not measured."""

    number: int
    state: str
    why: str
    candidates: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """The threshold of the gate on the main metric; `rising` when larger is better."""

    gate: str
    value: float
    rising: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class ForestGroup:
    """Candidates that stand together in the plot of intervals."""

    title: str
    rows: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """The course of one training step: (step, loss or mean reward, learning rate or None); `what` says which."""

    name: str
    points: tuple[tuple[int, float, float | None], ...]
    what: str = "loss"


@dataclass(frozen=True, slots=True)
class Variant:
    """An optimised form of the finalist, or the finalist itself."""

    judged: Judged
    bytes: int | None
    agreement: float | None


@dataclass(frozen=True, slots=True)
class Classes:
    """Per-class numbers and the confusion of one candidate on one split; `counts` rows are targets."""

    name: str
    split: str
    table: tuple[Mapping[str, Any], ...]
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """What the started service said."""

    step: str
    asked: int
    equal: int
    latency_p50: float | None
    latency_p95: float | None
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class DataView:
    """A data entry: (what, how many) counts such as rows per split."""

    name: str
    counts: tuple[tuple[str, int], ...]
    license: str | None


@dataclass(frozen=True, slots=True)
class StepView:
    """A step with what it took; `key` is None for one without a record."""

    id: str
    state: str
    seconds: float | None
    memory: int | None
    key: str | None


@dataclass(frozen=True, slots=True)
class ReportModel:
    """What both formats show, in the order in which they show it."""

    name: str
    description: str
    spec_digest: str
    metric: str
    confidence: float
    headline: Headline
    scope: tuple[tuple[str, str], ...]
    rungs: tuple[RungView, ...]
    forest: tuple[ForestGroup, ...]
    limit: Limit | None
    tests: tuple[Judged, ...]
    figures: tuple[Figure, ...]
    classes: Classes | None
    curves: tuple[Curve, ...]
    variants: tuple[Variant, ...]
    contract: Contract | None
    release: Mapping[str, Any] | None
    data: tuple[DataView, ...]
    steps: tuple[StepView, ...]
    warnings: tuple[tuple[str, str], ...]
    lock: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
