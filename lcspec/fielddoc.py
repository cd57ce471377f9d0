"""What a field of the language means, for people: the words behind hover texts and the schema."""

from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from lcspec.ir.strict import Option, Strict, plain
from lcspec.units import Quantity

SECTIONS: Mapping[str, str] = {
    "lcspec": "Version of the language. This lcspec reads `1`.",
    "name": "Name of the project: lower-case words joined by `-`.",
    "description": "What the system is for, in a sentence.",
    "extends": "Specs that this one is laid over, relative to its folder; the last one lies on top.",
    "variables": "Names to values that fill `${name}` in texts; `--var-file` replaces values.",
    "scope": "What the system is for, accurately and narrowly: the compiler holds candidates against it.",
    "data": "Rows and documents by name.",
    "models": "Models by name: candidates, and embedders for retrieval.",
    "prompts": "How a row is put to a model, by name.",
    "tuning": "Recipes that make new weights, by name; they chain with `after`.",
    "evaluation": "Evidence: suites measure, gates decide.",
    "ladder": "Rungs, cheapest first; the first that passes its gates wins. What a rung does not name it inherits.",
    "augmentation": "What surrounds the model: retrieval, guardrails, tools. Evaluated together with it.",
    "deployment": "Optimised forms, each measured and gated again, and the code that is generated.",
    "allow": "What could run code and may be used: each item with the digest of the file that somebody has read.",
    "moved": "Entries that were renamed: their results, histories and evidence follow, and nothing runs again.",
    "evaluation.suites": "What is measured, by name.",
    "evaluation.metrics": "Metrics of your own, by name; suites name them as they name the built-in ones.",
    "evaluation.gates": "Thresholds that evidence must show with a confidence, by name.",
    "evaluation.select-by": "The `suite.metric` that ranks candidates; by default the first gate's.",
    "deployment.optimize": "Smaller forms of the finalist, by name; the smallest that keeps its gates is released.",
    "deployment.targets": "Services and manifests that are generated, by name.",
}
_PLAIN = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", Any: "any value"}
_LIMITS = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}
_LIMITS |= {"min_length": "at least {} long", "max_length": "at most {} long", "pattern": "of the form `{}`"}


def markdown(key: str, option: Option) -> str:
    """A field as a few lines of Markdown: what it is, its type, default, unit, limits, and what a new value does."""
    facts = [f"*{type_of(option)}*"]
    facts += [f"unit: {option.json_schema_extra['x-unit']}"] if option.json_schema_extra.get("x-unit") else []
    facts += [_LIMITS[name].format(limit) for name, limit in option.limits.items() if name in _LIMITS]
    facts.append("required" if option.is_required() else f"default: {default_of(option)}")
    keyed = option.json_schema_extra.get("x-key") is not False
    effect = "A new value runs the steps that read it again." if keyed else "Changes no result: nothing runs again."
    if option.json_schema_extra.get("x-refers"):
        effect = "What is named counts by its content: steps run again when that differs."
    more = [
        str(option.json_schema_extra[mark]) for mark in ("x-effect", "x-source") if mark in option.json_schema_extra
    ]
    return "\n\n".join([f"**{key}** — {option.description}", " · ".join(facts), *more, effect])


def default_of(option: Option) -> str:
    """The default in Markdown."""
    value = option.default
    if value is None:
        return "none"
    shown = plain(value, none=False) if isinstance(value, Strict) else value
    if shown in ((), {}, []):
        return "empty"
    if isinstance(shown, bool):
        return f"`{str(shown).lower()}`"
    if isinstance(shown, tuple):
        return ", ".join(f"`{item}`" for item in shown)
    return f"`{shown}`" if shown != "" else "an empty text"


def type_of(option: Option) -> str:
    """The type in words."""
    return "a source: a mapping with a `kind`" if option.json_schema_extra.get("x-family") else _type(option.annotation)


def _type(annotation: Any) -> str:
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    marks = [mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Quantity)]
    if marks:
        examples = ", ".join(f"`{example}`" for example in marks[0].schema.get("examples", ()))
        return f"quantity such as {examples}"
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return "mapping"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(f"`{value}`" for value in arguments)
    inner = [part for part in arguments if part not in (type(None), Ellipsis)]
    if origin is Union or type(annotation).__name__ == "UnionType":
        return " or ".join(dict.fromkeys(_type(part) for part in inner))
    if origin is tuple:
        return f"list of {_type(inner[0])}" if inner else "list"
    if origin is not None and issubclass(origin, Mapping):
        return f"mapping of names to {_type(inner[-1])}"
    return _type(inner[0]) if inner else str(getattr(annotation, "__name__", annotation))


def choices(annotation: Any) -> tuple[Any, ...]:
    """The values that a type lists (of its items, for lists); empty where it lists none."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if annotation is bool:
        return (True, False)
    found: list[Any] = []
    for part in get_args(annotation):
        found += [value for value in choices(part) if value not in found]
    return tuple(found)
