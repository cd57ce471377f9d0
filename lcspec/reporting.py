"""From a finished apply, or from the records alone, to what a report is a function of."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lcspec import api
from lcspec.gates.choose import Chooser
from lcspec.ir.plan import PlannedStep
from lcspec.ir.record import StepRecord
from lcspec.report.build import build
from lcspec.report.model import ReportInput, ReportModel
from lcspec.run.applied import Applied
from lcspec.run.release import known
from lcspec.units import format_bytes, format_count, format_seconds

if TYPE_CHECKING:
    from lcspec.run.behind import Behind


def report_input(loaded: api.Loaded, applied: Applied) -> ReportInput:
    """The input of the report on an apply."""
    return _input(loaded, applied.chooser, applied.steps, applied.records, applied.release)


def build_report(loaded: api.Loaded, behind: "Behind | None" = None) -> ReportModel | None:
    """The report from the records in the store and behind it; None when nothing has run."""
    facts = api.gather_facts(loaded, behind)
    plan, chooser = api.make_plan(loaded, facts)
    records = {p.step.id: facts.records[p.key] for p in plan.steps if p.key and p.key in facts.records}
    if not records:
        return None
    listed = known(loaded.project.store, loaded.spec.name) if loaded.spec else []
    if behind is not None and loaded.spec is not None:
        listed = api.releases(loaded.project, loaded.spec.name, behind).all()
    return build(_input(loaded, chooser, plan.steps, records, _standing(listed, plan.graph.release, records)))


def _standing(
    listed: Sequence[dict[str, Any]], parts: Mapping[str, Any], records: Mapping[str, StepRecord]
) -> dict[str, Any] | None:
    """The release whose service is the one that these records generated."""
    steps: dict[str, str] = {part: ref.step for part, ref in parts.items() if part.startswith("service.")}
    now = {part: records[step].outputs["service"] for part, step in steps.items() if step in records}
    found = (one for one in reversed(listed) if now and now.items() <= one["parts"].items())
    return next(found, None)


def _input(
    loaded: api.Loaded,
    chooser: Chooser,
    steps: tuple[PlannedStep, ...],
    records: Mapping[str, StepRecord],
    release: dict[str, Any] | None,
) -> ReportInput:
    spec = loaded.spec
    assert spec is not None  # noqa: S101 - a report is on a spec that was checked
    licenses = {
        f"{section}.{name}": str(entry.body.license)
        for section, family in (("data", "data"), ("models", "model"))
        for name, entry in spec.entries(family).items()
        if entry.body.license
    }
    versions: dict[str, str] = {}
    for record in records.values():
        versions.update(record.versions)
    return ReportInput(
        name=spec.name,
        description=spec.description,
        spec_digest=loaded.digest,
        graph=chooser.graph,
        scope=_scope(spec.scope),
        decisions=chooser.decisions(),
        records=records,
        release=_release(loaded, release),
        lock={
            name: f"{len(pin['members'])} files" for name, pin in (loaded.lock.sources if loaded.lock else {}).items()
        },
        versions=dict(sorted(versions.items())),
        licenses=licenses,
        states={step.step.id: step.action for step in steps},
    )


def _release(loaded: api.Loaded, manifest: dict[str, Any] | None) -> dict[str, Any] | None:
    if manifest is None:
        return None
    service = next((part for part in manifest["parts"] if part.startswith("service.")), None)
    path = f"build/{manifest['name']}/{service.removeprefix('service.')}" if service else None
    return {**manifest, "digests": manifest["parts"], "service": path}


def _scope(scope: Any) -> dict[str, str]:
    """The scope in words, label to text."""
    told = {"task": scope.task, "languages": ", ".join(scope.languages)}
    if scope.labels:
        told["labels"] = ", ".join(scope.labels)
    limits = scope.requires
    if limits.parameters:
        told["parameters"] = f"at most {format_count(limits.parameters.max)}"
    if limits.context:
        told["context"] = f"at least {limits.context.min} tokens"
    if limits.memory:
        told["memory"] = f"at most {format_bytes(limits.memory.max)}"
    if limits.latency_p95:
        told["latency, 95th percentile"] = f"at most {format_seconds(limits.latency_p95.max)}"
    if limits.licenses:
        told["licences"] = ", ".join(limits.licenses)
    return told
