"""Every name that the spec mentions must exist: the pass that `lower` relies on. Where names stand: `references.py`."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lcspec.compile.check import Reporter
from lcspec.compile.references import SERVING, SPLITS, WORDS, Use, uses
from lcspec.diag.suggest import clear, did_you_mean
from lcspec.ir.document import Path
from lcspec.ir.spec import Spec
from lcspec.kinds import registry
from lcspec.kinds.api import SECTIONS

RUNG_AXES = (("models", "model"), ("prompts", "prompt"), ("tuning", "tuning"), ("augmentation", "augment"))
_SECTION = {family: ".".join(path) for path, family in SECTIONS.items()}


def check_names(spec: Spec, report: Reporter) -> None:
    """LC0201 for each name that nothing defines; LC0202 for a name on two axes."""
    names = _Names(report)
    for use in uses(report.root):
        if use.refers == "suite.metric":
            _measured(spec, report, use)
        else:
            _used(spec, names, use)
    for name in spec.entries("prompt"):
        _no_circle(spec, report, name)
    _unique(spec, report)
    names.tell()


@dataclass
class _Names:
    """Collects unknown names: one that is mentioned five times is one fault, and so is a section that is not there."""

    report: Reporter
    unknown: dict[tuple[str, str | None], tuple[tuple[str, ...], list[Use]]] = field(default_factory=dict)

    def known(self, use: Use, names: Iterable[str]) -> bool:
        """Whether what is used is one of `names`; notes it otherwise."""
        listed = tuple(names)
        if use.name in listed:
            return True
        group = (use.family, use.name if listed else None)
        self.unknown.setdefault(group, (listed, []))[1].append(use)
        return False

    def tell(self) -> None:
        """The diagnostics of what was noted."""
        for (family, name), (listed, mentions) in self.unknown.items():
            first, again = mentions[0], tuple(mention.path for mention in mentions[1:])
            what = WORDS[family]
            if name is None:
                message = f"there is no {what} `{first.name}`: the spec has none at all"
                self.report.error("LC0201", first.path, message, f"add it to `{_SECTION[family]}`", again=again)
                continue
            message, help = f"there is no {what} `{name}`", did_you_mean(name, listed, f"{what} entries")
            close = clear(name, listed)
            text = str(first.node.value)
            same = all(mention.node.value == text for mention in mentions)
            swap = close + text[len(name) :] if close and same else None
            self.report.error("LC0201", first.path, message, help, again=again, swap=swap)


def _used(spec: Spec, names: _Names, use: Use) -> None:
    listed = tuple(spec.entries(use.family))
    known = names.known(use, (*listed, *registry.names("metric")) if use.family == "metric" else listed)
    if known and use.part and use.part not in SPLITS:
        close = clear(use.part, SPLITS)
        help, swap = did_you_mean(use.part, SPLITS, "splits"), f"{use.name}.{close}" if close else None
        names.report.error("LC0201", use.path, f"there is no split `{use.part}`", help, swap=swap)
    if known and use.path[-1] == "after" and use.name == use.path[-2]:
        names.report.error("LC0203", use.path, "a recipe cannot follow itself", "name another recipe")


def _measured(spec: Spec, report: Reporter, use: Use) -> None:
    """LC0601 for `suite.metric` that no suite measures."""
    suites = spec.entries("suite")
    if use.name == "serving" and "serving" not in suites:
        if use.part not in SERVING:
            help = "measured at the service: " + ", ".join(f"`serving.{name}`" for name in SERVING)
            report.error("LC0601", use.path, f"nobody measures `{use.node.value}`", help)
    elif use.name not in suites:
        close = clear(use.name, suites)
        help, swap = did_you_mean(use.name, suites, "suites"), f"{close}.{use.part}" if close else None
        report.error("LC0601", use.path, f"there is no suite `{use.name}`", help, swap=swap)
    elif use.part not in suites[use.name].body.metrics:
        measured = suites[use.name].body.metrics
        close = clear(use.part, measured)
        help = did_you_mean(use.part, measured, f"metrics of `{use.name}`")
        if not hasattr(suites[use.name].body, "data"):  # what it measures is not for this pass to know
            help = f"{help.rstrip('?')}, or list it under `metrics` of the suite"
        swap = f"{use.name}.{close}" if close else None
        report.error("LC0601", use.path, f"`{use.name}` does not measure `{use.part}`", help, swap=swap)


def _no_circle(spec: Spec, report: Reporter, name: str) -> None:
    seen = [name]
    prompts = spec.entries("prompt")
    while (step := prompts.get(seen[-1])) and getattr(step.body, "extends", None):
        if step.body.extends in seen:
            circle = " → ".join([*seen, step.body.extends])
            report.error(
                "LC0203", (*prompts[name].path, "extends"), f"prompts extend in a circle: {circle}", "break it"
            )
            return
        seen.append(step.body.extends)


def _unique(spec: Spec, report: Reporter) -> None:
    """Candidate names would be ambiguous if a prompt and a recipe had one name."""
    seen: dict[str, Path] = {}
    for family in ("model", "prompt", "tuning", "augment", "optimize"):
        for name, entry in spec.entries(family).items():
            if name in seen:
                message = f"`{name}` names two entries that make candidates"
                report.error("LC0202", entry.path, message, "rename one", key=True, also=((seen[name], "also here"),))
            seen.setdefault(name, entry.path)
