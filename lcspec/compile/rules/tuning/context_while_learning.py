"""Rows are learnt without retrieval: a prompt that shows passages cannot be filled there."""

from lcspec.compile.asking import learns_texts, prompt_fields, prompts_learnt, template_variables
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0520 for a recipe whose prompt shows `context`: an error where all its prompts do, else a warning."""
    entries = spec.entries("tuning")
    for name, prompts in prompts_learnt(spec).items():
        entry = entries.get(name)
        if entry is None or learns_texts(entry):
            continue
        shows = [one for one in prompts if one in spec.entries("prompt") and _shows(spec, one)]
        if not shows:
            continue
        also = tuple((spec.find("prompt", one).path, "shows `context`") for one in shows)
        if len(shows) == len(prompts):
            message = f"`{name}` learns from rows, and its prompt shows passages, which no row has"
            told = report.error
        else:
            message = f"`{name}` cannot learn where `{shows[0]}` has won: no row has the passages that it shows"
            told = report.warning
        help = "name a prompt without `context` on the rung that tunes"
        told("LC0520", entry.path, message, help, key=True, also=also)


def _shows(spec: Spec, prompt: str) -> bool:
    user = prompt_fields(spec, prompt).get("user") or ""
    return "context" in template_variables(user) and "context is defined" not in user
