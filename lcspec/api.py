"""lcspec as functions: the public face. The command line parses options, calls these, prints and exits.

`load` reads and checks, `make_plan` is the dry run, `update_lock` pins, `apply` executes. Users' faults come back as
diagnostics (`Loaded.diagnostics`) or as `LcspecError`; any other exception is a bug of ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lcspec.canon import digest, digest_bytes
from lcspec.compile.bind import bind
from lcspec.compile.capabilities import capabilities
from lcspec.compile.check import check as check_spec
from lcspec.compile.check import check_rows
from lcspec.compile.compose import Settings, compose
from lcspec.compile.facts import Facts
from lcspec.compile.lower import lower
from lcspec.compile.moves import moved_facts, moved_models
from lcspec.compile.parse import parse
from lcspec.compile.planner import plan_steps
from lcspec.compile.select import Wish, select
from lcspec.diag.model import Diagnostic, LcspecError, has_errors
from lcspec.gates.choose import Chooser
from lcspec.ir import document as doc
from lcspec.ir.document import Node, to_data
from lcspec.ir.plan import Estimate, Graph, Plan, Step
from lcspec.ir.source import SourceFile
from lcspec.ir.spec import Bound, Spec
from lcspec.local import Local
from lcspec.lock import Lock
from lcspec.project import FileDigests, Project, hourly_price, read_lock, read_source

if TYPE_CHECKING:
    from lcspec.run.behind import Behind
    from lcspec.run.release import Releases

_NONE = Settings()


@dataclass
class Loaded:
    """A spec that was read: `spec` is None when the diagnostics hold errors of syntax or shape."""

    project: Project
    source: SourceFile
    root: Node | None
    spec: Spec | None
    lock: Lock | None
    diagnostics: list[Diagnostic]
    sources: dict[str, SourceFile] = field(default_factory=dict)
    settings: Settings = _NONE
    bases: tuple[SourceFile, ...] = ()  # what the spec extends

    @property
    def digest(self) -> str:
        """SHA-256 of every text that says what the spec is."""
        if not self.bases and self.settings == Settings():
            return digest_bytes(self.source.text.encode())
        more = (*self.bases, *self.settings.variables)
        return digest([self.source.text, [source.text for source in more], list(self.settings.sets)])

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way of a plan."""
        return self.spec is not None and not has_errors(self.diagnostics)


class Target(NamedTuple):
    """What is to be applied: the loaded spec, what of it is wished, what lies behind its store."""

    loaded: Loaded
    wish: Wish
    behind: "Behind"


def load(path: Path, settings: Settings = _NONE) -> Loaded:
    """Reads, composes, binds and checks the spec at `path`; local data files are looked into as far as that is quick.

    Raises:
        LcspecError: the file cannot be read, or the lock is broken.
    """
    return load_text(Project(path), read_source(path), settings)


def load_text(
    project: Project,
    source: SourceFile,
    settings: Settings = _NONE,
    *,
    read: Callable[[Path], SourceFile] = read_source,
) -> Loaded:
    """Like `load`, for a text that is already there; `read` gives the texts of the bases."""
    sources = {source.path: source}
    try:
        lock, lock_source = read_lock(project)
    except LcspecError as error:
        broken = read_source(project.lock)
        return Loaded(project, source, None, None, None, list(error.diagnostics), {**sources, broken.path: broken})
    if lock_source is not None:
        sources[lock_source.path] = lock_source
    root, found = parse(source)
    spec = None
    bases: tuple[SourceFile, ...] = ()
    if root is not None:
        folder = project.spec.parent
        root, more, texts = compose(root, source, settings, lambda name: read(folder / name))
        found = [*found, *more]
        sources |= {text.path: text for text in texts}
        bases = tuple(text for text in texts if text not in settings.variables and not text.path.startswith("--set "))
    if root is not None:
        spec, more = bind(root)
        found = [*found, *more]
    if spec is not None and root is not None:
        found = [*found, *recheck(project, spec, root, lock, sources)]
    found = list(dict.fromkeys(found))  # what a matrix multiplies is told once
    return Loaded(project, source, root, spec, lock, found, sources, settings, bases)


def spec_name(project: Project) -> str:
    """The name that the spec gives itself, whatever else is wrong with it.

    Raises:
        LcspecError: it cannot be read, or has no name.
    """
    source = read_source(project.spec)
    root, found = parse(source)
    if root is not None:
        root, found, _ = compose(root, source, _NONE, lambda name: read_source(project.spec.parent / name))
    if root is None:
        raise LcspecError(found)
    entry = root.get("name") if isinstance(root, doc.Mapping) else None
    name = to_data(entry.value) if entry else None
    if not isinstance(name, str) or not name:
        raise LcspecError([Diagnostic("LC0102", f"`{project.spec}` has no `name`", help="add `name: my-project`")])
    return name


