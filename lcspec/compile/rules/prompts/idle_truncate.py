"""Cutting a column that the template does not show does nothing."""

from lcspec.compile.asking import prompt_fields, template_variables
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0437 for each name under `truncate` that is no variable of the template."""
    for name in spec.entries("prompt"):
        fields = prompt_fields(spec, name)
        path = fields.paths.get("truncate", ())
        if path[:2] != ("prompts", name):
            continue
        used = template_variables(fields.get("user"))
        for column in fields.get("truncate", {}):
            if column not in used:
                help = did_you_mean(column, sorted(used), "variables of the template")
                message = f"the template does not show `{column}`, so nothing is cut"
                report.warning("LC0437", (*path, column), message, help, key=True)
