"""Rows that do not fit: into the context of a model, or under `max-length` of a recipe."""

from dataclasses import replace
from functools import partial

from lcspec.compile.asking import columns_of, plural, prompt_fields, suite_data, tuned_on
from lcspec.compile.check import Reporter
from lcspec.compile.known import Counter, Known
from lcspec.compile.ladders import effective_ladder, generators
from lcspec.compile.tokens import Shown, over
from lcspec.ir.spec import Spec

SHARE = 0.05


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0417 for prompts of test rows beyond a model's context; LC0504 for training rows beyond `max-length`."""
    prompts = list(spec.entries("prompt"))
    for model in generators(spec):
        context, counter = known.models.get(model, {}).get("context"), partial(known.counter, model)
        for name in suite_data(spec):
            shown = Shown((known.rows(name) or {}).get("test", ()))
            for prompt in prompts if isinstance(context, int) else ():
                found = over(shown, prompt_fields(spec, prompt), counter, context or 0)
                if found.rows:
                    path = spec.find("prompt", prompt).path
                    message = f"with `{prompt}`, {plural(found.rows, 'row')} of test do not fit into {context} tokens"
                    also = ((spec.find("model", model).path, f"reads {context} tokens"),)
                    help = "cut a column with `truncate`, take fewer shots, or a model with a longer context"
                    report.warning("LC0417", path, message, help, key=True, also=also, notes=(found.how,))
    tried = [prompt for rung in effective_ladder(spec) for prompt in rung.prompts] or prompts
    for recipe in spec.entries("tuning").values():
        name, split = tuned_on(recipe) or ("", "")
        most, rows = getattr(recipe.body, "max_length", None), (known.rows(name) or {}).get(split, ())
        columns = columns_of(spec.entries("data").get(name))
        if not most or not rows or columns is None or not tried:
            continue
        if hasattr(recipe.body, "generations"):  # a question, and the longest completion of it
            most = most - recipe.body.max_tokens
            rows = [replace(row, target=None, accepted=()) for row in rows]
        found = over(Shown(rows), prompt_fields(spec, tried[0]), partial(_any_counter, spec, known), most)
        if found.rows > SHARE * len(rows):
            path = (*recipe.path, "max-length") if "max_length" in recipe.body.model_fields_set else recipe.path
            message = f"{found.rows} of {len(rows)} rows are longer than {most} tokens, and left out of training"
            help = "raise `max-length`, or cut a column with `truncate`"
            report.warning("LC0504", path, message, help, notes=(found.how,))


def _any_counter(spec: Spec, known: Known) -> Counter | None:
    """The first tokenizer of a model that can be read."""
    return next(filter(None, map(known.counter, generators(spec))), None)
