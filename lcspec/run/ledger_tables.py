"""The tables of the ledger's index, and how an entry of the journal becomes rows: the only way rows are made."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lcspec.run.journal import Entry

if TYPE_CHECKING:
    import sqlite3

LEDGER_FORMAT = 2  # raised with the tables: another one is made anew from the journal

TABLES = """
create table entries (seq integer primary key, sha256 text not null, line text not null);
create table runs (
  id integer primary key, name text not null, spec text not null, argv text not null,
  started text not null, finished text, outcome text);
create table attempts (
  run integer not null, step text not null, kind text not null, key text not null, status text not null,
  seconds real not null, peak integer not null, finished text not null,
  size real not null default 0, disk integer not null default 0);
create index attempts_step on attempts (step, status);
create index attempts_kind on attempts (kind, status);
create table looks (
  suite text not null, candidate text not null, key text not null unique, run integer not null, at text not null);
create table records (
  key text primary key, step text not null, sha256 text not null, run integer, at text not null) without rowid;
create table files (name text primary key, sha256 text not null, at text not null) without rowid;
"""
NAMES = ("entries", "runs", "attempts", "looks", "records", "files")

Row = Mapping[str, Any]


def _run(database: "sqlite3.Connection", data: Row, at: str) -> None:
    values = (data["run"], data["name"], data["spec"], json.dumps(data["argv"]), at)
    database.execute("insert into runs (id, name, spec, argv, started) values (?,?,?,?,?)", values)


def _run_end(database: "sqlite3.Connection", data: Row, at: str) -> None:
    database.execute("update runs set finished=?, outcome=? where id=?", (at, data["outcome"], data["run"]))


def _attempt(database: "sqlite3.Connection", data: Row, at: str) -> None:
    values = [data[name] for name in ("run", "step", "kind", "key", "status", "seconds", "peak")]
    columns = "run, step, kind, key, status, seconds, peak, finished, size, disk"
    rest = (at, data["size"], data["disk"])
    database.execute(f"insert into attempts ({columns}) values (?,?,?,?,?,?,?,?,?,?)", (*values, *rest))
    if data.get("record"):
        _record(database, {**data, "sha256": data["record"]}, at)


def _record(database: "sqlite3.Connection", data: Row, at: str) -> None:
    values = (data["key"], data["step"], data["sha256"], data.get("run"), at)
    database.execute("insert or replace into records values (?,?,?,?,?)", values)


def _adopted(database: "sqlite3.Connection", data: Row, at: str) -> None:
    for one in data["records"]:
        when = one["finished"] or at
        _attempt(database, {"run": 0, "status": "ok", "size": 0.0, "record": one["sha256"], **one}, when)
        if one["look"]:
            _look(database, {"run": 0, "key": one["key"], **one["look"]}, when)


def _removed(database: "sqlite3.Connection", data: Row, at: str) -> None:
    database.executemany("delete from records where key=?", [(key,) for key in data["keys"]])
    database.executemany("delete from files where name=?", [(name,) for name in data.get("files", ())])


def _look(database: "sqlite3.Connection", data: Row, at: str) -> None:
    values = (data["suite"], data["candidate"], data["key"], data["run"], data.get("at", at))
    database.execute("insert or ignore into looks values (?,?,?,?,?)", values)


def _file(database: "sqlite3.Connection", data: Row, at: str) -> None:
    database.execute("insert or replace into files values (?,?,?)", (data["name"], data["sha256"], at))


ROWS: Mapping[str, Callable[["sqlite3.Connection", Row, str], None]] = {
    "run": _run,
    "run-end": _run_end,
    "attempt": _attempt,
    "record": _record,
    "adopted": _adopted,
    "removed": _removed,
    "look": _look,
    "file": _file,
}


def add_rows(database: "sqlite3.Connection", entry: Entry) -> None:
    """Writes an entry and the rows that it stands for; an event of a newer lcspec has none."""
    database.execute("insert into entries values (?,?,?)", (entry.seq, entry.sha256, entry.line))
    if rows := ROWS.get(entry.event):
        rows(database, entry.data, entry.at)


def make_tables(database: "sqlite3.Connection") -> None:
    """The empty tables."""
    database.executescript(f"begin; {TABLES} pragma user_version={LEDGER_FORMAT}; commit;")
