"""A gate that guessing passes decides nothing."""

from collections import Counter

from lcspec.compile.asking import columns_of, suite_metric
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

ENOUGH = 20  # rows after which the share of a class means something


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0607 for `accuracy` at or below chance, or the share of the largest class where the rows are known."""
    labels = len(spec.scope.labels)
    for name, gate in spec.gates.items():
        suite, metric = suite_metric(spec, gate)
        if suite is None or metric not in ("accuracy", "macro-f1") or gate.at_least is None or labels < 2:
            continue
        floor, why = 1 / labels, f"guessing among {labels} labels is right in 1 of {labels} cases"
        data = spec.entries("data").get(getattr(suite.body, "data", ""))
        rows = (known.rows(data.name) or {}).get("test", ()) if data is not None and columns_of(data) else ()
        if len(rows) >= ENOUGH and metric == "accuracy":
            label, count = Counter(row.target for row in rows).most_common(1)[0]
            floor, why = count / len(rows), f"{count} of {len(rows)} rows of test are `{label}`"
        if gate.at_least <= floor:
            path = ("evaluation", "gates", name, "at-least")
            message = f"a model that always gives one answer reaches {floor:.3g}"
            report.warning("LC0607", path, message, "ask for more than guessing gives", notes=(why,))
