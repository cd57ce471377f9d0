"""gc removes what nothing reaches, and nothing else."""

import os
import time
from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.ir.record import StepRecord
from lcspec.run.garbage import Collected, Keep
from lcspec.run.gc import collect
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.release import Releases
from lcspec.run.store import Store
from tests.faults.store_ok import assert_store_ok

OLD = "2020-01-01T00:00:00+00:00"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four steps, each made by a run of its own."""
    store, ledger = Store.open(tmp_path), Ledger.open(tmp_path)
    for number in range(4):
        publish(store, ledger, number)
    ledger.close()
    return tmp_path


def publish(store: Store, ledger: Ledger, number: int, finished: str = OLD) -> StepRecord:
    run = ledger.start_run("spec", "d", [])
    folder = store.work(key(number))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own.txt").write_text(f"step {number}")
    (folder / "shared.txt").write_text("shared")
    record = store.publish(StepRecord(key(number), f"step:{number}", "k/a", {}, {}, finished=finished), {"out": folder})
    ledger.attempt(run, step=record.step, kind="k", key=record.key, status="ok", seconds=1, peak=1, record=record)
    folder.rmdir()
    return record


def key(number: int) -> str:
    return f"{number:064x}"


def keep(*numbers: int, runs: int = 0, age: float = 0.0) -> Keep:
    return Keep(frozenset(map(key, numbers)), frozenset(), runs, age)


def left(root: Path) -> list[int]:
    return sorted(int(one, 16) for one in Store.peek(root).records)


def counts(done: Collected) -> dict[str, int]:
    return {name: count for name, (count, _) in done.categories().items() if count}


def test_by_default_gc_only_says_what_it_would_free(root: Path) -> None:
    done = collect(root, keep(0, 1), remove=False)
    assert counts(done) == {"records": 2, "blobs": 4}
    assert done.free > 0
    assert left(root) == [0, 1, 2, 3]


def test_what_nothing_needs_goes_and_shared_files_stay(root: Path) -> None:
    before = collect(root, keep(0, 1), remove=False)
    assert collect(root, keep(0, 1), remove=True).items == before.items
    assert left(root) == [0, 1]
    assert_store_ok(root)
    assert collect(root, keep(0, 1), remove=False).items == ()


def test_the_latest_runs_of_a_spec_keep_what_they_made(root: Path) -> None:
    collect(root, keep(runs=2), remove=True)
    assert left(root) == [2, 3]


def test_the_young_and_those_from_the_future_stay(root: Path) -> None:
    store, ledger = Store.open(root), Ledger.open(root)
    publish(store, ledger, 8, time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()))
    publish(store, ledger, 9, "2999-01-01T00:00:00+00:00")
    ledger.close()
    done = collect(root, keep(age=3600.0), remove=True)
    assert (left(root), done.kept["young"]) == ([8, 9], 2)
    assert_store_ok(root)


def test_a_release_keeps_its_files_when_its_records_are_gone(root: Path) -> None:
    store = Store.peek(root)
    tree = store.records[key(3)].outputs["out"]
    Releases.local(root, "spec").make(
        candidate="c", parts={"model": tree}, evidence={}, verdicts=[], spec_sha256="", lock_sha256="", looks=0
    )
    collect(root, keep(), remove=True)
    assert left(root) == []
    store.verify_tree(tree)
    assert_store_ok(root)


def test_beside_an_apply_no_record_goes(root: Path) -> None:
    with StoreLock.acquire(root):
        done = collect(root, keep(), remove=True)
    assert (done.running, left(root)) == (True, [0, 1, 2, 3])


def test_without_a_plan_of_every_spec_no_record_goes(root: Path) -> None:
    collect(root, Keep(frozenset(), None, 0, 0.0), remove=True)
    assert left(root) == [0, 1, 2, 3]


def test_leftovers_go_but_not_those_of_the_living(root: Path) -> None:
    (root / "tmp" / "999999999-ab").write_text("dead")
    (root / "tmp" / f"{os.getpid()}-ab").write_text("alive")
    (root / "work" / key(77)).mkdir()
    (root / "work" / key(1)).mkdir()
    done = collect(root, keep(0, 1, 2, 3), remove=True)
    assert counts(done) == {"work": 1, "unfinished": 1}
    assert [path.name for path in (root / "tmp").iterdir()] == [f"{os.getpid()}-ab"]
    assert [path.name for path in (root / "work").iterdir()] == [key(1)]


def test_a_damaged_list_of_files_stops_gc(root: Path) -> None:
    store = Store.peek(root)
    store.blob(store.records[key(0)].outputs["out"]).unlink()
    with pytest.raises(LcspecError) as caught:
        collect(root, keep(0), remove=True)
    assert caught.value.exit_code == 7
    assert left(root) == [0, 1, 2, 3]
