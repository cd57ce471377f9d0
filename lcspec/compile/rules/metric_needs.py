"""A metric must find what it is computed from: a target, accepted answers, labels or retrieved passages."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec
from lcspec.kinds import registry

REMEDY = {
    "target": "name the column with the answer: `columns: {target: …}`",
    "accepted": "name the column with right answers: `columns: {accepted: …}`",
    "source": "name the column with the document of the answer: `columns: {source: …}`",
    "hits": "add retrieval under `augmentation`",
    "labels": "declare `scope.labels`",
    "likelihood": "measure it in a suite of `kind: perplexity`",
    "pairs": "name the columns with both answers: `columns: {chosen: …, rejected: …}`",
    "answers": "measure it in a suite of `kind: rows`: here nothing is answered",
}


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0603 for metrics whose ingredients the spec does not have."""
    for entry in spec.entries("suite").values():
        if not hasattr(entry.body, "data"):  # it has rows and metrics of its own
            continue
        data = spec.entries("data").get(entry.body.data)
        columns = getattr(getattr(data, "body", None), "columns", None)
        has = {name for name in ("target", "accepted", "source") if getattr(columns, name, None)}
        has |= {"labels"} if spec.scope.labels else set()
        has |= {"hits"} if any(one.kind == "retrieval" for one in spec.entries("augment").values()) else set()
        has |= {"accepted"} if "target" in has else set()
        has |= {"pairs"} if getattr(columns, "chosen", None) and getattr(columns, "rejected", None) else set()
        judges = entry.kind == "perplexity"
        has |= {"likelihood"} if judges else {"answers"}
        for index, metric in enumerate(getattr(entry.body, "metrics", ())):
            own = spec.entries("metric").get(metric)
            needs = getattr(registry.module("metric", own.kind if own else metric), "needs", ())
            for need in needs if "likelihood" in needs else ("answers", *needs):
                if need not in has:
                    path = (*entry.path, "metrics", index)
                    report.error("LC0603", path, f"`{metric}` needs {need}, and the data has none", REMEDY[need])
