"""A chat prompt goes through the tokenizer's chat template: it must have one, with the roles that are used."""

from collections.abc import Iterator

from lcspec.compile.asking import prompt_fields
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import effective_ladder, generators
from lcspec.ir.spec import Spec
from lcspec.modelfacts import GENERATION, TEMPLATE


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0434 without a chat template, LC0435 without a system role, LC0436 where an answer never ends."""
    told: set[str] = set()
    for suite in spec.entries("suite").values():
        for model in generators(spec) if getattr(suite.body, "apply_chat_template", False) else ():
            if (known.models.get(model, {}).get("tokenizer") or {}).get("chat_template") is False:
                message = f"`{suite.name}` applies a chat template, and the tokenizer of `{model}` has none"
                also = ((spec.find("model", model).path, "its tokenizer"),)
                path = (*suite.path, "apply-chat-template")
                report.error("LC0434", path, message, "leave it out, or use an instruction-tuned model", also=also)
    for model, prompt in pairs(spec):
        facts, fields = known.models.get(model, {}).get("tokenizer"), prompt_fields(spec, prompt)
        unlisted = known.models.get(model, {}).get("unlisted", ())
        if facts is None or fields.get("format", "chat") != "chat":
            continue
        entry = spec.find("model", model)
        also = ((entry.path, "its tokenizer"),)
        path = fields.paths.get("format") or spec.find("prompt", prompt).path
        if facts.get("chat_template") is False:
            message = f"`{prompt}` is a chat, and the tokenizer of `{model}` has no chat template"
            help = "use `format: text`, or an instruction-tuned model"
            if TEMPLATE in unlisted:
                help = f"its folder has `{TEMPLATE}`: name that in `files`, too"
            report.error("LC0434", path, message, help, key="format" not in fields.paths, also=also)
        elif facts.get("system_role") is False and fields.get("system") is not None:
            message = f"the chat template of `{model}` has no system role"
            report.error(
                "LC0435", fields.paths["system"], message, "put the instruction into `user`", key=True, also=also
            )
        elif _endless(facts) and model not in told:
            told.add(model)
            message = f"`{model}` ends a turn with `{facts['turn_end']}`, but stops only at {_listed(facts['stops'])}"
            help = f"add the id of `{facts['turn_end']}` to `eos_token_id` in its {GENERATION}"
            if GENERATION in unlisted:
                help = f"its folder has `{GENERATION}`: name that in `files`, too"
            note = "trained on that turn end, or already so, it would write on until `max-tokens`"
            report.warning("LC0436", entry.path, message, help, key=True, notes=(note,))


def pairs(spec: Spec) -> Iterator[tuple[str, str]]:
    """Each model with each prompt that it is tried with, on any rung."""
    models: tuple[str, ...] = generators(spec)
    prompts: tuple[str, ...] = tuple(spec.entries("prompt"))
    seen: set[tuple[str, str]] = set()
    for rung in effective_ladder(spec):
        models, prompts = rung.models or models, rung.prompts or prompts
        for pair in ((model, prompt) for model in models for prompt in prompts):
            if pair not in seen:
                seen.add(pair)
                yield pair


def _endless(facts: dict[str, object]) -> bool:
    stops = facts.get("stops")
    return bool(facts.get("turn_end") and isinstance(stops, list) and stops and facts["turn_end"] not in stops)


def _listed(names: list[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)
