"""A prompt that names the column with the answer: training would see it, the service never has it."""

from lcspec.compile.asking import columns_of, prompt_fields, suite_data, template_variables
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0431 for a template with the target or the accepted answers in it."""
    for name in spec.entries("prompt"):
        fields = prompt_fields(spec, name)
        if "user" not in fields.paths or fields.paths["user"][:2] != ("prompts", name):
            continue  # told where it was written
        used = template_variables(fields.get("user"))
        for data in suite_data(spec).values():
            columns = columns_of(data)
            for role in ("target", "accepted"):
                column = getattr(columns, role, None)
                if column in used and column != getattr(columns, "input", None):
                    message = f"`{column}` is the answer: a row does not have it when the model is asked"
                    also = (((*data.path, "columns", role), f"the {role} column"),)
                    report.error("LC0431", fields.paths["user"], message, "remove it from the template", also=also)
