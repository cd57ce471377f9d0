"""Releases: weights, prompt, index, guardrails, evidence and generated code as one unit, promoted and rolled back."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lcspec.canon import digest, pretty
from lcspec.project import write_atomic

RELEASE_FORMAT = 1


class Releases:
    """The releases of one spec, by its name: specs that share a store number theirs apart."""

    def __init__(self, store: Path, name: str) -> None:
        self.name, self.folder = name, store / "releases" / name

    def all(self) -> list[dict[str, Any]]:
        """All release manifests, oldest first."""
        paths = self.folder.glob("[0-9]*.json")
        found: list[dict[str, Any]] = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
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
        try:
            return list(json.loads((self.folder / "promoted.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return []

    def _write_promotions(self, history: list[int]) -> None:
        write_atomic(self.folder / "promoted.json", json.dumps(history) + "\n")

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
        write_atomic(self.folder / f"{number}.json", pretty(manifest))
        return manifest, True
