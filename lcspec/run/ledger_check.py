"""Is the ledger whole: the journal's chain, its index against the rows that the journal makes, and what both say."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lcspec.run.findings import ALTERED, MISSING, Finding, Report
from lcspec.run.journal import Entry, Journal, JournalDamaged
from lcspec.run.ledger_tables import LEDGER_FORMAT, NAMES, add_rows, make_tables
from lcspec.run.rebuild import salvage

if TYPE_CHECKING:
    import sqlite3


_NO_ROOM = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_IOERR")


class Recorded(NamedTuple):
    """The step and the digest of a record that the ledger knows."""

    step: str
    sha256: str


class Known(NamedTuple):
    """Records by key and release files by name that should be there."""

    records: Mapping[str, Recorded]
    files: Mapping[str, str]


def check_ledger(root: Path, report: Report) -> Known:
    """Adds what is wrong with the ledger to `report`; what the ledger knows, from all that can still be read."""
    import sqlite3

    index = _index_rows(root)
    damage, chain = None, []
    try:
        chain = list(Journal(root).entries())
    except JournalDamaged as error:
        damage = error.diagnostics[0].message
        chain = salvage(root)
    if isinstance(index, Mapping) and len(index["entries"]) > len(chain):
        whole = salvage(root)  # what the journal lost, its index still says of records and releases
    else:
        whole = chain
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        make_tables(database)
        for entry in whole:
            add_rows(database, entry)
        report.checked["entries"] = len(chain)
        if damage is not None:
            report.findings.append(Finding(ALTERED, "ledger", "journal.jsonl", f"{damage}; `--rebuild` restores it"))
        else:
            _compare(index, database, chain, report)
        records = {row[0]: Recorded(*row[1:]) for row in database.execute("select key, step, sha256 from records")}
        files = dict(database.execute("select name, sha256 from files"))
    return Known(records, files)


Rows = Mapping[str, list[tuple[object, ...]]]


def _index_rows(root: Path) -> Rows | str | None:
    """All rows of the index; None when it is not there, a message when it cannot be read."""
    import sqlite3

    path = root / "ledger.db"
    if not path.exists():
        return None
    try:
        return _read_rows(path)
    except sqlite3.DatabaseError as error:
        if not str(getattr(error, "sqlite_errorname", "")).startswith(_NO_ROOM):
            return str(error)
    with tempfile.TemporaryDirectory() as name:  # a write-ahead log on a read-only or full disk: read from a copy
        for part in path.parent.glob("ledger.db*"):
            shutil.copy(part, name)
        try:
            return _read_rows(Path(name) / path.name)
        except sqlite3.DatabaseError as error:
            return str(error)


def _read_rows(path: Path) -> Rows | str:
    import sqlite3

    mode = "mode=ro" if path.with_name("ledger.db-wal").exists() else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"file:{path}?{mode}", uri=True, timeout=10)) as database:
        if (found := database.execute("pragma integrity_check").fetchone()[0]) != "ok":
            return str(found).splitlines()[0]
        if database.execute("pragma user_version").fetchone()[0] != LEDGER_FORMAT:
            return "it is of another format"
        return {name: _rows(database, name) for name in NAMES}


def _rows(database: "sqlite3.Connection", table: str) -> list[tuple[object, ...]]:
    return sorted(database.execute(f"select * from {table}"), key=repr)


def _compare(index: Rows | str | None, truth: "sqlite3.Connection", chain: list[Entry], report: Report) -> None:
    for fault, message in _differences(index, truth, chain, report):
        report.findings.append(Finding(fault, "ledger", "ledger.db", f"{message}; `--rebuild` restores it"))


def _differences(
    index: Rows | str | None, truth: "sqlite3.Connection", chain: list[Entry], report: Report
) -> Iterator[tuple[str, str]]:
    if index is None:
        if chain:
            yield MISSING, "the index of the ledger is gone"
        return
    if isinstance(index, str):
        yield ALTERED, f"the index of the ledger cannot be used: {index}"
        return
    behind = len(chain) - len(index["entries"])
    if behind < 0:
        lost = f"the journal lacks the last {-behind} of {len(index['entries'])} entries that its index has"
        report.findings.append(Finding(ALTERED, "ledger", "journal.jsonl", f"{lost}; `--rebuild` restores it"))
    elif behind == 1 and index["entries"] == sorted(((e.seq, e.sha256, e.line) for e in chain[:-1]), key=repr):
        report.notes.append("the last entry of the journal is not in its index yet; the next apply adds it")
    elif behind:
        yield ALTERED, f"the index of the ledger lacks {behind} of {len(chain)} entries"
    elif moved := [name for name in NAMES if index[name] != _rows(truth, name)]:
        yield ALTERED, f"the index of the ledger differs from the journal in {', '.join(moved)}"
