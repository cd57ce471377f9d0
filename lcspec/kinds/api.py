"""STABLE: what a kind is made of. A new method is one file that ends in `KIND = Kind(...)`.

A kind's file reads top to bottom: docstring (becomes the user's page), `Body` (what the spec may say), `lower`
(planned steps), the action functions (`run`, `train`, …: the only place with heavy imports), `EXAMPLE`, `KIND`.
Third parties register theirs under the entry-point group `lcspec.kinds` as `family.name = "package.module"`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, Protocol

from lcspec.confine.settings import CodeSettings
from lcspec.diag.model import Diagnostic
from lcspec.ir.plan import Condition, Estimate, Output, Ref, Resources, Step
from lcspec.ir.spec import Bound
from lcspec.ir.strict import Option, Strict, kebab, marked, option, plain

_FAMILIES = ("source", "data", "model", "prompt", "tuning", "suite", "metric", "augment")
FAMILIES: tuple[str, ...] = (*_FAMILIES, "optimize", "deploy", "allow", "environment")
SECTIONS: dict[tuple[str, ...], str] = {  # where the spec names entries of a family
    ("data",): "data",
    ("models",): "model",
    ("prompts",): "prompt",
    ("tuning",): "tuning",
    ("augmentation",): "augment",
    ("evaluation", "suites"): "suite",
    ("evaluation", "metrics"): "metric",
    ("deployment", "optimize"): "optimize",
    ("deployment", "targets"): "deploy",
    ("allow",): "allow",
}


Body = Strict


def source_option(doc: str) -> Any:
    """A field `from:` that takes a source kind; bound before the rest of the entry is validated."""
    return Option(None, doc, {"x-family": "source", "x-key": False}, {})


@dataclass(frozen=True, slots=True)
class Lowered:
    """Steps of one entry and the artefacts (slot to reference) that it offers to others."""

    steps: tuple[Step, ...]
    slots: Mapping[str, Ref]


class Context(Protocol):
    """What `lower` may ask about the rest of the spec. Pure: answers come from the spec, the lock and facts."""

    def slots(self, family: str, name: str) -> Mapping[str, Ref]:
        """The artefacts of another entry, say ("data", "reuters") -> {"rows": …}."""

    def body(self, family: str, name: str) -> Any:
        """The validated body of another entry."""

    def entry(self, family: str, name: str) -> Bound | None:
        """An entry of the spec; None when it has no such entry."""

    def allowed(self, kind: str, item: str) -> dict[str, list[str]]:
        """What the spec allows of `item` (see the kinds of `allow`), for `Step.params["capabilities"]`."""

    def code_of(self, model: str) -> dict[str, list[str]]:
        """What the spec allows of the Python files of a model, likewise."""

    def local(self, path: str) -> str | None:
        """SHA-256 of a file of the project (path relative to the spec's folder); None when it is missing."""

    def read(self, path: str) -> Any:
        """A file of the project or of an installed package: `sha256`, `text`, `outside`; None where nobody looks."""

    def pin(self, source: Bound, members: Sequence[str]) -> Mapping[str, Any] | None:
        """What the lock holds for `members` of a source; None until they are locked."""

    def fetch(self, owner: Bound, source: Bound, members: Sequence[str]) -> Output:
        """The step output with the files `members` of a source, for the entry `owner`."""

    def generator_facts(self) -> Mapping[str, Any]:
        """What is known of the largest model that can answer: parameters, config, context; empty when nothing is."""

    @property
    def name(self) -> str:
        """The name of the spec."""

    @property
    def scope(self) -> Any:
        """The `scope` section."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The candidate that a tuning, suite, optimize or deploy kind works on."""

    id: str
    slots: Mapping[str, Ref]
    condition: Condition = Condition()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a deploy kind is held against: the suite's shared manifest and the release's answers on test."""

    suite: str
    manifest: Mapping[str, Any]
    predictions: Ref


class StepIO(Protocol):
    """The world of a running step. The runner makes it; see `run/worker.py`."""

    params: Mapping[str, Any]
    settings: Mapping[str, Any]  # `Step.settings`: not in the key
    seed: int
    threads: int
    root: Path  # the folder of the spec, for files that it names; never part of a key
    code: CodeSettings  # what code of the project's own may take on this machine; never part of a key

    def input(self, name: str) -> Path:
        """The folder of an input tree (read-only); KeyError when the plan gave no such input."""

    def has(self, name: str) -> bool:
        """Whether the input `name` is present (an inherited slot may be empty)."""

    def output(self, name: str) -> Path:
        """The folder, made and empty, whose content becomes the output `name`."""

    def metric(self, name: str, value: Any) -> None:
        """Records a deterministic result (plain JSON; NaN is refused by the runner)."""

    def measure(self, name: str, value: Any) -> None:
        """Records a timing or another value that differs between runs."""

    def progress(self, done: int, total: int, **numbers: float) -> None:
        """Tells how far the step is, with numbers such as `loss`; also the sign of life for time-outs."""

    def warn(self, message: str) -> None:
        """Tells the user something that is kept in the record."""

    def checkpoint(self) -> Path:
        """A folder that survives a kill of this step and is deleted when it succeeds."""

    def cache(self) -> Path:
        """A folder for downloads, shared between steps; everything in it is verified on use."""

    def secret(self, name: str) -> str:
        """The value of a secret that the step declares in `Step.secrets`; KeyError for another name."""

    def stopping(self) -> bool:
        """Whether the step was told to stop. A step that asks is not ended at once: it has 30 s.

        It then saves its checkpoint and calls `interrupted`. Ask from the main thread, once per unit of work.
        """

    def interrupted(self) -> NoReturn:
        """Ends the step as interrupted; the next apply runs it again, with what is in `checkpoint`."""

    def fail(self, message: str, *, help: str, code: str = "LC1201") -> NoReturn:
        """Ends the step with a diagnostic: the user's fault or the world's, not ours."""


Check = Callable[[Bound, Any], list[Diagnostic]]
Estimator = Callable[[Any, Mapping[str, Any]], Estimate]


@dataclass(frozen=True, slots=True)
class Environment:
    """Libraries of its own for some actions of a kind, where they cannot be beside those of lcspec.

    Such an action sees the wheels that the requirements come to, lcspec's own modules (which need none), the kind's
    package, and nothing else that is installed.

    Attributes:
        requirements: exact pins as pip reads them, `name==version`; what they need in turn is locked with them.
        actions: which of the kind's actions run there.
    """

    requirements: tuple[str, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind. `lower`'s signature depends on the family (see `compile/lower.py`).

    Attributes:
        version: rises when the kind's own source changes behaviour; part of every key.
        actions: names of the functions in the module that steps of this kind run.
        libraries: whose locked versions are part of the key.
        deterministic: equal digests on rerun are promised and checked.
        needs: of a tuning kind: roles that its data must have, each as alternatives of which one suffices, as
            (("chosen",), ("rejected",)); `documents` stands for an entry of documents instead of rows.
        engine: of a deploy kind: what computes the answers, by its name in `estimate.formats`; None is not judged.
        form: of an optimize kind: the packed form of the weights that it writes, by its name there.
        environment: libraries of its own for some of its actions.
    """

    family: str
    name: str
    version: int
    body: type[Body]
    lower: Callable[..., Any]
    summary: str
    example: str
    actions: tuple[str, ...] = ()
    check: Check | None = None
    libraries: tuple[str, ...] = ()
    deterministic: bool = True
    needs: tuple[tuple[str, ...], ...] = ()
    environment: Environment | None = None
    engine: str | None = None
    form: str | None = None


def within(member: str) -> str:
    """Where a file that the spec names lies among the files of a step: `../data/x` under `up/data/x`.

    So a spec may name files beside its folder, and nothing is written beside a step's own.
    """
    parts = PurePosixPath(member).parts
    safe = ["root" if part == "/" else "up" if part == ".." else part for part in parts]
    return "/".join(safe)


__all__ = [
    "Body",
    "Bound",
    "Condition",
    "Context",
    "Environment",
    "Estimate",
    "Evidence",
    "Kind",
    "Lowered",
    "Output",
    "Ref",
    "Resources",
    "Step",
    "StepIO",
    "Subject",
    "kebab",
    "marked",
    "option",
    "plain",
    "source_option",
    "within",
]
