"""A remote store behind the local one; see `lcspec/run/behind.py` for what an apply asks of it.

Two threads carry: one brings, one takes away. All else, the ledger above all, is left to the thread of the apply.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.plan import PlannedStep
from lcspec.ir.record import StepRecord
from lcspec.run.behind import News
from lcspec.run.release import Releases
from lcspec.run.remote.lane import Lane
from lcspec.run.remote.objects import Absent, Unanswered
from lcspec.run.remote.push import Pushing, push
from lcspec.run.remote.releases import RemoteShelf
from lcspec.run.remote.remote import Remote, Wrong, unanswered
from lcspec.run.store.blobs import Damaged, entries
from lcspec.run.store.store import Store, unwritable


class Brought(NamedTuple):
    """How bringing a record ended: it is here, or it is damaged there, or it could not be had."""

    record: StepRecord
    damaged: str = ""
    fault: LcspecError | None = None


class Pushed(NamedTuple):
    """How pushing a record ended."""

    warning: Diagnostic | None = None
    fault: LcspecError | None = None


class Shared(NamedTuple):
    """A plan against a remote store: results that are there, reused ones that are there only, and here only.

    `exists` says whether some apply has made the place a store yet.
    """

    url: str
    exists: bool
    results: int
    there_only: int
    here_only: int

    @property
    def words(self) -> str:
        """One line for people."""
        left = f", {self.here_only} here only (the next apply pushes them)" if self.here_only else ""
        if not self.exists:
            return f"{self.url}: no store yet; the next apply makes it one, or says why it cannot{left}"
        return f"{self.url}: {self.results} results; {self.there_only} of this plan are there only{left}"


class RemoteBehind:
    """The remote store behind one local store, for one command."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self._store: Store | None = None
        self._local: Mapping[str, StepRecord] = {}
        self._homes: dict[str, str] = {}  # tree to the key of the remote record that names it
        self._refused: set[str] = set()  # keys whose remote record is damaged
        self._coming: set[str] = set()
        self._faults: dict[str, LcspecError] = {}
        self._bring, self._take = Lane[Brought]("lcspec-bring"), Lane[Pushed]("lcspec-take")
        self._told: list[tuple[str, str]] = []
        self._odd: list[Diagnostic] = []
        self._broken: LcspecError | None = None
        self._unpushed = 0

    # --- planning --------------------------------------------------------------------------------------------------

    def over(self, local: Mapping[str, StepRecord]) -> Mapping[str, StepRecord]:
        """The local records, then the remote ones."""
        self._local = local
        return _Both(local, self)

    def lookup(self, key: str) -> StepRecord | None:
        """The remote record of a key, unless it is damaged.

        Raises:
            LcspecError: LC1126, the place does not answer.
        """
        if key in self._refused or key not in self.remote.keys():  # noqa: SIM118 - a method, not a mapping
            return None
        try:
            record = self.remote.record(key)
        except Unanswered as error:
            raise unanswered(self.remote.url, error) from None
        except (Absent, ValueError) as error:
            self._refused.add(key)
            self._odd.append(_damaged_record(self.remote.url, key, error))
            return None
        self._homes.update(dict.fromkeys(record.outputs.values(), key))
        return record

    def foreign(self, planned: Sequence[PlannedStep]) -> dict[str, str]:
        """Step to key of those that are reused from the remote store."""
        homes = set(self._homes.values())
        reused = {one.step.id: one.key for one in planned if one.action == "reuse" and one.key in homes}
        return {step: key for step, key in reused.items() if key and key not in self._local}

    def shared(self, planned: Sequence[PlannedStep]) -> Shared:
        """What the remote store has of a plan, and what it lacks."""
        listed = self.remote.keys()
        reused = [one for one in planned if one.action == "reuse" and one.key]
        here = [one for one in reused if one.key in self._local]
        lacks = sum(one.key not in listed for one in here)
        return Shared(self.remote.url, not self.remote.is_new, len(listed), len(reused) - len(here), lacks)

    # --- bringing --------------------------------------------------------------------------------------------------

    def lend(self, store: Store) -> None:
        """Lets the local store fetch blobs that it misses."""
        self._store = store
        store.blobs.fetch = self.fetch

    def attach(self, store: Store) -> None:
        """The same, and marks the remote store as one that is written to."""
        self.lend(store)
        self.remote.prepare()

    def fetch(self, digest: str) -> bool:
        """Whether the blob was brought."""
        assert self._store is not None  # noqa: S101
        try:
            self.remote.download(digest, self._store.blobs)
        except (Absent, Wrong, Unanswered):
            return False
        return True

    def have(self, store: Store, tree: str) -> None:
        """Brings what the local store lacks of a tree.

        Raises:
            LcspecError: LC1126 the place does not answer, LC1127 what it has is damaged (exit 7).
        """
        try:
            with store.publishing():
                _have_tree(store, self.remote, tree)
        except Unanswered as error:
            raise unanswered(self.remote.url, error) from None
        except (Absent, Wrong, Damaged) as error:
            message = f"a file of {tree[:12]}… in `{self.remote.url}` is missing or not what it was: {error}"
            help = "`lcspec verify --store` says what else is, and which steps mend it"
            raise LcspecError([Diagnostic("LC1127", message, help=help)], 7) from None

    def ready(self, trees: Iterable[str]) -> bool:
        """Whether these trees are here; else the records that name them are on their way, whole."""
        waiting = False
        for key in {self._homes[tree] for tree in trees if tree in self._homes}:
            if key in self._faults:
                raise self._faults[key]
            if key in self._local:
                continue
            waiting = True
            if key not in self._coming:
                self._coming.add(key)
                self._begin(key)
        return not waiting

    def _begin(self, key: str) -> None:
        store, record = self._store, self.remote.record(key)
        assert store is not None  # noqa: S101
        self._told.append((record.step, f"fetching its result from {self.remote.url}"))
        self._bring.add(lambda: _bring(store, self.remote, record))

    # --- taking ----------------------------------------------------------------------------------------------------

    def offer(self, planned: Sequence[PlannedStep]) -> None:
        """Pushes local results that are not there: of an apply without the remote store, or whose pushes failed."""
        listed = self.remote.keys()
        for one in planned:
            if one.action == "reuse" and one.key and one.key not in listed and one.key in self._local:
                self.take(one, self._local[one.key])

    def take(self, planned: PlannedStep, record: StepRecord) -> None:
        """Pushes a result; after a push that failed, the next apply does it."""
        store = self._store
        assert store is not None  # noqa: S101
        job = Pushing(record, planned.step.measured, record.key in self._refused)
        self._take.add(lambda: self._push(store, job))

    def _push(self, store: Store, job: Pushing) -> Pushed:
        """Pushes a result, unless an earlier one has failed: nobody waits for the same fault twice. In the thread."""
        if self._broken is None:
            done = _push(store, self.remote, job)
            self._broken = done.fault
            return done
        return Pushed(fault=self._broken)

    # --- telling ---------------------------------------------------------------------------------------------------

    def news(self) -> News:
        """What the two threads have done since the last call."""
        news = News(told=self._told, warnings=self._odd)
        self._told, self._odd = [], []
        for one in self._bring.results():
            self._coming.discard(one.record.key)
            if one.fault is not None:
                self._faults[one.record.key] = one.fault
            elif one.damaged:
                self._refused.add(one.record.key)
                news.plan_anew = True
                news.warnings.append(_damaged(self.remote.url, one))
            else:
                news.adopted.append(one.record)
        for done in self._take.results():
            if done.warning is not None:
                news.warnings.append(done.warning)
            self._unpushed += done.fault is not None
        return news

    def releases(self, store: Path, name: str) -> Releases:
        """Those that the machines share."""
        return Releases(RemoteShelf(self.remote, store, name))

    def busy(self) -> bool:
        """Whether something is on its way in either direction."""
        return self._bring.busy() or self._take.busy()

    def left(self) -> Diagnostic | None:
        """The fault that results could not be pushed (LC1126)."""
        if self._broken is None:
            return None
        first = self._broken.diagnostics[0]
        count = f"{self._unpushed} result{'s' if self._unpushed > 1 else ''}"
        message = f"{count} could not be pushed: {first.message}"
        help = "everything that was finished is kept here, and the next apply pushes it"
        return Diagnostic(first.code, message, notes=first.notes, help=help)


