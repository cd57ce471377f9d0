"""Releases: weights, prompt, index, guardrails, evidence and generated code as one unit, promoted and rolled back."""

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lcspec.canon import digest, pretty
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.project import write_atomic
from lcspec.run.ledger import Ledger
from lcspec.run.store.seal import seal, seal_of, unseal

RELEASE_FORMAT = 1


class Releases:
    """The releases of one spec, by its name: specs that share a store number theirs apart."""

    def __init__(self, store: Path, name: str) -> None:
        self.store, self.name, self.folder = store, name, store / "releases" / name

    def all(self) -> list[dict[str, Any]]:
        """All release manifests, oldest first."""
        paths = self.folder.glob("[0-9]*.json")
        found = [_read(path) for path in paths]
        return sorted(found, key=lambda manifest: int(manifest["number"]))

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
        history = self._promotions()
        return int(history[-1]) if history else None

    def promote(self, number: int) -> None:
        """Makes `number` the champion."""
        self._write_promotions([*self._promotions(), number])

    def rollback(self) -> int | None:
        """Makes the champion before the present one the champion again; its number, or None when there is none."""
        history = self._promotions()
        if len(history) < 2:
            return None
        self._write_promotions(history[:-1])
        return int(history[-2])

    def _promotions(self) -> list[int]:
        path = self.folder / "promoted.json"
        return list(_read(path)["promoted"]) if path.exists() else []

    def _write_promotions(self, history: list[int]) -> None:
        self._write("promoted.json", {"format_version": RELEASE_FORMAT, "promoted": history})

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes a sealed file and tells the ledger that it should be there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with closing(Ledger.open(self.store)) as ledger:
            text = seal(pretty(content).encode())
            write_atomic(self.folder / name, text.decode())
            ledger.append("file", {"name": f"releases/{self.name}/{name}", "sha256": seal_of(text)})

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
        self._write(f"{number}.json", manifest)
        return manifest, True


def read_manifest(path: Path) -> dict[str, Any]:
    """What a file of a release says.

    Raises:
        ValueError: it is not what was written.
    """
    data = path.read_bytes()
    if path.name == "promoted.json" and data.startswith(b"["):  # of a store of format 1
        return {"promoted": json.loads(data)}
    return unseal(data)


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_manifest(path)
    except (OSError, ValueError) as error:
        message = f"`releases/{path.parent.name}/{path.name}` cannot be used: {error}"
        help = "`lcspec verify --repair` sets it aside; then `lcspec apply` makes the release again"
        raise LcspecError([Diagnostic("LC1104", message, help=help)], 7) from None
