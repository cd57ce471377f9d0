"""A reward must find in the row, or in the scope, what it judges a completion by."""

from lcspec.compile.asking import columns_of, tuned_on
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Bound, Spec
from lcspec.kinds import registry
from lcspec.kinds.rewards import judges_answers

REMEDY = {
    "target": "name the column with the right answer: `columns: {target: …}`",
    "accepted": "name the column with right answers: `columns: {accepted: …}`, or `target`",
    "labels": "declare `scope.labels`",
}


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0516 for a metric that judges no single answers, or whose ingredients the rows of the recipe do not have."""
    for recipe in spec.entries("tuning").values():
        for name, reward in getattr(recipe.body, "rewards", {}).items():
            if reward.metric is None:
                continue
            entry = spec.entries("metric").get(reward.metric)
            kind = entry.kind if entry is not None else reward.metric
            path = (*recipe.path, "rewards", name, "metric")
            if not judges_answers(kind):
                usable = sorted(one for one in registry.names("metric") if judges_answers(one) and one != "python")
                message = f"`{reward.metric}` says nothing of a single completion"
                report.error("LC0516", path, message, f"these do: {', '.join(f'`{one}`' for one in usable)}")
                continue
            for need in getattr(registry.module("metric", kind), "needs", ()):
                if need not in _there(spec, recipe):
                    message = f"`{reward.metric}` needs {need}, and the rows of `{recipe.name}` have none"
                    report.error("LC0516", path, message, REMEDY[need])


def _there(spec: Spec, recipe: Bound) -> set[str]:
    """What the rows of a recipe, and the scope, can show."""
    data, _ = tuned_on(recipe) or ("", "")
    columns = columns_of(spec.entries("data").get(data))
    has = {role for role in ("target", "accepted") if getattr(columns, role, None)}
    has |= {"target"} if getattr(columns, "messages", None) else set()  # the last answer of a conversation
    return has | ({"accepted"} if "target" in has else set()) | ({"labels"} if spec.scope.labels else set())
