"""Publish, kill, corrupt, gc, verify, publish beside gc, clock jumps: in any order nothing live is lost.

The model is a few sets: numbers that were published and acknowledged, and numbers that specs need. Every operation runs
in a forked process, so that a kill is a kill.

    python -m tests.faults.machine EXAMPLES STEPS [--derandomize]

runs it in a process that is small, because every operation forks it.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lcspec.ir.record import StepRecord
from lcspec.run.findings import Report
from lcspec.run.garbage import Keep
from lcspec.run.gc import collect
from lcspec.run.ledger import Ledger
from lcspec.run.ledger_check import check_ledger
from lcspec.run.lock import StoreLock
from lcspec.run.repair import repair
from lcspec.run.store import Store
from lcspec.run.store.points import KILL_AT, point
from lcspec.run.verify import verify

NUMBERS = st.integers(0, 5)
DAMAGES = ("flip", "cut", "delete")
SHARED = 3  # numbers with the same remainder share a file
_LEFT_OPEN: list[Ledger] = []
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None


def key(number: int) -> str:
    return f"{number:064x}"


def content(number: int) -> str:
    return f"content of {number}"


def publish(root: Path, number: int, *, close: bool = True) -> None:
    """What a step's publisher does; `close` False leaves the ledger open, as a kill does."""
    store = Store.open(root)
    folder = Path(tempfile.mkdtemp(dir=root.parent))  # `work/` belongs to the apply that holds the lock
    (folder / "own.txt").write_text(content(number))
    (folder / "shared.txt").write_text(str(number % SHARED))
    record = store.publish(StepRecord(key(number), f"step:{number}", "k/a", {}, {}, finished=now()), {"out": folder})
    store.heads.set(record.step, record.key)
    ledger = Ledger.open(root)
    ledger.attempt(0, step=record.step, kind="k", key=record.key, status="ok", seconds=1, peak=1, record=record)
    if close:
        ledger.close()
    else:
        _LEFT_OPEN.append(ledger)


def now() -> str:
    """The time to a microsecond: two records of one step are never the same text."""
    return datetime.now(UTC).isoformat()


