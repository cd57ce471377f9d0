"""Weights that are a pickle: refused before anything is fetched, unless `allow` lists the file."""

from lcspec.compile.capabilities import allowed
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Bound, Spec
from lcspec.runtime.scan import PICKLED


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC1010 for files of a model that are pickles by their name and not allowed with the digest that they have."""
    for name, entry in spec.entries("model").items():
        files = getattr(entry.body, "files", None) or () if entry.kind == "folder" else ()
        for index, file in enumerate(files):
            if file.endswith(PICKLED):
                digests = allowed(spec, "pickled-weights", f"{name}/{file}")
                digest = _digest(known, entry, file)
                if not digests or (digest is not None and digest not in digests):
                    line = f"{{kind: pickled-weights, model: {name}, file: {file}, sha256: {digest or '…'}}}"
                    how = "" if digest else "; `sha256sum` of the file says its digest"
                    help = f"take safetensors, or, if you trust who made it: `allow: {{weights: {line}}}`{how}"
                    message = f"`{file}` is a pickle, which can run code when it is loaded"
                    report.error("LC1010", (*entry.path, "files", index), message, help)


def _digest(known: Known, entry: Bound, file: str) -> str | None:
    """Of a local file that is small enough to be read now; None for what is known later."""
    found = known.files(f"{entry.body.path.rstrip('/')}/{file}") if entry.body.from_ is None else None
    return found.sha256 if found else None
