"""The ledger: runs, attempts, records and looks at test. The truth is the journal, SQLite its index (WAL, every commit
synced): an index that is behind, cut or gone is brought up from the journal; a journal that is behind is damage.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lcspec.ir.record import StepRecord
from lcspec.run.journal import START, Entry, Head, Journal, JournalDamaged, parse_entry
from lcspec.run.ledger_tables import LEDGER_FORMAT, add_rows, make_tables
from lcspec.run.store.files import flocked
from lcspec.run.store.points import point
from lcspec.run.store.records import record_seal
from lcspec.run.store.store import unwritable

if TYPE_CHECKING:
    import sqlite3

_FULL = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_LOCKED")


class Taken(NamedTuple):
    """What one successful attempt took: seconds, peak of memory and bytes of outputs; `size` as in `Estimate`."""

    seconds: float
    peak: int
    size: float
    disk: int


class Ledger:
    """One ledger. SQLite is imported here and not before: a plan that reuses everything never needs it."""

    def __init__(self, root: Path, database: "sqlite3.Connection") -> None:
        self._root, self._database, self._journal = root, database, Journal(root)

    @staticmethod
    def open(root: Path) -> "Ledger":
        """The ledger for writing, its index brought up to the journal.

        Raises:
            LcspecError: LC1120 (exit 7), the journal is damaged or lacks what the index has; LC1123 (exit 7).
        """
        import sqlite3

        with _told(root), flocked(root / "ledger.lock"):  # two that make its tables at once would undo each other's
            try:
                return Ledger._caught_up(root)
            except sqlite3.DatabaseError as error:
                if _outside(error):
                    raise
            return Ledger._anew(root)

    @staticmethod
    def _caught_up(root: Path) -> "Ledger":
        made = Ledger(root, _connect(root))
        try:
            made._catch_up()
        except BaseException:
            made.close()
            raise
        return made

    @staticmethod
    def rebuilt(root: Path) -> "Ledger":
        """The ledger for writing, its index made anew from the journal.

        Raises:
            JournalDamaged: then the index is left as it is.
        """
        with flocked(root / "ledger.lock"):
            return Ledger._anew(root)

    @staticmethod
    def _anew(root: Path) -> "Ledger":
        for _ in Journal(root).entries():
            pass
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
            (root / name).unlink(missing_ok=True)
        return Ledger._caught_up(root)

    @staticmethod
    def peek(root: Path) -> "Ledger":
        """The ledger for reading; it exists. Nothing is written beside it, and a damaged one knows nothing."""
        import sqlite3

        mode = "mode=ro" if (root / "ledger.db-wal").exists() else "mode=ro&immutable=1"
        return Ledger(root, sqlite3.connect(f"file:{root / 'ledger.db'}?{mode}", uri=True, timeout=10))

    # --- writing ---------------------------------------------------------------------------------------------------

    def append(self, event: str, data: Mapping[str, Any]) -> None:
        """Writes an entry into the journal, then its rows into the index."""
        import sqlite3

        with _told(self._root):
            entry = self._journal.append(event, data)
            point()
            try:
                self._index(entry)
            except sqlite3.DatabaseError as error:
                if _outside(error):
                    raise
                self._database.close()
                self._database = Ledger.rebuilt(self._root)._database
        point()

    def _index(self, entry: Entry) -> None:
        with self._writing():
            if self._indexed() == Head(entry.seq - 1, entry.prev):
                add_rows(self._database, entry)
                return
        self._catch_up()

    def _catch_up(self) -> None:
        """Brings the index up to the journal.

        Raises:
            JournalDamaged: the journal has fewer entries than the index, or other ones.
        """
        with self._writing():
            known, head = self._indexed(), self._journal.head()
            if known == head:
                return
            if known.seq >= head.seq:
                raise JournalDamaged(f"the journal ends at entry {head.seq}, its index knows {known.seq}")
            for entry in self._journal.entries(known.seq):
                if entry.seq == known.seq + 1 and entry.prev != known.sha256:
                    raise JournalDamaged(f"entry {known.seq} of the journal is another one in its index")
                add_rows(self._database, entry)

    def _indexed(self) -> Head:
        """The last entry of the index, which must be what its own line says."""
        import sqlite3

        row = self._database.execute("select seq, sha256, line from entries order by seq desc limit 1").fetchone()
        if row is None:
            return Head(0, START)
        try:
            entry = parse_entry(row[2])
        except ValueError as error:
            raise sqlite3.DatabaseError(str(error)) from None
        if (entry.seq, entry.sha256) != row[:2]:
            raise sqlite3.DatabaseError("an entry of the index is another one")
        return Head(entry.seq, entry.sha256)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        import sqlite3

        self._database.execute("begin immediate")
        try:
            yield
            point()
            self._database.execute("commit")
        except BaseException:
            with suppress(sqlite3.Error):
                self._database.execute("rollback")
            raise

    def start_run(self, name: str, spec: str, argv: Sequence[str]) -> int:
        """Writes down that a run starts; its number."""
        number = int(self._database.execute("select coalesce(max(id), 0) + 1 from runs").fetchone()[0])
        self.append("run", {"run": number, "name": name, "spec": spec, "argv": list(argv)})
        return number

    def finish_run(self, run: int, outcome: str) -> None:
        """Writes down how a run ended."""
        self.append("run-end", {"run": run, "outcome": outcome})

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
        record: StepRecord | None = None,
    ) -> None:
        """Writes down one attempt at a step; `status` is ok (then with its record), failed or interrupted."""
        data = {"run": run, "step": step, "kind": kind, "key": key, "status": status, "seconds": round(seconds, 3)}
        seal = record_seal(record) if record is not None else None
        self.append("attempt", {**data, "peak": peak, "size": size, "disk": disk, "record": seal})

    def look(self, run: int, suite: str, candidate: str, key: str) -> None:
        """Counts that the test split was read for this content; the same content counts once."""
        if self._database.execute("select 1 from looks where key=?", (key,)).fetchone() is None:
            self.append("look", {"run": run, "suite": suite, "candidate": candidate, "key": key})

    # --- reading ---------------------------------------------------------------------------------------------------

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows of a query; none when the index is damaged: the next apply makes it anew."""
        import sqlite3

        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.DatabaseError:
            return []

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
        query = f"select seconds, peak, size, disk from attempts where {where} and status='ok'"
        return [Taken(*row) for row in self._rows(f"{query} order by rowid desc limit ?", values)]

    def last_run(self, name: str) -> dict[str, Any] | None:
        """Number, start, end and outcome of the latest run of a spec."""
        query = "select id, started, finished, outcome from runs where name=? order by id desc limit 1"
        rows = self._rows(query, (name,))
        return dict(zip(("id", "started", "finished", "outcome"), rows[0], strict=True)) if rows else None

    def recorded(self) -> dict[str, tuple[str, str, int | None]]:
        """Key to step, digest and run of every record that should be there."""
        return {row[0]: (row[1], row[2], row[3]) for row in self._rows("select key, step, sha256, run from records")}

    def heads(self) -> dict[str, str]:
        """Step id to the key with which it last finished."""
        return dict(self._rows("select step, key from attempts where status='ok' order by rowid"))

    def recent_keys(self, runs: int) -> set[str]:
        """Keys of the records that the latest `runs` runs of each spec made."""
        latest: dict[str, list[int]] = {}
        for number, name in self._rows("select id, name from runs order by id desc"):
            if len(latest.setdefault(name, [])) < runs:
                latest[name].append(number)
        wanted = {number for numbers in latest.values() for number in numbers}
        return {row[0] for row in self._rows("select key, run from records") if row[1] in wanted}

    def close(self) -> None:
        """Ends the connection."""
        self._database.close()


def _connect(root: Path) -> "sqlite3.Connection":
    import sqlite3

    database = sqlite3.connect(root / "ledger.db", timeout=10, isolation_level=None)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=full")
    version = database.execute("pragma user_version").fetchone()[0]
    if version == LEDGER_FORMAT:
        return database
    if version == 0 and not database.execute("select 1 from sqlite_master").fetchone():
        make_tables(database)
        return database
    database.close()
    raise sqlite3.DatabaseError("an index of another format")


def _outside(error: Exception) -> bool:
    """Whether the disk is at fault, not the file."""
    return str(getattr(error, "sqlite_errorname", "")).startswith(_FULL)


@contextmanager
def _told(root: Path) -> Iterator[None]:
    """Turns a full or read-only disk into its diagnostic."""
    import sqlite3

    try:
        yield
    except sqlite3.OperationalError as error:
        raise unwritable(root, OSError(0, str(error), str(root / "ledger.db"))) from None
    except OSError as error:
        raise unwritable(root, error) from None
