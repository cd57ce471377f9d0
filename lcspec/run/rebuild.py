"""Makes the ledger anew: the journal from what it and its index still hold, then what the records know beyond that."""

import os
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from lcspec.ir.record import StepRecord
from lcspec.run.journal import START, Entry, Head, Journal, make_entry, parse_entry
from lcspec.run.ledger import Ledger
from lcspec.run.looks import look_of
from lcspec.run.store import Damaged, Store
from lcspec.run.store.files import flocked, replace_file
from lcspec.run.store.records import record_seal


class Rebuilt(NamedTuple):
    """What a rebuild came to: entries that stand, those that neither file held any more, records taken in anew."""

    entries: int
    lost: int
    adopted: int


def rebuild(root: Path) -> Rebuilt:
    """Makes journal and index anew; the holder of the store's lock calls it. Nothing that either holds is lost."""
    journal, chain = Journal(root), salvage(root)
    lost = (chain[-1].seq if chain else 0) - len(chain)
    if not _linked(chain):
        chain = _relink(chain, lost)
    with flocked(journal.path.with_name("journal.lock")):
        text = "".join(entry.line + "\n" for entry in chain).encode("utf-8", "surrogateescape")
        replace_file(journal.path, text, root / "tmp" / f"{os.getpid()}-{os.urandom(6).hex()}")
    with closing(Ledger.rebuilt(root)) as ledger:
        store = Store.peek(root)
        adopted = _adopt(store, ledger)
        store.heads.write(ledger.heads())
    return Rebuilt(len(chain), lost, adopted)


def salvage(root: Path) -> list[Entry]:
    """Every entry that the journal or its index still holds, in order."""
    return _merge(_intact(Journal(root).lines()), _intact(_indexed_lines(root)))


def _intact(lines: Iterable[str]) -> dict[int, Entry]:
    found: dict[int, Entry] = {}
    for line in lines:
        try:
            entry = parse_entry(line)
        except ValueError:
            continue
        found.setdefault(entry.seq, entry)
    return found


def _indexed_lines(root: Path) -> Iterable[str]:
    """The lines that the index holds, as far as it can be read."""
    import sqlite3

    try:
        with closing(sqlite3.connect(f"file:{root / 'ledger.db'}?mode=ro", uri=True)) as database:
            for (line,) in database.execute("select line from entries order by seq"):
                yield line
    except sqlite3.DatabaseError:
        return


def _merge(journal: Mapping[int, Entry], index: Mapping[int, Entry]) -> list[Entry]:
    """Every entry that one of them holds; where they differ, the one that follows the entry before it."""
    chain: list[Entry] = []
    for seq in sorted(journal.keys() | index.keys()):
        options = [side[seq] for side in (journal, index) if seq in side]
        head = chain[-1].sha256 if chain else START
        chain.append(next((entry for entry in options if entry.prev == head), options[0]))
    return chain


def _linked(chain: list[Entry]) -> bool:
    heads = [Head(0, START), *(Head(entry.seq, entry.sha256) for entry in chain)]
    return all((e.seq, e.prev) == (h.seq + 1, h.sha256) for h, e in zip(heads, chain, strict=False))


def _relink(chain: list[Entry], lost: int) -> list[Entry]:
    """The same entries under new numbers and digests, and a last one that says how many are gone."""
    made: list[Entry] = []
    head = Head(0, START)
    for entry in chain:
        made.append(make_entry(head, entry.event, entry.data, entry.at))
        head = Head(made[-1].seq, made[-1].sha256)
    made.append(make_entry(head, "rebuilt", {"lost": lost}))
    return made


def _adopt(store: Store, ledger: Ledger) -> int:
    """Takes complete records in that the ledger does not know, with the attempt and the look they stand for."""
    known = ledger.recorded()
    new = [store.records[key] for key in store.records if key not in known and key in store.records]
    new = [record for record in new if store.complete(record)]
    if new:
        ledger.append("adopted", {"records": [adopted_entry(store, record) for record in new]})
    return len(new)


def adopted_entry(store: Store, record: StepRecord) -> dict[str, Any]:
    """What the ledger is told of a record that no run of this store has made."""
    look = look_of(record.step)
    try:
        disk = store.size(record)
    except Damaged:
        disk = 0
    return {
        "key": record.key,
        "step": record.step,
        "kind": record.kind.partition("/")[0],
        "sha256": record_seal(record),
        "seconds": record.measured.get("seconds", 0.0),
        "peak": record.measured.get("peak_rss_bytes", 0),
        "disk": disk,
        "finished": record.finished,
        "look": look._asdict() if look else None,
    }
