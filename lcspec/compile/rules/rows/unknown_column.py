"""A template over a column that the rows do not have: rendering would fail on the first one."""

from lcspec.compile.asking import prompt_fields, suite_data, template_variables
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.spec import Spec

FILLED = {"context"}  # by the pipeline


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0430 for each variable that no column of the suites' data fills."""
    columns: set[str] = set()
    for name in suite_data(spec):
        splits = known.rows(name)
        if splits is None:
            return
        for rows in splits.values():
            columns |= {column for row in rows[:100] for column in row.variables}
    for name in spec.entries("prompt") if columns else ():
        fields = prompt_fields(spec, name)
        path = fields.paths.get("user", ())
        if path[:2] != ("prompts", name):
            continue
        for variable in sorted(template_variables(fields.get("user")) - columns - FILLED):
            help = did_you_mean(variable, sorted(columns), "columns of the rows")
            report.error("LC0430", path, f"no column fills `{variable}`", help)