def start(work: Callable[[], object], kill_at: int | None = None) -> int:
    """Runs `work` in a child that kills itself at a point; its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        point.count = 0
        if kill_at is not None:
            os.environ[KILL_AT] = str(kill_at)
        work()
        code = 0
    finally:
        os._exit(code)


def end(pid: int, *, may_be_killed: bool = False) -> bool:
    """Whether the child finished its work."""
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code == 0 or (may_be_killed and code == -signal.SIGKILL), code
    return code == 0


class StoreMachine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(dir=FAST)) / ".lcspec"
        self.published: set[int] = set()
        self.needed: set[int] = set()
        self.shift = 0.0

    @initialize()
    def open(self) -> None:
        Store.open(self.root)

    @rule(number=NUMBERS)
    def publish_one(self, number: int) -> None:
        end(start(lambda: publish(self.root, number)))
        self.published.add(number)

    @rule(number=NUMBERS, at=st.integers(1, 40))
    def publish_and_kill(self, number: int, at: int) -> None:
        if end(start(lambda: publish(self.root, number), at), may_be_killed=True):
            self.published.add(number)

    @rule(numbers=st.lists(NUMBERS, min_size=2, max_size=4))
    def publish_at_once(self, numbers: list[int]) -> None:
        for pid in [start(lambda number=number: publish(self.root, number)) for number in numbers]:
            end(pid)
        self.published.update(numbers)

    @rule(numbers=st.sets(NUMBERS, max_size=4))
    def edit_specs(self, numbers: set[int]) -> None:
        self.needed = numbers

    def keep(self, age: float) -> Keep:
        keys = frozenset(map(key, self.needed))
        return Keep(keys, frozenset(), 0, age)

    def gc(self, age: float) -> None:
        with mock.patch.object(time, "time", lambda real=time.time: real() + self.shift):
            collect(self.root, self.keep(age), remove=True)

    @rule(age=st.sampled_from([0.0, 86400.0]))
    def gc_all(self, age: float) -> None:
        end(start(lambda: self.gc(age)))
        self.published &= self.needed | self.there()

    @rule(at=st.integers(1, 20))
    def gc_and_kill(self, at: int) -> None:
        end(start(lambda: self.gc(0.0), at), may_be_killed=True)
        self.published &= self.needed | self.there()

    @rule(number=NUMBERS)
    def gc_beside_a_publisher(self, number: int) -> None:
        self.needed.add(number)
        for pid in (start(lambda: publish(self.root, number)), start(lambda: self.gc(0.0))):
            end(pid)
        self.published &= self.needed | self.there()
        self.published.add(number)

    @rule()
    def gc_beside_an_apply(self) -> None:
        before = self.there()
        with StoreLock.acquire(self.root), mock.patch("lcspec.run.lock._GRACE", 0.02):
            end(start(lambda: self.gc(0.0)))
        assert self.there() == before

    @rule(shift=st.sampled_from([-3 * 86400.0, 0.0, 3 * 86400.0]))
    def the_clock_jumps(self, shift: float) -> None:
        self.shift = shift

    @precondition(lambda self: self.published)
    @rule(data=st.data(), how=st.sampled_from(DAMAGES))
    def corrupt_and_repair(self, data: st.DataObject, how: str) -> None:
        found = [path for part in ("store", "records") for path in sorted((self.root / part).rglob("*"))]
        path = data.draw(st.sampled_from([path for path in found if path.is_file()]), label="damaged")
        store, entered = Store.peek(self.root), check_ledger(self.root, Report()).records
        hit = {
            number
            for number in self.there()
            if path.stem == key(number) or path.name in self.blobs(store, store.records[key(number)])
        }
        damage(path, how)
        report = verify(self.root)
        # Nobody can know of what is deleted before it was entered into the ledger: it was never acknowledged.
        untold = how == "delete" and (not hit or (path.suffix == ".json" and path.stem not in entered))
        assert len(report.findings) == (0 if untold else 1)
        assert set(report.rerun) == {f"step:{number}" for number in hit} or path.parent.parent.name == "records"
        self.repair(report)
        self.published -= hit
        assert self.there() >= self.published

    def repair(self, report: Report) -> None:
        with StoreLock.acquire(self.root):
            assert repair(Store.open(self.root), report).findings == []

    @precondition(lambda self: self.published)
    @rule(name=st.sampled_from(["journal.jsonl", "ledger.db", "ledger.db-wal"]), how=st.sampled_from(DAMAGES))
    def corrupt_the_ledger_and_repair(self, name: str, how: str) -> None:
        path = self.root / name
        if not path.exists() or not path.stat().st_size:
            return
        damage(path, how)
        self.repair(verify(self.root))
        assert self.there() >= self.published

    @staticmethod
    def blobs(store: Store, record: StepRecord) -> set[str]:
        tree = record.outputs["out"]
        return {tree, *(entry["blake3"] for entry in store.tree(tree).values())}

    def there(self) -> set[int]:
        return {int(one, 16) for one in Store.peek(self.root).records}

    @invariant()
    def nothing_live_is_lost(self) -> None:
        if not self.root.exists():
            return
        findings = verify(self.root).findings
        assert not findings, findings
        store = Store.peek(self.root)
        assert self.published <= self.there(), (self.published, self.there())
        for number in self.there():
            tree = store.tree(store.records[key(number)].outputs["out"])
            assert store.blob(tree["own.txt"]["blake3"]).read_text() == content(number)
            assert store.blob(tree["shared.txt"]["blake3"]).read_text() == str(number % SHARED)

    def teardown(self) -> None:
        shutil.rmtree(self.root.parent)


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    path.chmod(0o644)
    if how == "delete":
        path.unlink()
    elif how == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])


if __name__ == "__main__":
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=int(sys.argv[1]),
            stateful_step_count=int(sys.argv[2]),
            derandomize="--derandomize" in sys.argv,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
