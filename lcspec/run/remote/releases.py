"""Releases in a remote store: two logs that only grow, by spec.

    releases/NAME/000001.json    manifests          promotions/NAME/000001.json    the champions after one change

An entry is created if there is none, so that of two machines one gets the number, and the other one looks again. What
this machine made or served is copied into `cache/`: `gc` keeps it, `report` finds it, `serve` goes on without network.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcspec.canon import pretty
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.project import write_atomic
from lcspec.run.release import RELEASE_FORMAT, copies_folder
from lcspec.run.remote.objects import Absent, Unanswered
from lcspec.run.remote.remote import Remote, unanswered
from lcspec.run.store.seal import seal, unseal

RELEASES, PROMOTIONS = "releases", "promotions"


def entry_name(log: str, spec: str, number: int) -> str:
    """The object of one entry of a log."""
    return f"{log}/{spec}/{number:06d}.json"


class RemoteShelf:
    """The releases of one spec in a remote store; `store` is the local one, for copies."""

    def __init__(self, remote: Remote, store: Path, name: str) -> None:
        self.name, self._remote, self._copies = name, remote, copies_folder(store, name)

    def manifests(self) -> list[dict[str, Any]]:
        """All release manifests, oldest first."""
        try:
            self._remote.check_format()
            names = self._listed(RELEASES)
            found = self._remote.objects.read_many(names)
        except Unanswered as error:
            raise unanswered(self._remote.url, error) from None
        return [self._read(name, found[name]) for name in names if name in found]

    def add(self, number: int, manifest: Mapping[str, Any]) -> bool:
        """Creates the entry of `number`; everything that it names was uploaded before."""
        text = seal(pretty(manifest).encode())
        try:
            made = self._remote.objects.create(entry_name(RELEASES, self.name, number), text)
        except Unanswered as error:
            raise unanswered(self._remote.url, error) from None
        return made

    def promotions(self) -> list[int]:
        """The champions so far."""
        try:
            self._remote.check_format()
            names = self._listed(PROMOTIONS)
            return list(self._last(names))
        except Unanswered as error:
            raise unanswered(self._remote.url, error) from None

    def promoted(self, before: list[int], after: list[int]) -> bool:
        """Creates the next entry; another machine that does so, too, has seen other champions."""
        self._remote.prepare()
        text = seal(pretty({"format_version": RELEASE_FORMAT, "promoted": after}).encode())
        try:
            names = self._listed(PROMOTIONS)
            if self._last(names) != before:
                return False
            number = int(Path(names[-1]).stem) + 1 if names else 1
            return self._remote.objects.create(entry_name(PROMOTIONS, self.name, number), text)
        except Unanswered as error:
            raise unanswered(self._remote.url, error) from None

    def copy(self, manifest: Mapping[str, Any]) -> None:
        """Notes here that this machine has a release, with what it is made of."""
        self._copies.mkdir(parents=True, exist_ok=True)
        write_atomic(self._copies / f"{manifest['number']}.json", seal(pretty(manifest).encode()).decode())

    def _listed(self, log: str) -> list[str]:
        return sorted(name for name in self._remote.objects.listed(f"{log}/{self.name}") if _numbered(name))

    def _last(self, names: list[str]) -> list[int]:
        if not names:
            return []
        try:
            return list(self._read(names[-1], self._remote.objects.read(names[-1]))["promoted"])
        except Absent as error:
            raise Unanswered(f"`{names[-1]}` is gone: {error}") from None

    def _read(self, name: str, data: bytes) -> dict[str, Any]:
        try:
            return unseal(data)
        except ValueError as error:
            message = f"`{name}` in `{self._remote.url}` cannot be used: {error}"
            help = "`lcspec verify --store URL --repair` sets it aside"
            raise LcspecError([Diagnostic("LC1127", message, help=help)], 7) from None


def _numbered(name: str) -> bool:
    return name.endswith(".json") and Path(name).stem.isdecimal()
