"""A recipe needs rows with what it learns from, as its kind says: right answers, preference pairs, feedback, texts."""

from lcspec.compile.asking import columns_of, learns_answers, learns_texts, tuned_on
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.document import Path
from lcspec.ir.spec import Bound, Spec
from lcspec.kinds import registry

JUDGED = ("chosen", "rejected", "completion", "desirable")


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0502 for a recipe without anything to learn from, LC0514 for an alignment without its columns."""
    for entry in spec.entries("tuning").values():
        named = tuned_on(entry)
        data = spec.entries("data").get(named[0]) if named else None
        needs = registry.load("tuning", entry.kind).needs
        if data is None or not needs:
            continue
        texts = learns_texts(entry)
        also: tuple[tuple[Path, str], ...] = ((data.path, "this entry"),)
        path = (*entry.path, "data")
        if data.kind == "documents":
            if not texts:
                message = f"`{data.name}` holds documents, `{entry.kind}` learns from rows"
                report.error("LC0502", path, message, "name a data entry with rows", also=also)
        elif texts:
            columns = columns_of(data)
            if learns_answers(columns) or any(getattr(columns, role, None) for role in JUDGED):
                message = f"the rows of `{data.name}` have answers, `{entry.kind}` learns from documents or plain texts"
                help = "name a data entry with documents, or tune on the answers"
                report.error("LC0502", path, message, help, also=also)
        elif columns_of(data) is not None:  # a mixture: its parts say what they hold
            _columns(entry, data, needs, report, also)


def _columns(
    entry: Bound, data: Bound, needs: tuple[tuple[str, ...], ...], report: Reporter, also: tuple[tuple[Path, str], ...]
) -> None:
    columns, path = columns_of(data), (*entry.path, "data")
    missing = [roles for roles in needs if not any(getattr(columns, role, None) for role in roles)]
    if not missing:
        return
    if any("target" in roles for roles in missing):
        message = f"the rows of `{data.name}` have no answers to learn from"
        help = "name the column with the answer: `columns: {target: …}`"
        report.error("LC0502", path, message, help, also=also)
        return
    wanted = " and ".join(" or ".join(roles) for roles in needs)
    lacking = " and ".join(" or ".join(f"`{role}`" for role in roles) for roles in missing)
    message = f"`{entry.kind}` learns from {wanted}; `{data.name}` has no {lacking}"
    named = ", ".join(f"{roles[0]}: …" for roles in missing)
    report.error("LC0514", path, message, f"name them: `columns: {{{named}}}`", also=also)
