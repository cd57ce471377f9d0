"""Confined functions for tests: a project and a store that they must not see, and what a function made of it."""

from pathlib import Path
from typing import Any

import pytest

from lcspec.confine import landlock
from lcspec.confine.process import Confined, Dead

LEVELS = ("bubblewrap", "landlock", "audit-hook")


def _available(level: str) -> bool:
    if level == "bubblewrap":
        try:
            Confined([Path("/nonexistent")], 1 << 30, [level]).end()
        except Dead:
            return False
    return level != "landlock" or landlock.abi() >= landlock.LEAST


def levels(*wanted: str) -> list[Any]:
    """Parameters; what cannot be had here is skipped aloud."""
    made = []
    for level in wanted or LEVELS:
        reason = f"LOUD: no {level} here, and what it promises goes untested"
        made.append(pytest.param(level, marks=[] if _available(level) else pytest.mark.skip(reason=reason)))
    return made


class Box:
    """A project with a store, a home with a key, and one function after the other in a confined process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project, self.store, self.home = folder / "project", folder / "store", folder / "home"
        for path, text in (
            (self.project / "spec.yaml", "lcspec: 1"),
            (self.project / "helper.py", "VALUE = 1"),
            (self.store / "blobs" / "00" / "00ff", "blob"),
            (self.home / ".ssh" / "id_ed25519", "key"),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.opened: list[Confined] = []

    def start(self, level: str, code: str, *, memory: int = 2 << 30) -> Confined:
        child = Confined([self.project, self.store], memory, [level])
        self.opened.append(child)
        text = PRELUDE.format(box=str(self.folder)) + code
        told = {"text": text, "path": "m.py", "function": "f", "module": "m", "seed": 7}
        loaded = child.ask(told, 60)
        assert loaded == {"loaded": True}, loaded
        return child

    def ask(self, level: str, code: str, row: Any = None, *, seconds: float = 30.0, memory: int = 2 << 30) -> Any:
        """What `f` came to: its value, or what it raised."""
        child = self.start(level, code, memory=memory)
        answer = child.ask([row], seconds)
        return answer["raised"] if isinstance(answer, dict) else answer[0]

    def files(self) -> dict[str, tuple[str, int]]:
        """All files and their modes: what a write would change."""
        return {str(one): (one.read_text(), one.stat().st_mode) for one in self.folder.rglob("*") if one.is_file()}


PRELUDE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
BOX = {box!r}
def tried(result):
    if result < 0:
        raise PermissionError(os.strerror(ctypes.get_errno()))
    return result
"""
