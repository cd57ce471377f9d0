"""Weights that are a pickle: refused before anything runs, unless `allow` lists the file."""

from lcspec.compile.capabilities import allowed
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec
from lcspec.runtime.scan import PICKLED


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC1010 for local files of a model that are pickles by their name and not allowed with the digest that they have.

    Of files from elsewhere the digest is not known here: the step that converts the model refuses them, and says it.
    """
    for name, entry in spec.entries("model").items():
        local = entry.kind == "folder" and entry.body.from_ is None
        for index, file in enumerate(entry.body.files if local else ()):
            found = known.files(f"{entry.body.path.rstrip('/')}/{file}") if file.endswith(PICKLED) else None
            if found is None or found.outside:
                continue
            digests = allowed(spec, "pickled-weights", f"{name}/{file}")
            if not digests or (found.sha256 is not None and found.sha256 not in digests):
                line = f"{{kind: pickled-weights, model: {name}, file: {file}, sha256: {found.sha256 or '…'}}}"
                how = "" if found.sha256 else "; it is large: `sha256sum` says its digest"
                help = f"take safetensors, or, if you trust who made it: `allow: {{weights: {line}}}`{how}"
                message = f"`{file}` is a pickle, which can run code when it is loaded"
                report.error("LC1010", (*entry.path, "files", index), message, help)
