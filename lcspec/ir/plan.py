"""The plan: content-addressed steps, the choices between them and what would happen to each. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLAN_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Output:
    """An input that is the output called `name` of the step with id `step`."""

    step: str
    name: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """An input that is the slot `slot` of the candidate that `choice` picks; absent when that has no such slot."""

    choice: str
    slot: str


@dataclass(frozen=True, slots=True)
class Stored:
    """An input that is already known by the digest of its tree (a champion's evidence)."""

    digest: str


Ref = Output | Chosen | Stored


@dataclass(frozen=True, slots=True)
class Condition:
    """A step runs only when every part holds.

    A part is (`rung-fails`, choice), (`exists`, choice) or (`passes`, candidate): that candidate's gates on test.
    """

    all: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Resources:
    """What a step takes while it runs: CPU threads (more than one: it can use several), bytes, GPUs, the network."""

    cpus: int = 1
    memory: int = 0
    network: bool = False
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a step is thought to take.

    Attributes:
        seconds: shortest and longest time.
        memory: peak in bytes.
        basis: formula, history or constant.
        disk: least and most bytes of its outputs; None when nothing is known of them.
        size: what the time grows with (rows, rows × epochs), 0 where it does not; history of another size is scaled.
        runs: how many finished runs a history rests on.
        like: True when they were runs of other steps of the same kind, because this one never ran.
        growing: the part of `seconds` that is in proportion to the parameters of the step's model, at `REFERENCE` ones.
        needs: a formula of `estimate.memory` for a step that has a model: answering, quantising.
    """

    seconds: tuple[float, float]
    memory: int
    basis: str
    disk: tuple[int, int] | None = None
    size: float = 0.0
    runs: int = 0
    like: bool = False
    growing: tuple[float, float] = (0.0, 0.0)
    needs: str = ""


REFERENCE = 134_515_008  # parameters of the model (SmolLM2-135M) whose seconds were measured


@dataclass(frozen=True, slots=True)
class Step:
    """One unit of work, before it is known whether it must run.

    Attributes:
        id: `verb:subject`, stable under edits elsewhere in the spec.
        kind: `family.name` of the kind that owns the work.
        action: name of the function in that kind's module.
        version: the kind's integer version: part of the key.
        params: the fields that matter, plain JSON: part of the key. No absolute path, no clock.
        inputs: name to reference; content digests of what they resolve to are part of the key.
        libraries: names of the libraries whose locked versions are part of the key.
        condition: when the step is needed at all.
        estimate: from arithmetic or a constant; history replaces it in the plan.
        source: path in the spec that this step comes from.
        settings: what the run is told that never changes a result (how often to checkpoint); not in the key.
        secrets: name in the step to the spec's reference, `{env: NAME}` or `{file: path}`; never in the key.
        environment: whether it runs in the environment of its input `environment` rather than in lcspec's own.
        measured: True when outputs differ between runs by nature (timings): never reported as non-determinism.
    """

    id: str
    kind: str
    action: str
    version: int
    params: Mapping[str, Any]
    inputs: Mapping[str, Ref] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    condition: Condition = Condition()
    resources: Resources = Resources()
    estimate: Estimate = Estimate((0.05, 0.5), 0, "constant")
    source: tuple[str | int, ...] = ()
    seed: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    measured: bool = False
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    environment: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tuple model × prompt × tuning × augmentation × optimisation that can be judged.

    Attributes:
        id: how steps and choices call it (`smollm2/few-shot`, `rung-1.winner/lora`).
        parts: axis to name; an axis that is inherited names the choice it comes from, as `rung-1.winner`.
        slots: slot to the artefact in it: `base` (untuned weights), `model` (what answers), `prompt`, and what
            augmentations add (`index`, `embedder`, `guardrails`).
        inherits: the choice whose winner fills what is not named here, or None.
        scores: suite, then split, to the id of the step that scored it.
        cost: position in the spec; ties go to the lower one.
    """

    id: str
    parts: Mapping[str, str]
    slots: Mapping[str, Ref]
    inherits: str | None = None
    scores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision that is a pure function of records: `rung-1`, …, `finalist`, `release`.

    `rung`: the best candidate of one rung on validation. `finalist`: the winner of the first rung that passes.
    `variant`: the optimised candidate to release. `candidates` of a `finalist` are the ids of the rungs' choices.
    """

    id: str
    rule: str
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate as it is decided: see `gates/verdict.py`. Thresholds never enter a key."""

    name: str
    suite: str
    metric: str
    at_least: float | None = None
    at_most: float | None = None
    not_worse_than: str | None = None
    margin: float = 0.0
    confidence: float = 0.95
    only: tuple[str, ...] = ()  # candidates that the gate is for; empty means all
    source: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """The lowered spec: every step in topological order, the candidates, the choices and the gates."""

    steps: tuple[Step, ...]
    candidates: Mapping[str, Candidate]
    choices: tuple[Choice, ...]
    gates: tuple[Gate, ...]
    select_by: tuple[str, str]  # (suite, metric) that ranks candidates
    comparisons: Mapping[str, str] = field(default_factory=dict)  # "gate|candidate|split" to the id of a compare step
    contract: str | None = None  # the step that measures `serving.*`
    release: Mapping[str, Ref] = field(default_factory=dict)  # part to artefact: what a release consists of

    def step(self, step_id: str) -> Step:
        """The step called `step_id`; KeyError if there is none."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with what would happen to it.

    `action` is run, reuse, conditional, reuse-if-unchanged, skip or left-out; `key` is None while an input is unknown;
    `reason` is one sentence; `moved` holds the fields that differ from the last record: (field, old, new).
    `moved_from` is the id under which it ran before an entry was renamed.
    `cause` says why a step runs, for machines: first, changed, gone (its record is), requested or unlocked.
    """

    step: Step
    action: str
    reason: str
    key: str | None
    estimate: Estimate
    moved: tuple[tuple[str, Any, Any], ...] = ()
    inputs: Mapping[str, str] | None = None  # input name to tree digest, present ones only, once all are known
    parts: Mapping[str, Any] | None = None  # what the key is the digest of
    cause: str = ""
    moved_from: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which steps may run: `only` these (None: all), and which run again though a record exists.

    `words` says who left the others out, for reasons: `--target`, `--exclude`.
    """

    only: frozenset[str] | None = None
    replace: frozenset[str] = frozenset()
    words: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A dry run. `problems` are sentences about gates that cannot be decided and the like."""

    spec_name: str
    spec_digest: str
    lock_digest: str | None
    graph: Graph
    steps: tuple[PlannedStep, ...]
    decisions: Mapping[str, Any]
    problems: tuple[str, ...] = ()
    requests: Mapping[str, Any] = field(default_factory=dict)  # sources that the lock must pin
    hourly_price: float | None = None  # dollars per hour of the device, when somebody said it
    selection: Selection = Selection()
    moves: tuple[tuple[str, str], ...] = ()  # entries that were renamed: from, to
    capabilities: tuple[Any, ...] = ()  # what may run code: see compile/capabilities.py
