"""Rows that judge also stand where they can be learned: exactly, nearly, or in another data entry."""

from lcspec.compile.asking import JUDGED, columns_of, normal, plural, suite_data, tuned_on
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known, Splits
from lcspec.compile.near import near_pairs
from lcspec.ir.spec import Bound, Spec

SHARE = 0.01  # fewer exact copies than this are taken out in silence


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0418 exact copies, LC0419 near copies, LC0429 rows of a recipe's own entry that judge in another."""
    for name, entry in suite_data(spec).items():
        splits = known.rows(name)
        columns = columns_of(entry)
        if splits is None or columns is None:
            continue
        _within(entry, columns.input, splits, report)
        judging = {normal(text) for text in _texts(splits, columns.input, JUDGED)}
        for recipe in spec.entries("tuning").values():
            data, split = tuned_on(recipe) or ("", "")
            other, rows = columns_of(spec.entries("data").get(data)), known.rows(data)
            if data == name or other is None or rows is None:
                continue
            shared = sum(normal(text) in judging for text in _texts(rows, other.input, (split,)))
            if shared:
                message = f"{plural(shared, 'row')} that `{recipe.name}` learns also stand among those that judge it"
                also = ((entry.path, "validation and test come from here"),)
                help = "put all rows into one entry with a `split`, which keeps them apart"
                report.error("LC0429", (*recipe.path, "data"), message, help, also=also)


def _texts(splits: Splits, column: str, names: tuple[str, ...]) -> list[str]:
    return [row.variables[column] for name in names for row in splits.get(name, ()) if column in row.variables]


def _within(entry: Bound, column: str, splits: Splits, report: Reporter) -> None:
    train = _texts(splits, column, ("train",))
    for split in ("test", "validation"):
        judged = _texts(splits, column, (split,))
        known = {normal(text) for text in judged}
        copies = sum(normal(text) in known for text in train)
        if judged and copies >= max(1, SHARE * len(judged)):
            message = f"{plural(copies, 'row')} of train also stand in {split}"
            note = f"they are left out of train; {split} has {plural(len(judged), 'row')}"
            help = "remove them from the file, or see why rows repeat"
            report.warning("LC0418", entry.path, message, help, key=True, notes=(note,))
            return
    for split in ("test", "validation"):
        judged = _texts(splits, column, (split,))
        pairs = near_pairs(train, judged)
        if len(pairs.found) >= max(2, SHARE * len(judged)):
            a, b = pairs.found[0]
            message = f"{plural(len(pairs.found), 'row')} of {split} nearly stand in train too"
            notes = (f"train: {_short(train[a])}", f"{split}: {_short(judged[b])}", pairs.how)
            help = "remove them from train: the score on them shows memory, not skill"
            report.warning("LC0419", entry.path, message, help, key=True, notes=notes)
            return


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 72 else f"{line[:71]}…"
