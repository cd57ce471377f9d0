"""Code that came with a model runs only when `allow` lists each of its files as it is now."""

from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.compile.capabilities import needed_code, remote_code
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.document import Path
from lcspec.ir.spec import Bound, Spec
from lcspec.runtime.scan import own_module

Sources = Mapping[str, Mapping[str, Any]]  # file to its `sha256` and `imports`


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC1009 as soon as local files or the lock tell of code that is not allowed, or is not what was allowed."""
    for name, entry in spec.entries("model").items():
        if entry.kind not in ("folder", "huggingface") or getattr(entry.body, "remote_code", "") == "ignore":
            continue
        facts = known.models.get(name, {})
        named, sources = facts.get("auto_map") or (), facts.get("code") or {}
        foreign = next((one for one in named if own_module(one) is None), None)
        if foreign is not None:
            message = f"`{name}` names code that is not among its own files, which lcspec never runs: `{foreign}`"
            report.error("LC1009", entry.path, message, f"choose another model{_ignore(entry)}", key=True)
        elif facts.get("remote_code") and not named:
            message = f"`{name}` asks for code of its repository (`auto_map`), and the lock does not tell which"
            report.error("LC1009", entry.path, message, f"lock again: `lcspec lock --update`{_ignore(entry)}", key=True)
        else:
            _files(spec, entry, needed_code(facts), sources, report)


def _files(spec: Spec, entry: Bound, needed: Sequence[str], sources: Sources, report: Reporter) -> None:
    listed = [one for one in getattr(entry.body, "files", ()) if one.endswith(".py")]
    allowed = remote_code(spec, entry.name)
    for file in dict.fromkeys([*needed, *listed, *(one for one in allowed if one in sources)]):
        where = _where(entry, file)
        found = sources.get(file)
        absent = file not in listed if entry.kind == "folder" else bool(sources)  # of a lock that knows of no code, no
        if found is None and file in needed and absent:
            what = "is not among its `files`" if entry.kind == "folder" else "is not in its repository"
            message = f"`{entry.name}` needs `{file}` to be loaded, which {what}"
            help = f"add it to `files`, and to `allow` once you have read it{_ignore(entry)}"
            report.error("LC1009", entry.path, message, help, key=True)
        elif found is None and file in allowed:
            continue  # its digest is not known before it is locked: the step that loads the model looks
        elif file not in allowed:
            line = _line(entry, file, found)
            message = f"`{file}` is code that came with `{entry.name}`, and `allow` does not list it"
            help = f"read it; if it may run, write `allow: {{{_key(entry, file)}: {line}}}`{_ignore(entry)}"
            report.error("LC1009", where, message, help, key=where == entry.path)
        elif found is not None and found["sha256"] not in allowed[file]:
            stale = next(one for one in spec.entries("allow").values() if _is(one, entry.name, file))
            here = f"its digest is {found['sha256'][:12]}…"
            message = f"`{file}` of `{entry.name}` is not the file that is allowed: {here}"
            help = f"read what changed; if it may run, write `{stale.name}: {_line(entry, file, found)}`"
            report.error("LC1009", (*stale.path, "sha256"), message, help)


def _where(entry: Bound, file: str) -> Path:
    """Where the spec names the file; the entry itself where it does not."""
    files = list(getattr(entry.body, "files", ()))
    stands = file in files and "files" in entry.body.model_fields_set
    return (*entry.path, "files", files.index(file)) if stands else entry.path


def _is(entry: Bound, model: str, file: str) -> bool:
    return entry.kind == "remote-code" and (entry.body.model, entry.body.file) == (model, file)


def _key(entry: Bound, file: str) -> str:
    return f"{entry.name}-{file.removesuffix('.py').replace('_', '-').strip('-').lower()}"


def _line(entry: Bound, file: str, found: Mapping[str, Any] | None) -> str:
    digest = found["sha256"] if found is not None else "…"
    return f"{{kind: remote-code, model: {entry.name}, file: {file}, sha256: {digest}}}"


def _ignore(entry: Bound) -> str:
    """What else a model of the hub may do."""
    other = ", or set `remote-code: ignore` to use the library's own implementation"
    return other if entry.kind == "huggingface" else ""
