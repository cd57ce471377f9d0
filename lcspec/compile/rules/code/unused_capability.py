"""A capability that nothing uses is a door left open: it is reviewed once, and serves whoever comes later."""

from lcspec.compile.capabilities import code_uses, needed_code, remote_code
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec
from lcspec.kinds import registry


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0354 for entries of `allow` that no metric, no reward, no suite and no model needs."""
    needed = {("python", use.file) for use in code_uses(spec)}
    for name, entry in spec.entries("model").items():
        for file in getattr(entry.body, "files", None) or ():
            needed.add(("remote-code" if file.endswith(".py") else "pickled-weights", f"{name}/{file}"))
        facts = known.models.get(name, {})
        if entry.kind == "huggingface" and entry.body.remote_code == "refuse":
            # What the lock does not tell of is not known to be idle.
            files = needed_code(facts) if facts.get("code") else remote_code(spec, name)
            needed |= {("remote-code", f"{name}/{file}") for file in files}
    for suite in spec.entries("suite").values() if spec.entries("allow") else ():
        runs = getattr(registry.module("suite", suite.kind), "runs", None)
        named = runs(suite, known.files) if runs else ()
        if named is None:  # what it would run is not known: its tasks have faults, which are told
            return
        needed |= {("python", file) for file in named}
    for name, entry in spec.entries("allow").items():
        item = entry.body.path if entry.kind == "python" else f"{entry.body.model}/{entry.body.file}"
        if (entry.kind, item) not in needed:
            message = f"nothing uses `{name}`: no entry of the spec needs `{item}`"
            report.warning("LC0354", entry.path, message, "remove it, or correct what it is for", key=True)
