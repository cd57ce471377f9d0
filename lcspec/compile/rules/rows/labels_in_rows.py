"""What the rows say of the labels: one that never occurs, one that nearly always does."""

from collections import Counter

from lcspec.compile.asking import columns_of, plural, suite_metric
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Bound, Spec

RATIO = 20


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0415 for a label without rows in train or test; LC0416 for classes that differ by a factor of twenty."""
    labels = spec.scope.labels
    for name, entry in spec.entries("data").items():
        splits = known.rows(name)
        if not labels or splits is None or not getattr(columns_of(entry), "target", None):
            continue
        for split in ("train", "test"):
            counts = Counter(row.target for row in splits.get(split, ()))
            missing = [label for label in labels if not counts[label]]
            if counts and missing:
                message = f"{split} of `{name}` has no row with the label `{missing[0]}`"
                also = ((("scope", "labels"), "declared here"),)
                notes = (f"without rows: {', '.join(missing)}",) if len(missing) > 1 else ()
                help = "add rows, or remove the label from the scope"
                report.warning("LC0415", entry.path, message, help, key=True, also=also, notes=notes)
                break
        else:
            _unbalanced(spec, entry, Counter(row.target for row in splits.get("train", ())), report)


def _unbalanced(spec: Spec, entry: Bound, counts: Counter[str | None], report: Reporter) -> None:
    if len(counts) < 2:
        return
    (most, many), (least, few) = counts.most_common()[0], counts.most_common()[-1]
    only = [gate for gate in spec.gates.values() if suite_metric(spec, gate)[1] == "accuracy"]
    if many >= RATIO * few and len(only) == len(spec.gates) and only:
        message = f"`{most}` has {many // few} times the rows of `{least}`: accuracy hardly sees the rare labels"
        note = ", ".join(f"{label} {count}" for label, count in counts.most_common())
        help = f"gate on `macro-f1` too, and sample `balanced` for tuning; `{least}` has {plural(few, 'row')}"
        report.warning("LC0416", entry.path, message, help, key=True, notes=(note,))
