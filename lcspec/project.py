"""Where things lie, what the files say, and the facts that the compiler is told. Reads only."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.source import SourceFile
from lcspec.lock import Lock, parse_lock

STORE = ".lcspec"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Project:
    """The paths of one spec: computed, never created here."""

    spec: Path

    @cached_property
    def folder(self) -> Path:
        """The folder of the spec: what paths in it are relative to."""
        return self.spec.resolve().parent

    @cached_property
    def root(self) -> Path:
        """The nearest parent with `lcspec.toml` or `.git`, else the folder of the spec."""
        for parent in (self.folder, *self.folder.parents):
            if (parent / "lcspec.toml").exists() or (parent / ".git").exists():
                return parent
        return self.folder

    @property
    def store(self) -> Path:
        """Store, records, work and releases."""
        return self.root / STORE

    @property
    def lock(self) -> Path:
        """The lock beside the spec: `quickstart.yaml` -> `quickstart.lock.json`."""
        return self.spec.with_name(f"{self.spec.stem}.lock.json")

    def probed(self) -> list[Path]:
        """Paths whose coming or going changes what a command says, even where none of them was ever opened."""
        marks = [folder / name for folder in (self.folder, *self.folder.parents) for name in ("lcspec.toml", ".git")]
        state = [self.store / name for name in ("records", "releases", "heads.jsonl", "ledger.db", "ledger.db-wal")]
        return [self.lock, *marks, *state]

    def build(self, name: str) -> Path:
        """Where generated code and reports of the spec called `name` go."""
        return self.root / "build" / name


def read_source(path: Path) -> SourceFile:
    """The text of a file.

    Raises:
        LcspecError: LC0012, when it is missing, a folder or not readable; LC0017, when it is not UTF-8.
    """
    help = "name a spec file, say `specs/quickstart.yaml`; `lcspec init` writes one"
    try:
        return decode(path, path.read_bytes())
    except FileNotFoundError:
        message = f"there is no file `{path}`"
    except OSError as error:
        message = f"`{path}` cannot be read: {error.strerror}"
    raise LcspecError([Diagnostic("LC0012", message, help=help)])


def decode(path: Path, data: bytes) -> SourceFile:
    """The text of the bytes of a file.

    Raises:
        LcspecError: LC0017, when they are not UTF-8.
    """
    if (wide := _wide(data)) is not None:
        raise _not_utf8(path, f"it is {wide}")
    try:
        return SourceFile(str(path), data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _not_utf8(path, f"byte 0x{data[error.start]:02x} in line {line} is no part of it") from None


def _wide(data: bytes) -> str | None:
    """The encoding of a text of wide characters, or None."""
    if data[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return "UTF-32"
    head = data[:256]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or (len(head) > 3 and 0 in head[:2] and head.count(0) * 3 > len(head)):
        return "UTF-16"
    return "UTF-16" if len(head) > 3 and head[1::2].count(0) * 3 > len(head) else None


def _not_utf8(path: Path, why: str) -> LcspecError:
    return LcspecError([Diagnostic("LC0017", f"`{path}` is not UTF-8: {why}", help="save it as UTF-8")])


def read_lock(project: Project) -> tuple[Lock | None, SourceFile | None]:
    """The lock beside the spec and its text; (None, None) when there is none."""
    if not project.lock.exists():
        return None, None
    source = read_source(project.lock)
    return parse_lock(source.path, source.text), source


class FileDigests(Mapping[str, str]):
    """Path relative to the spec's folder to SHA-256, hashed when asked for.

    A file is read again only when its size, time or inode moved; the memo is a disposable cache.
    """

    def __init__(self, project: Project) -> None:
        self.folder, self._memo_path = project.folder, project.store / "cache" / "digests.json"
        self._moved = False

    @cached_property
    def _memo(self) -> dict[str, list[Any]]:
        try:
            memo = json.loads(self._memo_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return memo if isinstance(memo, dict) else {}

    def __getitem__(self, name: str) -> str:
        path = self.folder / name
        try:
            stat = path.stat()
            if not path.is_file():
                raise KeyError(name)
            state = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
            known = self._memo.get(str(path))
            if known and known[:3] == state:
                return str(known[3])
            digest = file_digest(path)
        except OSError:
            raise KeyError(name) from None
        self._memo[str(path)] = [*state, digest]
        self._moved = True
        return digest

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def save(self) -> None:
        """Keeps the memo, if there is a store to keep it in and something was hashed."""
        if self._moved and self._memo_path.parent.is_dir():
            write_atomic(self._memo_path, json.dumps(self._memo))


def hourly_price(project: Project) -> float | None:
    """What an hour of the device costs in dollars, as `lcspec.toml` says under `[hardware]`; None when it does not.

    Raises:
        LcspecError: LC1108, the file is not TOML or the price is none.
    """
    path = project.root / "lcspec.toml"
    if not path.exists():
        return None
    import tomllib

    from lcspec.units import DOLLARS, WrongUnit, parse_quantity

    help = 'write `hourly-price = "0.50 USD"` under `[hardware]`'
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8")).get("hardware", {})
        price = said.get("hourly-price") if isinstance(said, dict) else None
        return None if price is None else parse_quantity(price, DOLLARS, "an amount of money")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, WrongUnit) as error:
        raise LcspecError([Diagnostic("LC1108", f"`{path.name}`: {error}", help=help)]) from None


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def write_atomic(path: Path, text: str) -> None:
    """Writes a file so that a reader sees the old or the new text, never a part: temporary file, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with staging.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        staging.replace(path)
    finally:
        staging.unlink(missing_ok=True)


def rewrite(path: Path, text: str) -> None:
    """Replaces the text of a file that is there, at once; a link stays a link, and permissions stay.

    Raises:
        LcspecError: LC0019, when it cannot be written.
    """
    try:
        target = path.resolve()
        mode = target.stat().st_mode
        write_atomic(target, text)
        target.chmod(mode & 0o7777)
    except OSError as error:
        message, help = f"`{path}` cannot be written: {error.strerror}", "look at the permissions of it and its folder"
        raise LcspecError([Diagnostic("LC0019", message, help=help)]) from None
