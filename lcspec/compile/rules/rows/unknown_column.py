"""A template over a column that the rows do not have: rendering would fail on the first one."""

from lcspec.compile.asking import prompt_fields, prompts_learnt, suite_data, template_variables, tuned_on
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.spec import Spec

FILLED = {"context"}  # by the pipeline


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0430 for each variable that no column fills, of the suites' data or of the data of a recipe."""
    columns: set[str] = set()
    for name in suite_data(spec):
        there = _columns(known, name)
        if there is None:
            return
        columns |= there
    _learnt(spec, known, report)
    for name in spec.entries("prompt") if columns else ():
        fields = prompt_fields(spec, name)
        path = fields.paths.get("user", ())
        if path[:2] != ("prompts", name):
            continue
        for variable in sorted(template_variables(fields.get("user")) - columns - FILLED):
            help = did_you_mean(variable, sorted(columns), "columns of the rows")
            report.error("LC0430", path, f"no column fills `{variable}`", help)


def _columns(known: Known, data: str) -> set[str] | None:
    """The columns of local rows; None where they are not known."""
    splits = known.rows(data)
    if splits is None:
        return None
    return {column for rows in splits.values() for row in rows[:100] for column in row.variables}


def _learnt(spec: Spec, known: Known, report: Reporter) -> None:
    """A recipe on other data than the suites': where none of its prompts can be filled from that."""
    for recipe, prompts in prompts_learnt(spec).items():
        entry = spec.entries("tuning").get(recipe)
        data = (tuned_on(entry) or ("", ""))[0] if entry is not None else ""
        columns = _columns(known, data) if data in spec.entries("data") and data not in suite_data(spec) else None
        if entry is None or not columns or not prompts:
            continue
        lacking = [template_variables(prompt_fields(spec, one).get("user")) - columns - FILLED for one in prompts]
        if all(lacking):
            variable = min(lacking[0])
            message = f"no column of `{data}` fills `{variable}`, which the prompt of `{recipe}` shows"
            also = ((spec.find("prompt", prompts[0]).path, "this prompt"),)
            help = did_you_mean(variable, sorted(columns), "columns of the rows")
            report.error("LC0430", (*entry.path, "data"), message, help, also=also)
