"""A reward is a metric, a function of the project, or a length, and never two of them."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

SAID = ("metric", "path", "words_at_most")
HELP = "say `metric: exact-match`, `path: rewards/own.py, function: own`, or `words-at-most: 50`"


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0515 for a reward that says none or several of these, or a file without its function."""
    for recipe in spec.entries("tuning").values():
        for name, reward in getattr(recipe.body, "rewards", {}).items():
            path = (*recipe.path, "rewards", name)
            said = [one.replace("_", "-") for one in SAID if getattr(reward, one) is not None]
            if len(said) > 1:
                listed = " and ".join(f"`{one}`" for one in said)
                report.error("LC0515", path, f"`{name}` says {listed}: a reward is one of them", HELP, key=True)
            elif not said:
                report.error("LC0515", path, f"`{name}` does not say what it judges by", HELP, key=True)
            elif (said == ["path"]) != (reward.function is not None):
                what = "a function without its file" if reward.function else "a file without a function"
                report.error("LC0515", path, f"`{name}` names {what}", "say both: `path` and `function`", key=True)
