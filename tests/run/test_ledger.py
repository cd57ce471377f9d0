"""The ledger: a chained journal and its index. Damage of either is seen; what either still holds is kept."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.ir.record import StepRecord
from lcspec.run.journal import Journal
from lcspec.run.ledger import Ledger
from lcspec.run.rebuild import rebuild
from lcspec.run.store import Store

RUNS = 16


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "store")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a few runs: an attempt and a look each, half of them only in the index's write-ahead log."""
    tmp_path = tmp_path_factory.mktemp("store")
    store = Store.open(tmp_path)
    ledger = Ledger.open(tmp_path)
    for number in range(RUNS):
        folder = tmp_path / "work" / str(number)
        folder.mkdir(parents=True)
        (folder / "file.txt").write_text(str(number))
        record = store.publish(record_of(number), {"out": folder})
        run = ledger.start_run("spec", "digest", ["apply"])
        ledger.attempt(
            run, step=record.step, kind="k", key=record.key, status="ok", seconds=number, peak=1, record=record
        )
        ledger.look(run, "suite", f"c{number}", record.key)
        ledger.finish_run(run, "ok")
        if number == RUNS // 2:
            ledger.close()
            ledger = Ledger.open(tmp_path)
    saved = tmp_path / "saved"
    saved.mkdir()
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):  # closing would fold the log in
        shutil.copy(tmp_path / name, saved / name)
    ledger.close()
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        shutil.copy(saved / name, tmp_path / name)
    shutil.rmtree(saved)
    return tmp_path


def record_of(number: int) -> StepRecord:
    measured = {"seconds": number, "peak_rss_bytes": 1}
    return StepRecord(f"{number:064x}", f"predict:suite.test:c{number}", "k/a", {}, {}, measured=measured)


def whole(ledger: Ledger) -> bool:
    return (ledger.looks(), len(ledger.recorded()), len(ledger.taken("predict:suite.test:c3", "k", 9))) == (
        RUNS,
        RUNS,
        1,
    )


def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def scribble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 4096] = b"\xff" * 4096
    path.write_bytes(bytes(data))


def old_copy(path: Path) -> None:
    """What a backup from the time of the tenth run would hold."""
    path.with_name("ledger.db-wal").unlink()
    lines = (path.parent / "journal.jsonl").read_bytes().splitlines(keepends=True)
    other = path.parent / "other"
    Store.open(other)
    (other / "journal.jsonl").write_bytes(b"".join(lines[:40]))
    Ledger.open(other).close()
    shutil.copy(other / "ledger.db", path)
    shutil.rmtree(other)


INDEX_DAMAGE: dict[str, Callable[[Path], None]] = {
    "log cut to half": lambda root: cut(root / "ledger.db-wal", 0.5),
    "log torn": lambda root: cut(root / "ledger.db-wal", 0.999),
    "log deleted": lambda root: (root / "ledger.db-wal").unlink(),
    "log zeroed": lambda root: zero(root / "ledger.db-wal"),
    "file deleted": lambda root: (root / "ledger.db").unlink(),
    "file cut to half": lambda root: cut(root / "ledger.db", 0.5),
    "file empty": lambda root: cut(root / "ledger.db", 0),
    "file zeroed": lambda root: zero(root / "ledger.db"),
    "file is text": lambda root: (root / "ledger.db").write_text("not a database"),
    "old copy": lambda root: old_copy(root / "ledger.db"),
}


@pytest.mark.parametrize("damage", INDEX_DAMAGE)
def test_a_damaged_index_is_brought_up_from_the_journal(root: Path, damage: str) -> None:
    INDEX_DAMAGE[damage](root)
    assert whole(Ledger.open(root))


JOURNAL_DAMAGE: dict[str, Callable[[Path], None]] = {
    "cut to half": lambda path: cut(path, 0.5),
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: cut(path, 0),
    "last entry flipped": lambda path: path.write_bytes(path.read_bytes()[:-9] + b"x" + path.read_bytes()[-8:]),
    "old copy": lambda path: path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:40])),
}


