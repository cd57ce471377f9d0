"""A recipe needs rows with what it learns from: right answers, preference pairs, or feedback."""

from typing import Any

from lcspec.compile.asking import columns_of, learns_answers, tuned_on
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

PAIRS, FEEDBACK = ("chosen", "rejected"), ("completion", "desirable")
ROLES = {"dpo": PAIRS, "orpo": PAIRS, "cpo": PAIRS, "simpo": PAIRS, "reward": PAIRS, "kto": FEEDBACK}
DOCUMENTS = ("pretrain",)
PROMPTS_ONLY = ("grpo", "rloo", "ppo", "distill")  # they learn from rewards or a teacher


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0502 for supervised recipes without answers, LC0514 for alignment without its columns."""
    for entry in spec.entries("tuning").values():
        named = tuned_on(entry)
        data = spec.entries("data").get(named[0]) if named else None
        if data is None:
            continue
        columns, path = columns_of(data), (*entry.path, "data")
        also = ((data.path, "this entry"),)
        if data.kind == "documents" and entry.kind not in DOCUMENTS:
            message = f"`{data.name}` holds documents, `{entry.kind}` learns from rows"
            report.error("LC0502", path, message, "name a data entry with rows", also=also)
            continue
        if data.kind != "documents" and entry.kind in DOCUMENTS and _answered(columns):
            message = f"the rows of `{data.name}` have answers, `{entry.kind}` learns from documents or plain texts"
            report.error("LC0502", path, message, "name a data entry with documents, or tune on the answers", also=also)
            continue
        if columns is None and data.kind != "documents":
            continue  # a mixture: its parts say what they hold
        roles = ROLES.get(entry.kind)
        if roles:
            missing = [role for role in roles if not getattr(columns, role, None)]
            if missing:
                lacking = " and ".join(f"`{role}`" for role in missing)
                message = f"`{entry.kind}` learns from {' and '.join(roles)}; `{data.name}` has no {lacking}"
                named_columns = ", ".join(f"{role}: …" for role in missing)
                report.error("LC0514", path, message, f"name them: `columns: {{{named_columns}}}`", also=also)
        elif entry.kind not in (*DOCUMENTS, *PROMPTS_ONLY) and not learns_answers(columns):
            message = f"the rows of `{data.name}` have no answers to learn from"
            help = "name the column with the answer: `columns: {target: …}`"
            report.error("LC0502", path, message, help, also=also)


def _answered(columns: Any) -> bool:
    """Whether rows hold more than a text: answers of any kind."""
    return learns_answers(columns) or any(getattr(columns, role, None) for role in (*PAIRS, *FEEDBACK))
