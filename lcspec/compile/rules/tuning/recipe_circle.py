"""Recipes follow each other with `after`; a circle has no first one."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0501 for recipes that wait for each other, told once for each circle."""
    recipes = spec.entries("tuning")
    told: set[str] = set()
    for name in recipes:
        chain = [name]
        while (after := getattr(recipes[chain[-1]].body, "after", None)) and after not in chain:
            chain.append(after)
        if after == name and name not in told:
            told |= set(chain)
            circle = " → ".join([*chain, name])
            path = (*recipes[name].path, "after")
            report.error(
                "LC0501", path, f"recipes wait for each other: {circle}", "let one of them start from the base"
            )
