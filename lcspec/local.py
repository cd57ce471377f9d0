"""What the project's own files hold, for checks: missing files, faulty rows, and facts for the rules. Reads only.

Files up to `QUICK_BYTES` are looked into, each at most once and only when something asks.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from lcspec.canon import digest_bytes
from lcspec.compile.capabilities import allowed
from lcspec.compile.known import Counter, Known, OwnFile, Splits
from lcspec.diag.model import Diagnostic, Label
from lcspec.ir.document import Node, locate
from lcspec.ir.source import SourceFile, Span
from lcspec.ir.spec import Bound, Spec
from lcspec.kinds import registry
from lcspec.lmeval import package
from lcspec.lmeval.package import PREFIX
from lcspec.rowset import DataFault

QUICK_BYTES = 20 << 20  # local files up to this size are read while checking


def files_of(entry: Bound) -> tuple[str, ...]:
    """The files of the project that an entry without `from` names."""
    body = entry.body
    if entry.kind == "folder":
        return tuple(str(Path(body.path) / name) for name in body.files)
    listed = getattr(body, "files", None) or ()
    named = tuple(listed.values()) if isinstance(listed, Mapping) else tuple(listed)
    return named or ((body.path,) if getattr(body, "path", None) else ())


def _elsewhere(entry: Bound) -> bool:
    """Whether the files of an entry come from a source or a hub."""
    return getattr(entry.body, "from_", None) is not None or getattr(entry.body, "remote", False)


class Local:
    """The local files of one spec."""

    def __init__(self, folder: Path, spec: Spec, locked: Mapping[str, Mapping[str, Any]]) -> None:
        self.folder, self.spec = folder, spec
        self._read: dict[str, Splits | DataFault] = {}
        self.known = Known(
            ModelFacts(self, locked), self._rows, cache(self._documents), cache(self._counter), cache(self._file)
        )

    def faults(self, root: Node, sources: dict[str, SourceFile]) -> list[Diagnostic]:
        """Missing files, and rows that the data kind would refuse, shown at their line in the data file."""
        found = []
        for family in ("data", "model"):
            for entry in self.spec.entries(family).values():
                if _elsewhere(entry):
                    continue
                missing = [name for name in files_of(entry) if not (self.folder / name).is_file()]
                for name in missing:
                    label = Label(locate(root, _path_of(entry, name)), "")
                    help = f"paths are relative to the spec's folder `{self.folder.name}/`"
                    found.append(Diagnostic("LC0401", f"there is no file `{name}`", (label,), help=help))
                if not missing and family == "data":
                    found += self._row_faults(entry, sources)
        return found + self._suite_faults(root, sources)

    def _suite_faults(self, root: Node, sources: dict[str, SourceFile]) -> list[Diagnostic]:
        """What suites find in their own files, shown at its line there."""
        found = []
        for entry in self.spec.entries("suite").values():
            faults = getattr(registry.module("suite", entry.kind), "faults", None)
            for fault in faults(entry, self.known.files, partial(allowed, self.spec, "python")) if faults else ():
                labels = [Label(locate(root, fault.path), "named here" if fault.place else "")]
                text = self.known.files(fault.place.file) if fault.place else None
                if fault.place and text is not None and text.text is not None:
                    sources.setdefault(fault.place.file, SourceFile(fault.place.file, text.text))
                    labels.insert(0, Label(Span(*fault.place), ""))
                found.append(Diagnostic(fault.code, fault.message, tuple(labels), help=fault.help))
        return found

    def _row_faults(self, entry: Bound, sources: dict[str, SourceFile]) -> list[Diagnostic]:
        module = registry.module("data", entry.kind)
        if not hasattr(module, "read") or not self.quick(entry):
            return []
        from lcspec.datakind import fault_at

        try:
            self._divided(entry.name)
        except DataFault as fault:
            return [fault_at(self.folder, fault, sources)]
        return []

    def quick(self, entry: Bound) -> bool:
        """Whether the entry's files are local, there, and small enough to be read while checking."""
        if _elsewhere(entry):
            return False
        try:
            return sum((self.folder / name).stat().st_size for name in files_of(entry)) <= QUICK_BYTES
        except OSError:
            return False

    def _rows(self, name: str) -> Splits | None:
        entry = self.spec.entries("data").get(name)
        if entry is None or not hasattr(registry.module("data", entry.kind), "read") or not self.quick(entry):
            return None
        try:
            return self._divided(name)
        except DataFault:
            return None

    def _divided(self, name: str) -> Splits:
        """The rows by split, read once; DataFault when they cannot be read."""
        if name not in self._read:
            try:
                self._read[name] = self._divide(name)
            except DataFault as fault:
                self._read[name] = fault
        known = self._read[name]
        if isinstance(known, DataFault):
            raise known
        return known

    def _divide(self, name: str) -> Splits:
        from lcspec.datakind import divided_rows

        entry = self.spec.find("data", name)
        return divided_rows(self.folder, entry, list(self.spec.scope.labels), registry.module("data", entry.kind).read)

    def _documents(self, name: str) -> Mapping[str, str] | None:
        entry = self.spec.entries("data").get(name)
        if entry is None or not self.quick(entry):
            return None
        module = registry.module("data", entry.kind)
        if not hasattr(module, "read_documents"):
            return None
        try:
            return {one["title"]: one["text"] for one in module.read_documents(self.folder, entry.body)}
        except (DataFault, OSError, UnicodeDecodeError):
            return None

    def _file(self, name: str) -> OwnFile:
        if name.startswith(PREFIX):
            return OwnFile(*package.read(name))
        path = self.folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            return OwnFile(outside="leads out of the folder of the spec")
        if not path.resolve().is_relative_to(self.folder.resolve()):
            return OwnFile(outside="is a link that leads out of the folder of the spec")
        if not path.is_file():
            return OwnFile()
        if path.stat().st_size > QUICK_BYTES:
            return OwnFile("")
        data = path.read_bytes()
        return OwnFile(digest_bytes(data), data.decode("utf-8", "replace"))

    def _counter(self, name: str) -> Counter | None:
        """Counts tokens with the `tokenizer.json` of a local model folder; None where there is none to read."""
        entry = self.spec.entries("model").get(name)
        if entry is None or _elsewhere(entry) or not getattr(entry.body, "path", None):
            return None
        file = self.folder / entry.body.path / "tokenizer.json"
        if not file.is_file() or file.stat().st_size > QUICK_BYTES:
            return None
        return _counting(file)


