"""The report as Markdown, for a pull request or a terminal: the same model as the HTML page, without drawings."""

from collections.abc import Iterable, Sequence

from lcspec.ir.verdict import Verdict
from lcspec.report import words
from lcspec.report.model import READY, Judged, Measure, ReportModel, RungView, Variant

_WORDS = ("candidate", "measured", "gates", "class", "form", "part", "digest", "entry", "counts", "licence")


def render(model: ReportModel) -> str:
    """The report; ends with one newline."""
    parts = [
        _head(model),
        *(_rung(model, rung) for rung in model.rungs),
        _tests(model),
        _figures(model),
        _classes(model),
        _variants(model),
        _contract(model),
        _release(model),
        _data(model),
        _warnings(model),
    ]
    steps = sum(step.key is not None for step in model.steps)
    spent = sum(step.seconds or 0.0 for step in model.steps)
    foot = (
        f"{steps} of {len(model.steps)} steps were needed, {words.seconds(spent)} in all. Spec `{model.spec_digest}`."
    )
    return "\n\n".join(part for part in (*parts, foot) if part) + "\n"


def plain(text: object) -> str:
    """A text that Markdown and HTML leave as it is, on one line."""
    told = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{letter}" if letter in "\\`*_[]|~#" else letter for letter in told)


def _code(text: object) -> str:
    """A text as code; one that could end the code or the cell is shown as a plain one."""
    told = str(text)
    return plain(told) if set(told) & set("`|\n") else f"`{told}`"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; columns of words to the left, of numbers to the right."""
    rule = ["---" if title in _WORDS else "---:" for title in head]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *rows))


def _gates(verdicts: Iterable[Verdict]) -> str:
    return "\n".join(
        f"- {words.MARKS[verdict.outcome]} **{plain(verdict.gate)}** {verdict.outcome}: {plain(verdict.why)}"
        for verdict in verdicts
    )


def _marks(judged: Judged) -> str:
    return ", ".join(f"{words.MARKS[verdict.outcome]} {plain(verdict.gate)}" for verdict in judged.verdicts)


def _row(judged: Judged, name: str) -> list[str]:
    shown = f"**{plain(name)}**" if judged.won else plain(name)
    return [shown, *_row_of(judged.measure), _marks(judged)]


def _head(model: ReportModel) -> str:
    number = f" as number {plain(model.release.get('number', '?'))}" if model.release else ""
    ready = " to release" if model.headline.state == READY else ""
    lines = [f"# {plain(model.name)}: {model.headline.state}{ready}{number}"]
    lines += [plain(model.description)] if model.description else []
    lines += [plain(model.headline.sentence)]
    lines += [_gates(model.headline.verdicts)] if model.headline.verdicts else []
    tiles = []
    for tile in model.headline.tiles:
        value, note = words.tile(tile)
        tiles.append(f"{plain(tile.label)} **{value}**" + (f" ({note})" if note else ""))
    lines += [" · ".join(tiles)] if tiles else []
    return "\n\n".join(lines)


def _candidates(model: ReportModel, rows: Iterable[Judged]) -> str:
    head = ["candidate", plain(model.metric), f"{words.confidence(model.confidence)} bounds", "rows", "gates"]
    return _table(head, (_row(row, row.name) for row in rows))


def _rung(model: ReportModel, rung: RungView) -> str:
    why = f"\n\n{plain(rung.why)}" if rung.why else ""
    return f"## Rung {rung.number}: {rung.state}{why}\n\n{_candidates(model, rung.candidates)}"


def _tests(model: ReportModel) -> str:
    return f"## Test\n\n{_candidates(model, model.tests)}" if model.tests else ""


def _figures(model: ReportModel) -> str:
    if not model.figures:
        return ""
    head = ["measured", "value", f"{words.confidence(model.confidence)} bounds", "rows"]
    rows = ([plain(one.name), *_row_of(one.measure)] for one in model.figures)
    return f"## Also measured on test\n\n{_table(head, rows)}"


def _row_of(measure: Measure) -> list[str]:
    return [words.number(measure.value), words.interval(measure), str(measure.n or words.NONE)]


def _classes(model: ReportModel) -> str:
    if model.classes is None:
        return ""
    rates = ("precision", "recall", "f1")
    rows = (
        [plain(line["label"]), words.whole(line["support"]), *(words.number(line[rate]) for rate in rates)]
        for line in model.classes.table
    )
    table = _table(["class", "rows", "precision", "recall", "F1"], rows)
    return f"## By class\n\n{plain(model.classes.name)} on {model.classes.split}.\n\n{table}"


def _variants(model: ReportModel) -> str:
    if not model.variants:
        return ""
    head = ["form", "on disk", "same answers", plain(model.metric), "bounds", "gates"]
    return f"## Optimised forms\n\n{_table(head, map(_variant, model.variants))}"


def _variant(one: Variant) -> list[str]:
    name, value, bounds, _, gates = _row(one.judged, one.judged.name)
    return [name, words.size(one.bytes), words.percent(one.agreement), value, bounds, gates]


def _contract(model: ReportModel) -> str:
    one = model.contract
    if one is None:
        return ""
    took = f"median {words.seconds(one.latency_p50)}, 95th percentile {words.seconds(one.latency_p95)}"
    return f"## The service, asked\n\n{one.equal} of {one.asked} served answers equal the evaluated ones; {took}."


def _release(model: ReportModel) -> str:
    if model.release is None:
        return ""
    digests = sorted((model.release.get("digests") or {}).items())
    table = _table(["part", "digest"], ([plain(part), _code(digest)] for part, digest in digests))
    made = f"{plain(model.release.get('candidate', ''))}, created {plain(model.release.get('created', words.NONE))}."
    return f"## The release\n\n{made}\n\n{table}"


def _data(model: ReportModel) -> str:
    if not model.data:
        return ""
    rows = []
    for one in model.data:
        counts = ", ".join(f"{plain(what)} {words.whole(count)}" for what, count in one.counts)
        rows.append([plain(one.name), counts, plain(one.license or "not stated")])
    return f"## Data\n\n{_table(['entry', 'counts', 'licence'], rows)}"


def _warnings(model: ReportModel) -> str:
    if not model.warnings:
        return ""
    lines = [f"- {f'{plain(step)}: ' if step else ''}{plain(text)}" for step, text in model.warnings]
    return "## Warnings\n\n" + "\n".join(lines)
