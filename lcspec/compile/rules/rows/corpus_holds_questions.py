"""A retrieval corpus that contains the test questions themselves gives the answers away."""

from lcspec.compile.asking import columns_of, normal, plural, suite_data
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

WORDS, MOST = 6, 2000


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0422 for questions of six words or more that stand in a document word for word."""
    for entry in spec.entries("augment").values():
        name = getattr(entry.body, "data", None)
        documents = known.documents(name) if entry.kind == "retrieval" and name else None
        if not documents:
            continue
        corpus = f" {' '.join(map(normal, documents.values()))} "
        for data in suite_data(spec).values():
            column = columns_of(data).input if columns_of(data) else ""
            rows = (known.rows(data.name) or {}).get("test", ())[:MOST]
            asked = [normal(row.variables.get(column, "")) for row in rows]
            held = [text for text in asked if text.count(" ") >= WORDS - 1 and f" {text} " in corpus]
            if held:
                message = f"{plural(len(held), 'question')} of test stand word for word in `{name}`"
                also = ((data.path, "asked from here"),)
                note = f"`{held[0][:60]}`"
                help = "remove the questions (and their answers) from the documents"
                report.warning("LC0422", (*entry.path, "data"), message, help, also=also, notes=(note,))
