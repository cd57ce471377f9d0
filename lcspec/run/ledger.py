"""The ledger: an append-only index of runs, attempts and looks at test, in SQLite. The truth lies in the records."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import sqlite3

_TABLES = """
create table if not exists runs (
  id integer primary key, name text not null, spec text not null, argv text not null,
  started text not null, finished text, outcome text);
create table if not exists attempts (
  run integer not null, step text not null, kind text not null, key text not null, status text not null,
  seconds real not null, peak integer not null, finished text not null,
  size real not null default 0, disk integer not null default 0);
create index if not exists attempts_step on attempts (step, status);
create index if not exists attempts_kind on attempts (kind, status);
create table if not exists looks (
  suite text not null, candidate text not null, key text not null unique, run integer not null, at text not null);
"""


_ADDED = {"size": "real not null default 0", "disk": "integer not null default 0"}  # columns younger than the table


class Taken(NamedTuple):
    """What one successful attempt took: seconds, peak of memory and bytes of outputs; `size` as in `Estimate`."""

    seconds: float
    peak: int
    size: float
    disk: int


class Ledger:
    """One ledger. SQLite is imported here and not before: a plan that reuses everything never needs it."""

    def __init__(self, database: "sqlite3.Connection") -> None:
        self._database = database

    @staticmethod
    def open(root: Path) -> "Ledger":
        """The ledger for writing: WAL, every commit synced."""
        import sqlite3

        database = sqlite3.connect(root / "ledger.db", timeout=10, isolation_level=None)
        database.execute("pragma journal_mode=wal")
        database.execute("pragma synchronous=full")
        database.executescript(_TABLES)
        there = {row[1] for row in database.execute("pragma table_info(attempts)")}
        for column, form in _ADDED.items():
            if column not in there:
                database.execute(f"alter table attempts add column {column} {form}")
        return Ledger(database)

    @staticmethod
    def peek(root: Path) -> "Ledger":
        """The ledger for reading; it exists."""
        import sqlite3

        return Ledger(sqlite3.connect(f"file:{root / 'ledger.db'}?mode=ro", uri=True, timeout=10))

    def start_run(self, name: str, spec: str, argv: Sequence[str]) -> int:
        """Writes down that a run starts; its number."""
        values = (name, spec, json.dumps(list(argv)), _now())
        cursor = self._database.execute("insert into runs (name, spec, argv, started) values (?,?,?,?)", values)
        return int(cursor.lastrowid or 0)

    def finish_run(self, run: int, outcome: str) -> None:
        """Writes down how a run ended."""
        self._database.execute("update runs set finished=?, outcome=? where id=?", (_now(), outcome, run))

    def attempt(
        self,
        run: int,
        *,
        step: str,
        kind: str,
        key: str,
        status: str,
        seconds: float,
        peak: int,
        size: float = 0.0,
        disk: int = 0,
    ) -> None:
        """Writes down one attempt at a step; `status` is ok, failed or interrupted."""
        values = (run, step, kind, key, status, seconds, peak, _now(), size, disk)
        columns = "run, step, kind, key, status, seconds, peak, finished, size, disk"
        self._database.execute(f"insert into attempts ({columns}) values (?,?,?,?,?,?,?,?,?,?)", values)

    def look(self, run: int, suite: str, candidate: str, key: str) -> None:
        """Counts that the test split was read for this content; the same content counts once."""
        values = (suite, candidate, key, run, _now())
        self._database.execute("insert or ignore into looks values (?,?,?,?,?)", values)

    def looks(self) -> int:
        """How many different candidates were judged on test so far."""
        return int(self._database.execute("select count(*) from looks").fetchone()[0])

    def taken(self, step: str, kind: str, limit: int) -> list[Taken]:
        """The latest successful attempts at a step, newest first."""
        return self._taken("step=? and kind=?", (step, kind, limit))

    def taken_like(self, verb: str, kind: str, limit: int) -> list[Taken]:
        """The latest successful attempts at steps of one kind whose id begins with `verb:`, newest first."""
        return self._taken("kind=? and step like ?", (kind, f"{verb}:%", limit))

    def _taken(self, where: str, values: Sequence[Any]) -> list[Taken]:
        import sqlite3

        query = f"select seconds, peak, size, disk from attempts where {where} and status='ok'"
        try:
            rows = self._database.execute(f"{query} order by rowid desc limit ?", values).fetchall()
        except sqlite3.OperationalError:  # written by an older lcspec, and not opened for writing since
            return []
        return [Taken(*row) for row in rows]

    def last_run(self, name: str) -> dict[str, Any] | None:
        """Number, start, end and outcome of the latest run of a spec."""
        query = "select id, started, finished, outcome from runs where name=? order by id desc limit 1"
        row = self._database.execute(query, (name,)).fetchone()
        return dict(zip(("id", "started", "finished", "outcome"), row, strict=True)) if row else None

    def close(self) -> None:
        """Ends the connection."""
        self._database.close()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
