"""Retrieval puts passages into `context`: some prompt must show them, and they must fit."""

from lcspec.compile.asking import prompt_fields, template_variables
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import generators
from lcspec.ir.spec import Spec

TOKENS_PER_WORD = 1.3  # English prose, cautiously low


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0702 for passages beyond a model's context, LC0703 where no prompt shows them."""
    shows = any(
        "context" in template_variables(prompt_fields(spec, name).get("user")) for name in spec.entries("prompt")
    )
    for entry in spec.entries("augment").values():
        if entry.kind != "retrieval":
            continue
        if not shows:
            message = "passages are found, and no prompt shows them"
            report.warning("LC0703", entry.path, message, "put `{{ context }}` into a prompt's `user`", key=True)
        top, words = getattr(entry.body, "top", None), getattr(entry.body, "words", None)
        for model in generators(spec):
            context = known.models.get(model, {}).get("context")
            if context and top and words and top * words * TOKENS_PER_WORD > context:
                tokens = round(top * words * TOKENS_PER_WORD)
                message = f"{top} passages of {words} words do not fit into the {context} tokens of `{model}`"
                note = f"{top} × {words} words × {TOKENS_PER_WORD} tokens a word = {tokens} tokens"
                also = ((spec.find("model", model).path, f"reads {context} tokens"),)
                help = "take fewer or shorter passages: lower `top` or `words`"
                path = (*entry.path, "top") if "top" in entry.body.model_fields_set else entry.path
                report.error("LC0702", path, message, help, notes=(note,), also=also)
                break
