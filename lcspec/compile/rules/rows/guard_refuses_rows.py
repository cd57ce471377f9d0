"""An input guard that refuses the questions of the test set: each refusal counts as a wrong answer."""

from lcspec.compile.asking import columns_of, suite_data
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

SHARE = 0.1


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0706 for `max-length` below the length of a tenth of the inputs."""
    for entry in spec.entries("augment").values():
        for index, guard in enumerate(getattr(entry.body, "input", ())):
            most = getattr(guard, "max_words", None)
            if getattr(guard, "kind", None) != "max-length" or guard.action != "refuse" or not most:
                continue
            for data in suite_data(spec).values():
                column = columns_of(data).input if columns_of(data) else ""
                rows = (known.rows(data.name) or {}).get("test", ())
                long = sum(len(row.variables.get(column, "").split()) > most for row in rows)
                if rows and long > SHARE * len(rows):
                    path = (*entry.path, "input", index, "max-words")
                    message = f"{long} of {len(rows)} questions of test are longer than {most} words, and refused"
                    also = ((data.path, "asked from here"),)
                    report.warning("LC0706", path, message, "raise `max-words`, or `action: truncate`", also=also)
