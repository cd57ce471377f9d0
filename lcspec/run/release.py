"""Releases: weights, prompt, index, guardrails, evidence and generated code as one unit, promoted and rolled back."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lcspec.canon import digest, pretty
from lcspec.project import write_atomic

RELEASE_FORMAT = 1


def releases(store: Path) -> list[dict[str, Any]]:
    """All release manifests, oldest first."""
    found: list[dict[str, Any]] = [
        json.loads(path.read_text(encoding="utf-8")) for path in (store / "releases").glob("[0-9]*.json")
    ]
    return sorted(found, key=lambda manifest: int(manifest["number"]))


def release(store: Path, number: int | None) -> dict[str, Any] | None:
    """The release with `number`; without one the promoted release, else the newest; None when there is none."""
    listed = releases(store)
    wanted = number or promoted(store)
    for manifest in listed:
        if manifest["number"] == wanted:
            return manifest
    return listed[-1] if listed and number is None else None


def promoted(store: Path) -> int | None:
    """The number of the promoted release (the champion), or None."""
    history = _promotions(store)
    return int(history[-1]) if history else None


def promote(store: Path, number: int) -> None:
    """Makes `number` the champion."""
    _write_promotions(store, [*_promotions(store), number])


def rollback(store: Path) -> int | None:
    """Makes the champion before the present one the champion again; its number, or None when there is none."""
    history = _promotions(store)
    if len(history) < 2:
        return None
    _write_promotions(store, history[:-1])
    return int(history[-2])


def _promotions(store: Path) -> list[int]:
    try:
        return list(json.loads((store / "releases" / "promoted.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []


def _write_promotions(store: Path, history: list[int]) -> None:
    write_atomic(store / "releases" / "promoted.json", json.dumps(history) + "\n")


def champion_facts(store: Path) -> Mapping[str, str] | None:
    """What the compiler is told about the champion: its parts, and `suite.split` to its scored rows."""
    number = promoted(store)
    manifest = release(store, number) if number else None
    return None if manifest is None else {**manifest["parts"], **manifest["evidence"]}


def make_release(
    store: Path,
    *,
    name: str,
    candidate: str,
    parts: Mapping[str, str],
    evidence: Mapping[str, str],
    verdicts: list[dict[str, Any]],
    spec_sha256: str,
    lock_sha256: str,
    looks: int,
) -> tuple[dict[str, Any], bool]:
    """The release of these parts, and whether it is new: the same parts under the same name are one release."""
    identity = digest({"name": name, "parts": dict(parts)})
    listed = releases(store)
    for manifest in listed:
        if manifest["identity"] == identity:
            return manifest, False
    number = listed[-1]["number"] + 1 if listed else 1
    manifest = {
        "format_version": RELEASE_FORMAT,
        "number": number,
        "identity": identity,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "name": name,
        "candidate": candidate,
        "parts": dict(parts),
        "evidence": dict(evidence),
        "verdicts": verdicts,
        "spec_sha256": spec_sha256,
        "lock_sha256": lock_sha256,
        "looks": looks,
    }
    write_atomic(store / "releases" / f"{number}.json", pretty(manifest))
    return manifest, True
