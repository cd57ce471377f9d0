"""A machine with a local store, and a remote store behind it: what an apply does with both, without its steps."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from lcspec.ir.plan import PlannedStep, Step
from lcspec.ir.record import StepRecord
from lcspec.run.behind import News
from lcspec.run.ledger import Ledger
from lcspec.run.rebuild import adopted_entry
from lcspec.run.remote.behind import RemoteBehind
from lcspec.run.remote.chosen import open_remote
from lcspec.run.store import Records, Store


def key(number: int) -> str:
    return f"{number:064x}"


def planned(number: int, action: str = "run", *, measured: bool = False) -> PlannedStep:
    step = Step(f"step:{number}", "k.k", "a", 1, {}, measured=measured)
    return PlannedStep(step, action, "", key(number), step.estimate)


class Machine:
    """One machine, for as long as one apply; `again` is its next one."""

    def __init__(self, root: Path, url: str, *, attached: bool = True) -> None:
        self.root, self.url = root, url
        self.store = Store.open(root)
        self.remote = open_remote(url, root)
        self.behind = RemoteBehind(self.remote)
        self.records = self.behind.over(Records(root))
        if attached:
            self.behind.attach(self.store)

    def again(self, *, attached: bool = True) -> "Machine":
        return Machine(self.root, self.url, attached=attached)

    def publish(self, number: int, content: str = "", name: str = "file.txt") -> StepRecord:
        """What a finished step does to the local store."""
        folder = self.store.work(f"{number}-{time.monotonic_ns()}")
        folder.mkdir(parents=True)
        (folder / name).write_text(content or f"content of {number}")
        (folder / "model.bin").write_bytes(bytes([number % 256]) * 300_000)
        record = StepRecord(key(number), f"step:{number}", "k/a", {}, {}, {"n": number})
        made = self.store.publish(record, {"out": folder})
        with closing(Ledger.open(self.root)) as ledger:
            ledger.append("adopted", {"records": [adopted_entry(self.store, made)]})
        return made

    def finish(self, number: int, content: str = "", *, measured: bool = False) -> News:
        """A step finishes, and its result is pushed."""
        record = self.publish(number, content)
        self.behind.take(planned(number, measured=measured), record)
        return self.settle()

    def settle(self) -> News:
        """What the carriers have done when they are at rest."""
        news, deadline = News(), time.monotonic() + 60
        while self.behind.busy():
            assert time.monotonic() < deadline
            time.sleep(0.002)
            self._hear(news)
        self._hear(news)
        return news

    def _hear(self, news: News) -> None:
        more = self.behind.news()
        news.told += more.told
        news.warnings += more.warnings
        news.adopted += more.adopted
        news.plan_anew |= more.plan_anew
        for record in more.adopted:
            with closing(Ledger.open(self.root)) as ledger:
                ledger.append("adopted", {"records": [adopted_entry(self.store, record)]})

    def need(self, number: int) -> News:
        """A step needs the result of another one."""
        self.behind.ready(self.records[key(number)].outputs.values())
        return self.settle()

    def here(self) -> list[str]:
        """Keys of the local records."""
        return sorted(Records(self.root))


Named = Callable[[str], Machine]


def file_of(machine: Machine, number: int, name: str = "file.txt") -> str:
    """The digest of a file of a local result."""
    return str(machine.store.tree(machine.store.records[key(number)].outputs["out"])[name]["blake3"])
