"""A recipe whose arithmetic alone takes longer, or costs more, than one apply may."""

from lcspec.compile.asking import columns_of, tuned_on
from lcspec.compile.check import Reporter
from lcspec.compile.known import Counter, Known
from lcspec.compile.ladders import effective_ladder, generators
from lcspec.estimate.time import DEVICES, training_flops
from lcspec.ir.document import Path
from lcspec.ir.spec import Bound, Spec
from lcspec.rowset import Row
from lcspec.units import format_count, format_money, format_seconds

CHARACTERS = 11  # without a tokenizer: none in use spends fewer than one token on as many of prose
ALL = ("full", "pretrain")  # methods that train every weight
SHARE = 0.4  # of a data sheet's peak, which `DEVICES` counts on; the floor here counts on all of it


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0322 for a recipe on local rows, at the smallest model that it is tried on."""
    budget, hardware = spec.scope.budget, spec.scope.hardware
    price = hardware.hourly_price if hardware is not None else None
    if hardware is None or (budget.time is None and (budget.cost is None or price is None)):
        return
    device = DEVICES[hardware.device]
    peak = device.flops if device.capability is None else device.flops / SHARE
    sizes = {name: known.models.get(name, {}).get("parameters") for name in generators(spec)}
    smallest = min((size, name) for name, size in sizes.items() if size) if any(sizes.values()) else None
    tried = {name for rung in effective_ladder(spec) for name in rung.tuning}
    for recipe in spec.entries("tuning").values():
        if smallest is None or recipe.name not in tried:
            continue
        size, model = smallest
        tokens = _tokens(spec, known, recipe, known.counter(model))
        every = recipe.kind in ALL or getattr(recipe.body, "adapter", None) == "none"
        flops = training_flops(size, tokens, trainable=None if every else 0)
        seconds = flops / peak
        note = (
            f"formula: {4 if not every else 6} × {format_count(size)} parameters (`{model}`) × {format_count(tokens)} "
            f"tokens = {flops:.2g} operations, at most {peak:.2g} a second on `{device.name}`"
        )
        if budget.time is not None and seconds > budget.time:
            said = f"takes {format_seconds(seconds)} at least; the budget is {format_seconds(budget.time)}"
            _tell(report, recipe, said, ("scope", "budget", "time"), note)
        elif budget.cost is not None and price is not None and seconds / 3600 * price > budget.cost:
            said = f"costs {format_money(seconds / 3600 * price)} at least; the budget is {format_money(budget.cost)}"
            _tell(report, recipe, said, ("scope", "budget", "cost"), note)


def _tell(report: Reporter, recipe: Bound, said: str, where: Path, note: str) -> None:
    help = "take fewer `epochs` or `rows`, a smaller model, or raise the budget"
    message = f"`{recipe.name}` {said}"
    report.warning("LC0322", recipe.path, message, help, key=True, also=((where, "allowed here"),), notes=(note,))


def _tokens(spec: Spec, known: Known, recipe: Bound, counter: Counter | None) -> float:
    """The fewest tokens that a recipe learns from: questions and answers, without prompt and template."""
    name, split = tuned_on(recipe) or ("", "")
    rows = (known.rows(name) or {}).get(split, ())
    body, column = recipe.body, getattr(columns_of(spec.entries("data").get(name)), "input", "")
    most = getattr(body, "max_length", None)
    if not rows or not most:
        return 0.0
    counts = [tokens for row in rows if (tokens := _length(row, column, counter)) <= most]  # longer ones are left out
    taken = min(getattr(body, "rows", None) or len(counts), len(counts))
    mean = sum(counts) / len(counts) if counts else 0.0
    steps = getattr(body, "max_steps", None)
    learned = taken * getattr(body, "epochs", 1) * getattr(body, "generations", 1)
    if steps:
        learned = min(learned, steps * body.batch_size * body.accumulate)
    return mean * learned


def _length(row: Row, column: str, counter: Counter | None) -> float:
    text = row.variables.get(column, "") + (row.target or row.chosen or row.completion or "")
    return counter(text) if counter else len(text) / CHARACTERS
