"""An entry that nothing uses is a mistake or clutter: it is written, reviewed, and never runs."""

from lcspec.compile.asking import strings
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

AXES = (("model", "models"), ("prompt", "prompts"), ("tuning", "tuning"))


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0204 for models, prompts, recipes and data that no rung, suite or other entry names."""
    if not spec.ladder:
        return
    named = {text for entries in spec.sections.values() for entry in entries.values() for text in strings(entry.body)}
    named = {part for text in named for part in (text, text.partition(".")[0])}
    for family, axis in AXES:
        tried = [name for rung in spec.ladder for name in getattr(rung, axis)]
        if family != "tuning" and not getattr(spec.ladder[0], axis):
            continue  # the first rung tries all of them
        for name, entry in spec.entries(family).items():
            if name not in tried and name not in named:
                help = f"name it on a rung under `{axis}`, or remove it"
                also = ((("ladder",), "no rung here tries it"),)
                report.warning("LC0204", entry.path, f"nothing uses `{name}`", help, key=True, also=also)
    for name, entry in spec.entries("data").items():
        if name not in named:
            help = "name it in a suite, a recipe or a prompt, or remove it"
            report.warning("LC0204", entry.path, f"nothing reads `{name}`", help, key=True)
