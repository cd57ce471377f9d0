"""Faults of the disk and kills at every point of a publish: nothing partial is seen, and doing it again converges."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.ir.record import StepRecord
from lcspec.run.ledger import Ledger
from lcspec.run.store import Store, unwritable
from lcspec.run.verify import verify
from tests.faults.machine import end, key, publish, start
from tests.faults.store_ok import assert_store_ok

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="LOUD: not root, so no file system can be mounted")


def outputs(root: Path) -> dict[str, dict[str, str]]:
    records = Store.peek(root).records
    return {one: dict(records[one].outputs) for one in records}


@pytest.mark.slow
def test_killed_at_every_point_of_a_publish_nothing_partial_is_seen(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Blobs, lists of files, record, heads, journal and index: every point of each."""
    whole = tmp_path / "whole"
    Store.open(whole)
    end(start(lambda: publish(whole, 1)))
    for at in range(1, 100):
        root = tmp_path / str(at)
        Store.open(root)
        killed = not end(start(lambda root=root: publish(root, 1), at), may_be_killed=True)
        assert verify(root).findings == []
        end(start(lambda root=root: publish(root, 1)))
        assert outputs(root) == outputs(whole)
        assert Ledger.open(root).recorded().keys() == {key(1)}
        assert_store_ok(root)
        shutil.rmtree(root)
        if not killed:
            break
    assert at > 25
    record_property("injected", at - 1)


def test_an_acknowledged_publish_survives_a_kill(tmp_path: Path) -> None:
    Store.open(tmp_path)

    def publish_and_die() -> None:
        publish(tmp_path, 1)
        os.kill(os.getpid(), signal.SIGKILL)

    end(start(publish_and_die), may_be_killed=True)
    assert list(Store.peek(tmp_path).records) == [key(1)]
    assert_store_ok(tmp_path)


def refused(work: Callable[[], object]) -> None:
    """The work ends with the diagnostic of a store that cannot be written, exit code 7."""
    with pytest.raises((LcspecError, OSError)) as caught:
        work()
    told = caught.value if isinstance(caught.value, LcspecError) else unwritable(Path("s"), caught.value)
    assert (told.exit_code, told.diagnostics[0].code) == (7, "LC1123")


@pytest.mark.parametrize("limit", [0, 1, 40, 200, 1000, 30_000])
def test_a_limit_on_the_size_of_files_stops_a_publish_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    root = tmp_path / "s"
    Store.open(root)
    publish(root, 1)

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if limit < 1000:
            refused(lambda: publish(root, 2))
        else:
            publish_or_refuse(root, 2)

    end(start(limited))
    assert verify(root).findings == []
    publish(root, 2)
    assert_store_ok(root)
    assert sorted(outputs(root)) == [key(1), key(2)]


def publish_or_refuse(root: Path, number: int) -> None:
    try:
        publish(root, number)
    except (LcspecError, OSError):
        refused(lambda: publish(root, number))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=False).returncode:
        pytest.skip("LOUD: this machine does not let root mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@ROOT_ONLY
@pytest.mark.parametrize("free", [0, 4096, 8192, 16384, 65536])
def test_on_a_full_disk_nothing_partial_is_seen_and_with_space_it_goes_on(small_disk: Path, free: int) -> None:
    root = small_disk / "s"
    Store.open(root)
    publish(root, 1)
    fill = small_disk / "fill"
    space = os.statvfs(small_disk)
    fill.write_bytes(bytes(max(0, space.f_bavail * space.f_bsize - free)))
    end(start(lambda: publish_or_refuse(root, 2)))
    assert verify(root).findings == []
    fill.unlink()
    publish(root, 2)
    assert_store_ok(root)
    assert sorted(outputs(root)) == [key(1), key(2)]


@ROOT_ONLY
def test_a_read_only_store_can_be_read_and_verified_and_says_why_it_cannot_be_written(small_disk: Path) -> None:
    root = small_disk / "s"
    Store.open(root)
    publish(root, 1)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(LcspecError, match="Read-only") as caught:
        Store.open(root)
    assert (caught.value.exit_code, caught.value.diagnostics[0].code) == (7, "LC1123")
    assert_store_ok(root)
    assert list(Store.peek(root).records) == [key(1)]
    assert len(Ledger.peek(root).taken("step:1", "k", 9)) == 1
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    publish(root, 2)
    assert_store_ok(root)


@pytest.mark.parametrize("finished", ["1970-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"])
def test_a_wrong_clock_moves_no_key_and_no_digest(tmp_path: Path, finished: str) -> None:
    store = Store.open(tmp_path)
    made = []
    for when in (finished, "2026-01-01T00:00:00+00:00"):
        folder = store.work("x")
        folder.mkdir(exist_ok=True)
        (folder / "file.txt").write_text("same")
        made.append(store.publish(StepRecord(key(1), "step:1", "k/a", {}, {}, finished=when), {"out": folder}))
    assert made[0] == made[1]
    assert_store_ok(tmp_path)


@pytest.mark.slow
def test_first_publishers_at_the_same_time_lose_no_entry(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("injected", 15)
    for attempt in range(15):
        root = tmp_path / str(attempt)
        Store.open(root)
        for pid in [start(lambda number=number, root=root: publish(root, number)) for number in range(4)]:
            end(pid)
        assert_store_ok(root)
        assert len(Ledger.open(root).recorded()) == 4


@pytest.mark.parametrize("fault", ["row", "page"])
def test_killed_after_the_index_was_made_anew_nothing_of_it_is_lost(tmp_path: Path, fault: str) -> None:
    """The new index has a log of its own, and whoever still holds the damaged one does not take it away."""
    Store.open(tmp_path)
    for number in range(3):
        publish(tmp_path, number)
    damage_index(tmp_path, fault)

    def publish_and_die() -> None:
        publish(tmp_path, 4, close=False)
        os.kill(os.getpid(), signal.SIGKILL)

    end(start(publish_and_die), may_be_killed=True)
    assert_store_ok(tmp_path)
    assert len(Ledger.open(tmp_path).recorded()) == 4


def damage_index(root: Path, fault: str) -> None:
    if fault == "page":
        with (root / "ledger.db").open("r+b") as file:
            file.truncate(file.seek(0, os.SEEK_END) // 2)
        return
    with closing(sqlite3.connect(root / "ledger.db")) as database:
        database.execute("update entries set sha256='0' where seq=3")
        database.commit()
