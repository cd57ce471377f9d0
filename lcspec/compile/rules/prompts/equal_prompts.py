"""Two prompts with the same text are one candidate under two names."""

from lcspec.compile.asking import prompt_fields
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.document import Path
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0442 for a prompt whose fields equal another's."""
    seen: dict[str, Path] = {}
    for name, entry in spec.entries("prompt").items():
        text = repr(sorted(prompt_fields(spec, name).values.items()))
        if text in seen:
            message = f"`{name}` says the same as another prompt"
            also = ((seen[text], "equal to this one"),)
            report.warning("LC0442", entry.path, message, "vary something, or remove one", key=True, also=also)
        seen.setdefault(text, entry.path)