class _Both(Mapping[str, StepRecord]):
    """Local records before remote ones."""

    def __init__(self, local: Mapping[str, StepRecord], behind: RemoteBehind) -> None:
        self._local, self._behind = local, behind

    def __getitem__(self, key: str) -> StepRecord:
        found = self._local.get(key) or self._behind.lookup(key)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._local), **dict.fromkeys(self._behind.remote.keys())})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _bring(store: Store, remote: Remote, record: StepRecord) -> Brought:
    """Brings all blobs of a record, then makes it one of the local store."""
    try:
        with store.publishing():
            for tree in record.outputs.values():
                _have_tree(store, remote, tree)
            store.add_record(record)
    except (Absent, Damaged):
        return Brought(record, damaged="a file is missing")
    except Wrong as error:
        return Brought(record, damaged=f"{str(error)[:12]}… is not what its name says")
    except Unanswered as error:
        return Brought(record, fault=unanswered(remote.url, error))
    except OSError as error:
        return Brought(record, fault=unwritable(store.root, error))
    return Brought(record)


def _have_tree(store: Store, remote: Remote, tree: str) -> None:
    _have(store, remote, tree)
    for entry in entries(store.blob(tree).read_bytes(), tree).values():
        _have(store, remote, entry["blake3"])


def _have(store: Store, remote: Remote, digest: str) -> None:
    if not store.blobs.sound(digest):
        remote.download(digest, store.blobs)


def _push(store: Store, remote: Remote, job: Pushing) -> Pushed:
    try:
        return Pushed(push(store, remote, job))
    except Absent as error:  # a bucket that was removed meanwhile
        return Pushed(fault=unanswered(remote.url, Unanswered(str(error))))
    except Unanswered as error:
        return Pushed(fault=unanswered(remote.url, error))
    except OSError as error:
        return Pushed(fault=unwritable(store.root, error))


def _damaged_record(url: str, key: str, error: Exception) -> Diagnostic:
    message = f"the record {key[:12]}… in `{url}` cannot be used: {error or 'it is gone'}"
    help = "the step that needs it runs here, and heals it"
    return Diagnostic("LC1127", message, help=help, severity="warning")


def _damaged(url: str, one: Brought) -> Diagnostic:
    message = f"the result of `{one.record.step}` in `{url}` is damaged ({one.damaged}): the step runs here"
    help = "what it makes is pushed and heals the remote store; `lcspec verify --store` looks for more"
    return Diagnostic("LC1127", message, help=help, severity="warning")