@pytest.mark.parametrize("damage", JOURNAL_DAMAGE)
def test_a_damaged_journal_stops_the_writer_and_is_rebuilt_from_its_index(root: Path, damage: str) -> None:
    JOURNAL_DAMAGE[damage](root / "journal.jsonl")
    with pytest.raises(LcspecError) as caught:
        Ledger.open(root)
    assert (caught.value.exit_code, caught.value.diagnostics[0].code) == (7, "LC1120")
    assert "--rebuild" in (caught.value.diagnostics[0].help or "")
    assert rebuild(root).lost == 0
    assert whole(Ledger.open(root))


def test_damage_of_both_keeps_every_entry_that_one_of_them_holds(root: Path) -> None:
    scribble(root / "journal.jsonl")
    Ledger.open(root).close()
    cut(root / "ledger.db", 0.3)
    made = rebuild(root)
    assert made.entries > 4 * RUNS - 20
    assert whole(Ledger.open(root))


def test_with_both_gone_the_records_give_back_attempts_and_looks(root: Path) -> None:
    for path in (*root.glob("ledger.db*"), *root.glob("journal*")):
        path.unlink()
    assert rebuild(root).adopted == RUNS
    assert whole(Ledger.open(root))


def test_a_torn_last_line_is_cut_off_by_the_next_entry(root: Path) -> None:
    before = (root / "journal.jsonl").read_bytes()
    (root / "journal.jsonl").write_bytes(before + b'{"sha256": "12')
    ledger = Ledger.open(root)
    ledger.start_run("spec", "digest", [])
    after = (root / "journal.jsonl").read_bytes()
    assert after.startswith(before)
    assert len(after.splitlines()) == len(before.splitlines()) + 1
    assert [entry.seq for entry in Journal(root).entries()] == list(range(1, 4 * RUNS + 2))


def test_a_flipped_bit_in_any_line_breaks_the_chain(root: Path) -> None:
    lines = (root / "journal.jsonl").read_bytes().splitlines(keepends=True)
    for place in range(0, len(lines), 7):
        flipped = bytearray(lines[place])
        flipped[len(flipped) // 2] ^= 4
        (root / "journal.jsonl").write_bytes(b"".join([*lines[:place], bytes(flipped), *lines[place + 1 :]]))
        with pytest.raises(LcspecError, match=f"line {place + 1} "):
            list(Journal(root).entries())


@pytest.mark.parametrize("change", ["drop", "swap", "repeat"])
def test_whole_lines_that_are_moved_break_the_chain(root: Path, change: str) -> None:
    lines = (root / "journal.jsonl").read_bytes().splitlines(keepends=True)
    moved = {"drop": lines[:5] + lines[6:], "swap": [*lines[:5], lines[6], lines[5], *lines[7:]]}
    (root / "journal.jsonl").write_bytes(b"".join(moved.get(change, [*lines[:5], lines[4], *lines[5:]])))
    with pytest.raises(LcspecError, match="line 6 "):
        list(Journal(root).entries())


def test_entries_longer_than_the_window_are_found_again(tmp_path: Path) -> None:
    Store.open(tmp_path)
    journal = Journal(tmp_path)
    journal.append("long", {"text": "x" * 300_000})
    assert journal.head().seq == 1
    assert journal.append("short", {}).prev == next(journal.entries()).sha256


def test_reading_writes_nothing_beside_the_ledger(tmp_path: Path) -> None:
    Store.open(tmp_path)
    ledger = Ledger.open(tmp_path)
    ledger.start_run("spec", "d", [])
    ledger.close()
    before = sorted(path.name for path in tmp_path.iterdir())
    assert (Ledger.peek(tmp_path).last_run("spec") or {})["id"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    (tmp_path / "ledger.db").write_text("no database")
    assert Ledger.peek(tmp_path).last_run("spec") is None
