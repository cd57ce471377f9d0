"""Variables of a prompt must be columns that its data can have."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.spec import Spec
from lcspec.kinds import registry


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0411 for a prompt whose user template does not use the input column, or uses what no row has."""
    inputs = _inputs(spec)
    retrieves = any(entry.kind == "retrieval" for entry in spec.entries("augment").values())
    for entry in spec.entries("prompt").values():
        template = entry.body.user
        module = registry.module("prompt", entry.kind)
        if template is None:
            if not entry.body.extends:
                report.error("LC0411", entry.path, f"the prompt `{entry.name}` has no `user`", "add one", key=True)
            continue
        try:
            used = module.variables(template)
        except ValueError:
            continue  # LC0412 was raised by the kind
        path = (*entry.path, "user")
        if inputs and not used & inputs:
            close = did_you_mean(next(iter(sorted(used)), ""), inputs, "input columns")
            report.error("LC0411", path, "the prompt does not show the input", close)
        if "context" in used and not retrieves:
            message = "`context` is filled by retrieval, and there is none"
            report.error("LC0411", path, message, "add `augmentation: {retrieval: {…}}`")


def _inputs(spec: Spec) -> set[str]:
    """The input columns of the data that suites read."""
    data = spec.entries("data")
    used = {str(getattr(suite.body, "data", "")) for suite in spec.entries("suite").values()}
    return {data[name].body.columns.input for name in used if name in data and hasattr(data[name].body, "columns")}
