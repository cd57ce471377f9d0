"""One file behind two entries is divided twice: what one trains on, the other judges with."""

from itertools import combinations
from typing import Any

from lcspec.compile.asking import columns_of, split_of, strings
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Bound, Spec
from lcspec.ir.strict import plain


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0421 for entries over one file that divide it differently; LC0423 for one file as two splits."""
    rows = [entry for entry in spec.entries("data").values() if columns_of(entry) is not None]
    for entry in rows:
        files = getattr(entry.body, "files", None) or {}
        roles = list(files.items()) if isinstance(files, dict) else []
        for (first, a), (second, b) in combinations(roles, 2):
            if a == b:
                path = (*entry.path, "files", second)
                also = (((*entry.path, "files", first), "the same file"),)
                message = f"{first} and {second} are one file: the model is judged on what it learned"
                help = f"give `path` and `split: {{{second}: 10%}}` instead"
                report.error("LC0423", path, message, help, also=also)
    learns = {split_of(text)[0] for entry in spec.entries("tuning").values() for text in strings(entry.body)}
    judges = {getattr(suite.body, "data", None) for suite in spec.entries("suite").values()}
    for one, two in combinations(rows, 2):
        crossed = (one.name in learns and two.name in judges) or (two.name in learns and one.name in judges)
        if crossed and _place(one) == _place(two) and _place(one) and _division(one) != _division(two):
            path = (*two.path, "split") if "split" in two.body.model_fields_set else two.path
            message = f"`{one.name}` and `{two.name}` divide one file differently: rows that train also judge"
            help = "use one entry for both, or give both the same `split`"
            report.warning("LC0421", path, message, help, key=True, also=((one.path, "the same file"),))


def _place(entry: Bound) -> Any:
    body = entry.body
    named = getattr(body, "path", None)
    source = getattr(body, "from_", None)
    return (source and (source.kind, source.body), named) if named else None


def _division(entry: Bound) -> Any:
    return plain(entry.body.split), entry.body.columns.input
