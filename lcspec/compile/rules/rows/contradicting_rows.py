"""The same question with two answers, or again and again: what the data cannot teach, and cannot judge."""

from collections import Counter, defaultdict

from lcspec.compile.asking import columns_of, normal, plural
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

REPEATED, CONTRADICTING, LEAST = 0.2, 0.01, 3


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0420 for equal inputs with different targets; LC0427 where a fifth of train is copies."""
    for name, entry in spec.entries("data").items():
        splits, columns = known.rows(name), columns_of(entry)
        if splits is None or columns is None:
            continue
        answers: dict[str, set[str]] = defaultdict(set)
        rows = [row for listed in splits.values() for row in listed if row.variables.get(columns.input)]
        for row in rows:
            if row.target is not None and not row.accepted:
                answers[normal(row.variables[columns.input])].add(row.target)
        torn = {text: told for text, told in answers.items() if len(told) > 1}
        if spec.scope.labels and len(torn) >= max(1, CONTRADICTING * len(answers)):
            text, told = min(torn.items())
            message = f"{plural(len(torn), 'input')} of `{name}` have more than one answer"
            note = f"`{text[:60]}` is {' and '.join(f'`{one}`' for one in sorted(told)[:3])}"
            help = "decide on one answer for each; no model can be right on both"
            report.warning("LC0420", entry.path, message, help, key=True, notes=(note,))
        inputs = (row.variables.get(columns.input) for row in splits.get("train", ()))
        train = Counter(normal(text) for text in inputs if text)
        copies = sum(count - 1 for count in train.values())
        if copies > max(LEAST, REPEATED * sum(train.values())):
            message = f"{copies} of {sum(train.values())} rows of train repeat another one's input"
            text, count = train.most_common(1)[0]
            note = f"`{text[:60]}` stands {count} times"
            report.warning("LC0427", entry.path, message, "keep one of each", key=True, notes=(note,))
