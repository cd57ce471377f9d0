"""Apply as a function: pins, plans, runs, exports what was generated and writes the report."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lcspec import api, locking
from lcspec.canon import digest
from lcspec.compile.compose import Settings
from lcspec.compile.facts import Facts
from lcspec.compile.lower import EXPORTED
from lcspec.compile.select import Wish, select
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.plan import Graph
from lcspec.lock import Lock
from lcspec.project import Project, write_atomic
from lcspec.run.applied import Applied, Job, exit_code
from lcspec.run.apply import apply_graph
from lcspec.run.behind import NOTHING, Behind
from lcspec.run.settings import read_settings
from lcspec.run.store import Store


@dataclass
class Result:
    """What an apply came to: its exit code, and where the report and the service lie."""

    applied: Applied
    code: int
    report: Path
    service: Path | None

    @property
    def changed_nothing(self) -> bool:
        """Whether everything stood already: the same command would do and say the same again."""
        outcome = self.applied.outcome
        return self.code == 0 and outcome.status == "ok" and outcome.ran == 0 and not self.applied.new_release


def load_target(path: Path, settings: Settings, wish: Wish, behind: Callable[[Project], Behind]) -> api.Target:
    """A spec, or a saved plan; `behind` says what lies behind the store of a project.

    Raises:
        LcspecError: as `api.load` and, for a plan, `saved.load_saved`.
    """
    if path.suffix == ".json":
        from lcspec.saved import load_saved  # with all that a plan's text takes

        return load_saved(path, behind)
    loaded = api.load(path, settings)
    return api.Target(loaded, wish, behind(loaded.project))


def apply_spec(
    loaded: api.Loaded,
    *,
    locked: bool,
    wait: float | None,
    jobs: int | None,
    keep_going: bool,
    form: str,
    say: Callable[[str], None],
    argv: tuple[str, ...],
    wish: Wish | None = None,
    behind: Behind = NOTHING,
) -> Result:
    """Runs the spec to its end, or the part of it that `wish` names; `behind` is what lies behind the store.

    Raises:
        LcspecError: the lock lacks something and may not change, a library differs, the store is busy.
    """
    from lcspec.cli.progress import make_display

    settings = read_settings(loaded.project.root)
    if wish is not None and wish.said:  # a wrong name is told before the lock is written
        select(api.lower_loaded(loaded, api.gather_facts(loaded))[0], wish)
    loaded, facts, graph = ensure_lock(loaded, locked=locked, say=say, behind=behind)
    assert loaded.lock is not None and loaded.spec is not None  # noqa: S101
    name = loaded.spec.name
    job = Job(
        name=name,
        graph=graph,
        lock=loaded.lock,
        facts=facts,
        store=loaded.project.store,
        folder=loaded.project.folder,
        spec_sha256=loaded.digest,
        argv=argv,
        selection=select(graph, wish or Wish()),
    )
    started = time.monotonic()
    with make_display(form, None) as display:
        applied = apply_graph(
            job, display.emit, wait=wait, jobs=jobs, keep_going=keep_going, settings=settings, behind=behind
        )
    if hasattr(facts.files, "save"):
        facts.files.save()
    report = write_reports(loaded, applied)
    service = export_service(loaded.project, applied)
    say(closing(applied, time.monotonic() - started, report, service))
    return Result(applied, exit_code(applied), report, service)


class Locked(NamedTuple):
    """A spec with a complete lock, the facts under it and its graph."""

    loaded: api.Loaded
    facts: Facts
    graph: Graph


def ensure_lock(loaded: api.Loaded, *, locked: bool, say: Callable[[str], None], behind: Behind = NOTHING) -> Locked:
    """The spec with a complete lock: resolved and written when that is allowed; installed libraries agree with it."""
    facts = api.gather_facts(loaded, behind)
    graph, requests = api.lower_loaded(loaded, facts)
    missing = api.missing_pins(loaded.lock, requests)
    if loaded.lock is None or missing or not set(loaded.lock.libraries) >= set(locking.keyed_libraries(graph)):
        if locked:
            what = ", ".join(missing) or "the lock file"
            help = "run `lcspec lock` where you develop, review the lock and commit it; or pass `--no-locked`"
            raise LcspecError([Diagnostic("LC1002", f"not locked: {what}", help=help)], 1)
        lock: Lock = locking.update_lock(loaded, tell=say)
        write_atomic(loaded.project.lock, lock.text())
        say(f"wrote {loaded.project.lock}")
        loaded = locking.with_lock(loaded, lock)
        if not loaded.ok:
            raise LcspecError(loaded.diagnostics)
        facts = api.gather_facts(loaded, behind)
        graph, _ = api.lower_loaded(loaded, facts)
    assert loaded.lock is not None  # noqa: S101
    if drift := locking.library_drift(loaded.lock):
        raise LcspecError(drift, 1)
    return Locked(loaded, facts, graph)


def write_reports(loaded: api.Loaded, applied: Applied) -> Path:
    """Writes `report.html` and `report.md` into the build folder, unless they say just this already."""
    folder = loaded.project.build(loaded.spec.name if loaded.spec else "report")
    path, mark = folder / "report.html", folder / ".report-state"
    state = report_state(loaded, applied)
    if path.exists() and mark.exists() and mark.read_text(encoding="utf-8") == state:
        return path
    from lcspec.report import html, markdown
    from lcspec.report.build import build
    from lcspec.reporting import report_input

    built = build(report_input(loaded, applied))
    write_atomic(path, html.render(built))
    write_atomic(folder / "report.md", markdown.render(built))
    write_atomic(mark, state)
    return path


def report_state(loaded: api.Loaded, applied: Applied) -> str:
    """A digest of everything that the report says: the same state needs no new report."""
    number = applied.release["number"] if applied.release else None
    keys = sorted(f"{step}:{record.key}" for step, record in applied.records.items())
    return digest({"spec": loaded.digest, "records": keys, "release": number})


def export_service(project: Project, applied: Applied) -> Path | None:
    """Copies what targets made to the build folder, where hand edits are replaced; the service's folder, if any."""
    if applied.release is None:
        return None
    store = Store.peek(project.store)
    service = None
    for part, tree in applied.release["parts"].items():
        sort, _, target = part.partition(".")
        if sort not in EXPORTED or not target:
            continue
        exported = project.build(applied.release["name"]) / target
        service = exported if sort == "service" else service
        mark = exported.parent / f".{exported.name}-tree"
        if exported.is_dir() and mark.exists() and mark.read_text(encoding="utf-8") == tree:
            continue
        store.export(tree, exported)
        write_atomic(mark, tree)
    return service


def closing(applied: Applied, seconds: float, report: Path, service: Path | None) -> str:
    """The last lines for people."""
    from lcspec.units import format_seconds

    outcome = applied.outcome
    took = f", in {format_seconds(seconds)}" if outcome.ran else ""
    lines = [f"\n{outcome.ran} steps ran, {outcome.reused} reused{took}."]
    lines += [f"  gate {v.gate} on {v.split}: {v.outcome} — {v.why}" for v in applied.verdicts]
    if applied.release is not None:
        word = "Released" if applied.new_release else "Release stands:"
        lines.append(f"{word} {applied.release['name']} {applied.release['number']}: {applied.release['candidate']}")
    if applied.left_out:
        lines.append(f"No release: {applied.why_not}.")
    lines.append(f"Report: {shown(report)}")
    if service is not None:
        lines.append(f"Service: {shown(service)} (start it with `lcspec serve`)")
    return "\n".join(lines)


def shown(path: Path) -> str:
    """A path for people: relative to here when it lies below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


__all__ = ["Result", "apply_spec", "ensure_lock"]
