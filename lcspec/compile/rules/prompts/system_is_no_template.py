"""`system` is literal text: braces in it reach the model as braces."""

from lcspec.compile.asking import template_variables
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0441 for a variable in `system`."""
    for entry in spec.entries("prompt").values():
        used = template_variables(getattr(entry.body, "system", None) or "")
        if used:
            message = f"`system` is plain text: the model would read `{{{{ {sorted(used)[0]} }}}}` as it stands"
            report.warning("LC0441", (*entry.path, "system"), message, "move what changes with the row to `user`")
