"""Releases: weights, prompt, index, guardrails, evidence and generated code as one unit, promoted and rolled back."""

from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from lcspec.canon import digest, pretty
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.project import write_atomic
from lcspec.run.ledger import Ledger
from lcspec.run.store.format import check_format
from lcspec.run.store.seal import seal, seal_of, unseal

RELEASE_FORMAT = 1


class Shelf(Protocol):
    """Where the releases of one spec stand: a folder of the local store, or a remote store that machines share."""

    name: str

    def manifests(self) -> list[dict[str, Any]]:
        """All release manifests, oldest first.

        Raises:
            LcspecError: LC1104 one is damaged, LC1126 the place does not answer (exit 7).
        """

    def add(self, number: int, manifest: Mapping[str, Any]) -> bool:
        """Whether the manifest was written: False when `number` is taken, and what stands there stays."""

    def promotions(self) -> list[int]:
        """The champions so far, newest last; a rollback takes the newest away."""

    def copy(self, manifest: Mapping[str, Any]) -> None:
        """Notes here that this machine has all that a release of another place consists of."""

    def promoted(self, before: list[int], after: list[int]) -> bool:
        """Whether the champions are `after` now: False when they were no longer `before`."""


class LocalShelf:
    """`releases/NAME/` of the local store: `N.json` and `promoted.json`, sealed and known to the ledger.

    Raises:
        LcspecError: LC1122 (exit 7), the store is of another format.
    """

    def __init__(self, store: Path, name: str) -> None:
        check_format(store)
        self.store, self.name, self.folder = store, name, store / "releases" / name

    def manifests(self) -> list[dict[str, Any]]:
        """All release manifests, oldest first."""
        found = [_read(path) for path in self.folder.glob("[0-9]*.json")]
        return sorted(found, key=lambda manifest: int(manifest["number"]))

    def add(self, number: int, manifest: Mapping[str, Any]) -> bool:
        """Writes the manifest; only the holder of the store's lock does."""
        if (self.folder / f"{number}.json").exists():
            return False
        self._write(f"{number}.json", manifest)
        return True

    def promotions(self) -> list[int]:
        """The champions so far."""
        path = self.folder / "promoted.json"
        return list(_read(path)["promoted"]) if path.exists() else []

    def copy(self, manifest: Mapping[str, Any]) -> None:
        """Nothing to do: it stands here."""

    def promoted(self, before: list[int], after: list[int]) -> bool:
        """Writes the champions."""
        if self.promotions() != before:
            return False
        self._write("promoted.json", {"format_version": RELEASE_FORMAT, "promoted": after})
        return True

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes a sealed file and tells the ledger that it should be there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with closing(Ledger.open(self.store)) as ledger:
            text = seal(pretty(content).encode())
            write_atomic(self.folder / name, text.decode())
            ledger.append("file", {"name": f"releases/{self.name}/{name}", "sha256": seal_of(text)})


