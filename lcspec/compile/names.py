"""Every name that the spec mentions must exist: the pass that `lower` relies on."""

from collections.abc import Iterable

from lcspec.compile.check import Reporter
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.document import Path
from lcspec.ir.spec import Spec
from lcspec.kinds import registry

RUNG_AXES = (("models", "model"), ("prompts", "prompt"), ("tuning", "tuning"), ("augmentation", "augment"))
SPLITS = ("train", "validation", "test")


def check_names(spec: Spec, report: Reporter) -> None:
    """LC0201 for each name that nothing defines; LC0202 for a name on two axes."""
    _references(spec, report)
    _ladder(spec, report)
    _gates(spec, report)
    _unique(spec, report)


def _known(report: Reporter, name: str, names: Iterable[str], path: Path, what: str) -> bool:
    listed = tuple(names)
    if name in listed:
        return True
    report.error("LC0201", path, f"there is no {what} `{name}`", did_you_mean(name, listed, f"{what} entries"))
    return False


def _references(spec: Spec, report: Reporter) -> None:
    data, models = spec.entries("data"), spec.entries("model")
    for entry in spec.entries("prompt").values():
        if getattr(entry.body, "extends", None):
            _known(report, entry.body.extends, spec.entries("prompt"), (*entry.path, "extends"), "prompt")
            _no_circle(spec, report, entry.name)
        if getattr(entry.body, "shots", None):
            _split_ref(spec, report, entry.body.shots.from_, (*entry.path, "shots", "from"))
    for entry in spec.entries("tuning").values():
        _split_ref(spec, report, entry.body.data, (*entry.path, "data"))
        if entry.body.after:
            known = _known(report, entry.body.after, spec.entries("tuning"), (*entry.path, "after"), "tuning recipe")
            if known and entry.body.after == entry.name:
                report.error("LC0203", (*entry.path, "after"), "a recipe cannot follow itself", "name another recipe")
    for entry in spec.entries("suite").values():
        if getattr(entry.body, "data", None):
            _known(report, entry.body.data, data, (*entry.path, "data"), "data")
        for index, metric in enumerate(getattr(entry.body, "metrics", ())):
            _known(report, metric, registry.names("metric"), (*entry.path, "metrics", index), "metric")
    for entry in spec.entries("augment").values():
        for field, names, what in (("data", data, "data"), ("embedder", models, "model")):
            if getattr(entry.body, field, None):
                _known(report, getattr(entry.body, field), names, (*entry.path, field), what)


def _split_ref(spec: Spec, report: Reporter, text: str, path: Path) -> None:
    """`reuters.train`: a data entry and one of its splits."""
    name, _, split = text.partition(".")
    if _known(report, name, spec.entries("data"), path, "data") and split and split not in SPLITS:
        report.error("LC0201", path, f"there is no split `{split}`", did_you_mean(split, SPLITS, "splits"))


def _no_circle(spec: Spec, report: Reporter, name: str) -> None:
    seen = [name]
    prompts = spec.entries("prompt")
    while (step := prompts.get(seen[-1])) and step.body.extends:
        if step.body.extends in seen:
            circle = " → ".join([*seen, step.body.extends])
            report.error(
                "LC0203", (*prompts[name].path, "extends"), f"prompts extend in a circle: {circle}", "break it"
            )
            return
        seen.append(step.body.extends)


def _ladder(spec: Spec, report: Reporter) -> None:
    for index, rung in enumerate(spec.ladder):
        for axis, family in RUNG_AXES:
            for place, name in enumerate(getattr(rung, axis)):
                _known(report, name, spec.entries(family), ("ladder", index, axis, place), axis)


def _gates(spec: Spec, report: Reporter) -> None:
    suites = spec.entries("suite")
    asked: list[tuple[Path, str]] = [
        (("evaluation", "gates", name, "metric"), gate.metric) for name, gate in spec.gates.items()
    ]
    asked += [(("evaluation", "select-by"), spec.select_by)] if spec.select_by else []
    for path, text in asked:
        suite, _, metric = text.partition(".")
        if suite == "serving" and "serving" not in suites:
            if metric not in ("latency-p50", "latency-p95"):
                help = "measured at the service: `serving.latency-p50`, `serving.latency-p95`"
                report.error("LC0601", path, f"nobody measures `{text}`", help)
        elif suite not in suites:
            report.error("LC0601", path, f"there is no suite `{suite}`", did_you_mean(suite, suites, "suites"))
        elif metric not in suites[suite].body.metrics:
            help = did_you_mean(metric, suites[suite].body.metrics, f"metrics of `{suite}`")
            report.error("LC0601", path, f"`{suite}` does not measure `{metric}`", help)


def _unique(spec: Spec, report: Reporter) -> None:
    """Candidate names would be ambiguous if a prompt and a recipe had one name."""
    seen: dict[str, Path] = {}
    for family in ("model", "prompt", "tuning", "augment", "optimize"):
        for name, entry in spec.entries(family).items():
            if name in seen:
                message = f"`{name}` names two entries that make candidates"
                report.error("LC0202", entry.path, message, "rename one", key=True, also=((seen[name], "also here"),))
            seen.setdefault(name, entry.path)
