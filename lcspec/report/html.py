"""The report as one HTML file: no request leaves it, no script is in it, everything from outside is escaped."""

from lcspec import assets
from lcspec.report import svg, words
from lcspec.report.model import ReportModel


def render(model: ReportModel) -> str:
    """The page. Template and style lie in `templates/report/`; drawings come from `svg.py`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(assets.path("templates/report")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    shown = (words.number, words.whole, words.interval, words.percent, words.size, words.seconds, words.short)
    environment.filters |= {function.__name__: function for function in (*shown, words.tile, words.confidence)}
    drawing = svg.forest(model.forest, model.limit, model.metric) if model.forest else ""
    wide = len(model.curves) == 1
    curves = [(one, Markup(svg.curve(one, index, wide=wide))) for index, one in enumerate(model.curves, 1)]
    return environment.get_template("report.html.jinja").render(
        model=model,
        marks=words.MARKS,
        forest=Markup(drawing),  # svg.py escapes its texts
        curves=[(one, drawn) for one, drawn in curves if drawn],
        confusion=_heat(model),
    )


def _heat(model: ReportModel) -> list[tuple[str, list[tuple[int, float, bool]]]]:
    """Rows of the confusion: the target, then (count, share of the row, whether it is the right class)."""
    if model.classes is None:
        return []
    made = []
    for at, (label, line) in enumerate(zip(model.classes.labels, model.classes.counts, strict=True)):
        total = sum(line) or 1
        made.append((label, [(count, round(count / total, 3), at == column) for column, count in enumerate(line)]))
    return made