def _counting(file: Path) -> Counter | None:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return None
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception:  # noqa: BLE001 - the library raises bare exceptions; a broken tokenizer is the run's to report
        return None
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


class ModelFacts(Mapping[str, Mapping[str, Any]]):
    """Model entry to facts: of local files as they are now, else as locked."""

    def __init__(self, local: Local, locked: Mapping[str, Mapping[str, Any]]) -> None:
        self._local, self._locked = local, locked
        self._read: dict[str, Mapping[str, Any]] = {}

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        if name not in self._read:
            self._read[name] = self._of(self._local.spec.entries("model")[name])
        return self._read[name]

    def _of(self, entry: Bound) -> Mapping[str, Any]:
        if _elsewhere(entry):
            return self._locked.get(entry.name, {})
        inspect: Callable[..., Mapping[str, Any]] | None = getattr(
            registry.module("model", entry.kind), "inspect", None
        )
        if inspect is None:
            return self._locked.get(entry.name, {})
        try:
            return inspect(entry.body, self._open)
        except (OSError, ValueError, KeyError, TypeError):
            return {}  # broken files are the convert step's to report

    def _open(self, member: str) -> Path | None:
        path = self._local.folder / member
        return path if path.is_file() else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._local.spec.entries("model"))

    def __len__(self) -> int:
        return len(self._local.spec.entries("model"))


def _path_of(entry: Bound, name: str) -> tuple[str | int, ...]:
    """Where the spec names the file `name`."""
    listed = getattr(entry.body, "files", None)
    if isinstance(listed, Mapping):
        return (*entry.path, "files", next(role for role, path in listed.items() if path == name))
    return (*entry.path, "files") if listed and entry.kind != "folder" else (*entry.path, "path")