def recheck(
    project: Project, spec: Spec, root: Node, lock: Lock | None, sources: dict[str, SourceFile]
) -> list[Diagnostic]:
    """Every diagnostic of a bound spec: names, rules, local files, and, when those are sound, rules on their rows."""
    local = Local(project.folder, spec, moved_models(lock.models if lock else {}, spec.moved))
    found = check_spec(spec, root, local.known)
    if not has_errors(found):
        found += local.faults(root, sources)
    if not has_errors(found):
        found += check_rows(spec, root, local.known)
    return found


# --- plan ------------------------------------------------------------------------------------------------------------


def gather_facts(loaded: Loaded, behind: "Behind | None" = None) -> Facts:
    """What the world looks like now; records and histories are read when the planner asks for them.

    `behind` is what lies behind the store: its records count, too.
    """
    from lcspec.run.store import Heads, Store

    project = loaded.project
    store = Store.peek(project.store)
    records = behind.over(store.records) if behind is not None else store.records
    local = Local(project.folder, loaded.spec, loaded.lock.models if loaded.lock else {}) if loaded.spec else None
    facts = Facts(
        files=FileDigests(project),
        records=records,
        heads=Heads(project.store, records),
        champion=releases(project, loaded.spec.name, behind).champion_facts() if loaded.spec else None,
        models=local.known.models if local else {},
        own=local.known.files if local else _nothing,
        history=_history(project),
        hourly_price=_hourly_price(loaded),
    )
    return moved_facts(facts, loaded.spec) if loaded.spec else facts


def releases(project: Project, name: str, behind: "Behind | None" = None) -> "Releases":
    """The releases of a spec by its name: those that machines share when a remote store is behind the local one."""
    from lcspec.run.release import Releases

    return Releases.local(project.store, name) if behind is None else behind.releases(project.store, name)


def _nothing(path: str) -> None:
    return None


def _hourly_price(loaded: Loaded) -> float | None:
    """Dollars per hour of the device: as the scope says, else as `lcspec.toml` does; both are read and checked."""
    price = hourly_price(loaded.project)
    hardware = loaded.spec.scope.hardware if loaded.spec is not None else None
    return hardware.hourly_price if hardware is not None and hardware.hourly_price is not None else price


def _history(project: Project) -> Callable[[Step], Estimate | None]:
    """Looks up in the ledger, opened on the first question, what steps took."""
    opened: list[Any] = []

    def look_up(step: Step) -> Estimate | None:
        if not (project.store / "ledger.db").exists():
            return None
        if not opened:
            from lcspec.run.history import History
            from lcspec.run.ledger import Ledger

            opened.append(History(Ledger.peek(project.store)))
        made: Estimate | None = opened[0].estimate(step)
        return made

    return look_up


def lower_loaded(loaded: Loaded, facts: Facts) -> tuple[Graph, dict[str, tuple[Bound, tuple[str, ...]]]]:
    """The graph of a loaded spec; LcspecError with its diagnostics when it has errors."""
    if not loaded.ok or loaded.spec is None:
        raise LcspecError(loaded.diagnostics)
    return lower(loaded.spec, loaded.lock or Lock(), facts)


def make_plan(loaded: Loaded, facts: Facts | None = None, wish: Wish | None = None) -> tuple[Plan, Chooser]:
    """The dry run. Pure but for the facts it gathers; writes nothing.

    Raises:
        LcspecError: the spec has errors, or (exit 2) `wish` names steps that are not there.
    """
    facts = facts or gather_facts(loaded)
    graph, requests = lower_loaded(loaded, facts)
    selection = select(graph, wish or Wish())
    missing = missing_pins(loaded.lock, requests)
    lock = None if loaded.lock is None else loaded.lock
    steps, chooser = plan_steps(graph, lock, facts, selection)
    assert loaded.spec is not None  # noqa: S101 - lower_loaded raised otherwise
    plan = Plan(
        spec_name=loaded.spec.name,
        spec_digest=loaded.digest,
        lock_digest=lock.digest() if lock else None,
        graph=graph,
        steps=steps,
        decisions=chooser.decisions(),
        problems=tuple(f"`{name}` is not locked" for name in missing),
        requests={name: list(members) for name, (_, members) in requests.items()},
        hourly_price=facts.hourly_price,
        moves=tuple((move.from_, move.to) for move in loaded.spec.moved),
        selection=selection,
        capabilities=capabilities(loaded.spec, steps),
    )
    return plan, chooser


def pending(plan: Plan) -> bool:
    """Whether apply would do anything."""
    return any(step.action in ("run", "conditional", "reuse-if-unchanged") for step in plan.steps)


def missing_pins(lock: Lock | None, requests: Mapping[str, tuple[Bound, tuple[str, ...]]]) -> list[str]:
    """Ids of remote sources that the lock does not cover."""
    from lcspec.compile.lowering import source_id

    missing = []
    for source, members in requests.values():
        if source.kind == "path":
            continue
        pin = (lock.sources if lock else {}).get(source_id(source))
        if pin is None or not set(members) <= set(pin["members"]):
            missing.append(source_id(source))
    return sorted(set(missing))
