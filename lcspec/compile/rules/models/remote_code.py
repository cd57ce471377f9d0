"""A model whose config names code of its repository."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC1009, as soon as the lock knows the config."""
    for name, entry in spec.entries("model").items():
        if getattr(entry.body, "remote_code", None) == "refuse" and known.models.get(name, {}).get("remote_code"):
            message = f"`{name}` asks for code of its repository (`auto_map`), which lcspec never runs"
            help = "choose another model, or set `remote-code: ignore` to use the library's own implementation"
            report.error("LC1009", entry.path, message, help, key=True)
