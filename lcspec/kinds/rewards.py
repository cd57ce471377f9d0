"""Rewards of recipes: what a step is told of them, and how completions are judged in the step.

A metric that judges single answers is a reward as it is, by the code that suites use. A function of the project is one
under the same conditions as a custom metric: `allow` lists its file with the digest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from lcspec.ir.scored import Scored
from lcspec.kinds import registry
from lcspec.kinds.api import Bound, Context, Ref, StepIO

Ask = Callable[[Sequence[Scored], Sequence[str]], Sequence[float | None]]  # rows and how to call them, to their worth
SHOWN = frozenset({"target", "accepted", "labels"})  # what rows can show of a completion
_FIXED = frozenset({"refusal-rate"})  # guards answer, not the model: no completion changes it


def judges_answers(metric: str) -> bool:
    """Whether the metric kind judges single generated answers, from nothing but their row."""
    if metric in _FIXED:
        return False
    module = registry.module("metric", metric)
    by_row = hasattr(module, "per_row") and not hasattr(module, "per_rows")
    return hasattr(module, "files") or (by_row and set(getattr(module, "needs", ())) <= SHOWN)


def lower_rewards(ctx: Context, entry: Bound) -> tuple[dict[str, Any], dict[str, Ref]]:
    """What a training step's params say of the rewards of a recipe, and the inputs with the files that these run."""
    params: dict[str, Any] = {}
    inputs: dict[str, Ref] = {}
    allowed: dict[str, list[str]] = {}
    source = Bound("source", "from", "path", None, entry.path)
    own = tuple(sorted({one.path for one in entry.body.rewards.values() if one.path}))
    if own:
        inputs["code"] = ctx.fetch(entry, source, own)
        for file in own:
            allowed |= ctx.allowed("python", file)
    for name, reward in entry.body.rewards.items():
        said: dict[str, Any] = {"weight": reward.weight}
        if reward.path:
            params[name] = said | {"path": reward.path, "function": reward.function, "code": "code"}
        elif reward.words_at_most:
            params[name] = said | {"words-at-most": reward.words_at_most}
        else:
            made, code, more = _metric(ctx, str(reward.metric))
            sign = 1 if made.pop("higher-is-better", True) else -1
            params[name] = made | {"weight": sign * reward.weight}
            inputs |= code
            allowed |= more
    capabilities = {"capabilities": allowed} if allowed else {}
    return {"rewards": params, "labels": list(ctx.scope.labels), **capabilities}, inputs


def _metric(ctx: Context, metric: str) -> tuple[dict[str, Any], dict[str, Ref], dict[str, list[str]]]:
    """A metric as a reward: its params, the input with its file, and what is allowed for that."""
    entry = ctx.entry("metric", metric)
    kind = registry.load("metric", entry.kind if entry is not None else metric)
    said: dict[str, Any] = {"metric": kind.name, "version": kind.version}
    files = getattr(registry.module("metric", kind.name), "files", None)
    if entry is None or files is None:
        return said, {}, {}
    source = Bound("source", "from", "path", None, entry.path)
    made = {**said, **kind.lower(ctx, entry), "code": f"code.{metric}"}
    del made["labels"]
    allowed: dict[str, list[str]] = {}
    for file in files(entry.body):
        allowed |= ctx.allowed("python", file)
    return made, {f"code.{metric}": ctx.fetch(entry, source, files(entry.body))}, allowed


@contextmanager
def opened(io: StepIO) -> Iterator[Mapping[str, Ask]]:
    """The rewards of the step by name, ready to be asked; their weights are not in what they say.

    A function of the project that does not do its work ends the step with LC1236, another file than the one that was
    allowed with LC0351.
    """
    from lcspec.customcode import opened as own

    with ExitStack() as stack:
        made: dict[str, Ask] = {}
        for name, said in io.params["rewards"].items():
            if "code" in said:
                made[name] = stack.enter_context(own(io, said["code"], said["path"], said["function"])).many
            elif "words-at-most" in said:
                made[name] = _brief(said["words-at-most"])
            else:
                made[name] = _by_metric(said["metric"])
        yield made


def _by_metric(metric: str) -> Ask:
    per_row = registry.module("metric", metric).per_row

    return lambda rows, where: [per_row(row) for row in rows]


def _brief(most: int) -> Ask:
    return lambda rows, where: [min(1.0, most / max(1, len(row.answer.split()))) for row in rows]
