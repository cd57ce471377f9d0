"""Every name that the spec mentions must exist: the pass that `lower` relies on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from lcspec.compile.check import Reporter
from lcspec.diag.suggest import clear, did_you_mean
from lcspec.ir.document import Path
from lcspec.ir.spec import Spec
from lcspec.kinds import registry

RUNG_AXES = (("models", "model"), ("prompts", "prompt"), ("tuning", "tuning"), ("augmentation", "augment"))
_AXIS = {"models": "model", "prompts": "prompt", "tuning": "tuning recipe"}
_SECTION = {
    "data": "data",
    "model": "models",
    "prompt": "prompts",
    "tuning recipe": "tuning",
    "augmentation": "augmentation",
    "metric": "metrics",
}
SPLITS = ("train", "validation", "test")


def check_names(spec: Spec, report: Reporter) -> None:
    """LC0201 for each name that nothing defines; LC0202 for a name on two axes."""
    names = _Names(report)
    _references(spec, names)
    _ladder(spec, names)
    _gates(spec, report)
    _unique(spec, report)
    names.tell()


class _Mention(NamedTuple):
    """A place that names something unknown: `text` is all that stands there, say `router.train`."""

    path: Path
    name: str
    text: str


@dataclass
class _Names:
    """Collects unknown names: one that is mentioned five times is one fault, and so is a section that is not there."""

    report: Reporter
    unknown: dict[tuple[str, str | None], tuple[tuple[str, ...], list[_Mention]]] = field(default_factory=dict)

    def known(self, name: str, names: Iterable[str], path: Path, what: str, text: str | None = None) -> bool:
        """Whether `name` is one of `names`; notes it otherwise."""
        listed = tuple(names)
        if name in listed:
            return True
        group = (what, name if listed else None)
        self.unknown.setdefault(group, (listed, []))[1].append(_Mention(path, name, text or name))
        return False

    def tell(self) -> None:
        """The diagnostics of what was noted."""
        for (what, name), (listed, mentions) in self.unknown.items():
            first, again = mentions[0], tuple(mention.path for mention in mentions[1:])
            if name is None:
                message, help = (
                    f"there is no {what} `{first.name}`: the spec has none at all",
                    f"add it to `{_SECTION[what]}`",
                )
                self.report.error("LC0201", first.path, message, help, again=again)
                continue
            message, help = f"there is no {what} `{name}`", did_you_mean(name, listed, f"{what} entries")
            close = clear(name, listed)
            same = all(mention.text == first.text for mention in mentions)
            swap = close + first.text[len(name) :] if close and same else None
            self.report.error("LC0201", first.path, message, help, again=again, swap=swap)


def _known(names: _Names, name: str, listed: Iterable[str], path: Path, what: str) -> bool:
    return names.known(name, listed, path, what)


def _references(spec: Spec, names: _Names) -> None:
    report = names.report
    data, models = spec.entries("data"), spec.entries("model")
    for entry in spec.entries("prompt").values():
        if getattr(entry.body, "extends", None):
            _known(names, entry.body.extends, spec.entries("prompt"), (*entry.path, "extends"), "prompt")
            _no_circle(spec, report, entry.name)
        if getattr(entry.body, "shots", None):
            _split_ref(spec, names, entry.body.shots.from_, (*entry.path, "shots", "from"))
    for entry in spec.entries("tuning").values():
        _split_ref(spec, names, entry.body.data, (*entry.path, "data"))
        if entry.body.after:
            known = _known(names, entry.body.after, spec.entries("tuning"), (*entry.path, "after"), "tuning recipe")
            if known and entry.body.after == entry.name:
                report.error("LC0203", (*entry.path, "after"), "a recipe cannot follow itself", "name another recipe")
    for entry in spec.entries("suite").values():
        if getattr(entry.body, "data", None):
            _known(names, entry.body.data, data, (*entry.path, "data"), "data")
        for index, metric in enumerate(getattr(entry.body, "metrics", ())):
            _known(names, metric, registry.names("metric"), (*entry.path, "metrics", index), "metric")
    for entry in spec.entries("augment").values():
        for key, listed, what in (("data", data, "data"), ("embedder", models, "model")):
            if getattr(entry.body, key, None):
                _known(names, getattr(entry.body, key), listed, (*entry.path, key), what)


def _split_ref(spec: Spec, names: _Names, text: str, path: Path) -> None:
    """`reuters.train`: a data entry and one of its splits."""
    name, _, split = text.partition(".")
    if names.known(name, spec.entries("data"), path, "data", text) and split and split not in SPLITS:
        close = clear(split, SPLITS)
        help, swap = did_you_mean(split, SPLITS, "splits"), f"{name}.{close}" if close else None
        names.report.error("LC0201", path, f"there is no split `{split}`", help, swap=swap)


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


def _ladder(spec: Spec, names: _Names) -> None:
    for index, rung in enumerate(spec.ladder):
        for axis, family in RUNG_AXES:
            for place, name in enumerate(getattr(rung, axis)):
                _known(names, name, spec.entries(family), ("ladder", index, axis, place), _AXIS.get(axis, axis))


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
            close = clear(suite, suites)
            help, swap = did_you_mean(suite, suites, "suites"), f"{close}.{metric}" if close else None
            report.error("LC0601", path, f"there is no suite `{suite}`", help, swap=swap)
        elif metric not in suites[suite].body.metrics:
            help = did_you_mean(metric, suites[suite].body.metrics, f"metrics of `{suite}`")
            close = clear(metric, suites[suite].body.metrics)
            swap = f"{suite}.{close}" if close else None
            report.error("LC0601", path, f"`{suite}` does not measure `{metric}`", help, swap=swap)


def _unique(spec: Spec, report: Reporter) -> None:
    """Candidate names would be ambiguous if a prompt and a recipe had one name."""
    seen: dict[str, Path] = {}
    for family in ("model", "prompt", "tuning", "augment", "optimize"):
        for name, entry in spec.entries(family).items():
            if name in seen:
                message = f"`{name}` names two entries that make candidates"
                report.error("LC0202", entry.path, message, "rename one", key=True, also=((seen[name], "also here"),))
            seen.setdefault(name, entry.path)