class Releases:
    """The releases of one spec, by its name: specs that share a store number theirs apart."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.name = shelf, shelf.name

    @staticmethod
    def local(store: Path, name: str) -> "Releases":
        """Those of the local store."""
        return Releases(LocalShelf(store, name))

    def all(self) -> list[dict[str, Any]]:
        """All release manifests, oldest first."""
        return self.shelf.manifests()

    def find(self, number: int | None) -> dict[str, Any] | None:
        """The release with `number`; without one the promoted release, else the newest; None when there is none."""
        listed = self.all()
        wanted = number or self.promoted()
        for manifest in listed:
            if manifest["number"] == wanted:
                return manifest
        return listed[-1] if listed and number is None else None

    def promoted(self) -> int | None:
        """The number of the promoted release (the champion), or None."""
        history = self.shelf.promotions()
        return int(history[-1]) if history else None

    def promote(self, number: int) -> None:
        """Makes `number` the champion.

        Raises:
            LcspecError: LC1128 (exit 6), another machine promoted one meanwhile.
        """
        history = self.shelf.promotions()
        self._set(history, [*history, number])

    def rollback(self) -> int | None:
        """Makes the champion before the present one the champion again; its number, or None when there is none.

        Raises:
            LcspecError: LC1128 (exit 6), another machine promoted one meanwhile.
        """
        history = self.shelf.promotions()
        if len(history) < 2:
            return None
        self._set(history, history[:-1])
        return int(history[-2])

    def _set(self, before: list[int], after: list[int]) -> None:
        if not self.shelf.promoted(before, after):
            message = f"another release of `{self.name}` was promoted or rolled back meanwhile"
            help = "nothing was changed; see `lcspec release list`, then decide again"
            raise LcspecError([Diagnostic("LC1128", message, help=help)], 6)

    def champion_facts(self) -> Mapping[str, str] | None:
        """What the compiler is told about the champion: its parts, and `suite.split` to its scored rows."""
        number = self.promoted()
        manifest = self.find(number) if number else None
        return None if manifest is None else {**manifest["parts"], **manifest["evidence"]}

    def make(
        self,
        *,
        candidate: str,
        parts: Mapping[str, str],
        evidence: Mapping[str, str],
        verdicts: list[dict[str, Any]],
        spec_sha256: str,
        lock_sha256: str,
        looks: int,
    ) -> tuple[dict[str, Any], bool]:
        """The release of these parts, and whether it is new: the same parts under the same name are one release."""
        identity = digest({"name": self.name, "parts": dict(parts)})
        while True:  # a number that another machine takes meanwhile is looked at, then the next one is tried
            listed = self.all()
            for manifest in listed:
                if manifest["identity"] == identity:
                    return manifest, False
            number = listed[-1]["number"] + 1 if listed else 1
            manifest = {
                "format_version": RELEASE_FORMAT,
                "number": number,
                "identity": identity,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "name": self.name,
                "candidate": candidate,
                "parts": dict(parts),
                "evidence": dict(evidence),
                "verdicts": verdicts,
                "spec_sha256": spec_sha256,
                "lock_sha256": lock_sha256,
                "looks": looks,
            }
            if self.shelf.add(number, manifest):
                return manifest, True


def copies_folder(store: Path, name: str) -> Path:
    """Where copies of shared releases lie that this machine made or served; disposable."""
    return store / "cache" / "releases" / name


def copies(store: Path, name: str) -> list[dict[str, Any]]:
    """Shared releases that this machine made or served, oldest first; one that cannot be read counts as absent."""
    found = []
    for path in copies_folder(store, name).glob("[0-9]*.json"):
        with suppress(OSError, ValueError):
            found.append(unseal(path.read_bytes()))
    return sorted(found, key=lambda manifest: int(manifest["number"]))


def contents(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The trees that a release consists of and rests on."""
    return (*manifest["parts"].values(), *manifest["evidence"].values())


def names(store: Path) -> list[str]:
    """The specs that have releases here, sorted."""
    folders = [*(store / "releases").glob("*"), *copies_folder(store, "x").parent.glob("*")]
    return sorted({folder.name for folder in folders})


def known(store: Path, name: str) -> list[dict[str, Any]]:
    """All releases that this machine has: its own, then copies of shared ones."""
    return [*Releases.local(store, name).all(), *copies(store, name)]


def read_manifest(path: Path) -> dict[str, Any]:
    """What a file of a release says.

    Raises:
        ValueError: it is not what was written.
    """
    return unseal(path.read_bytes())


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_manifest(path)
    except (OSError, ValueError) as error:
        message = f"`releases/{path.parent.name}/{path.name}` cannot be used: {error}"
        help = "`lcspec verify --repair` sets it aside; then `lcspec apply` makes the release again"
        raise LcspecError([Diagnostic("LC1104", message, help=help)], 7) from None
