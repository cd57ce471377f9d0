"""JSON Schemas of the spec's models for editors: types, limits, defaults, and hover texts in Markdown."""

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from lcspec.fielddoc import markdown, type_of
from lcspec.ir.strict import Option, Strict, plain
from lcspec.kinds import registry
from lcspec.schemaparts import Schema
from lcspec.units import Quantity

VARIABLE = r"\$\{"  # a value that a variable fills; it may have any type
_BASIC = {str: "string", int: "integer", float: "number", bool: "boolean"}
_NUMBERS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_TEXTS = {"pattern": "pattern", "min_length": "minLength", "max_length": "maxLength"}
_LISTS = {"min_length": "minItems", "max_length": "maxItems"}


def model_schema(model: type[Strict], *, required: bool = True) -> Schema:
    """An object with the keys of `model`; without `required` those that a base may say are not asked for."""
    properties = {info.alias: field_schema(info) for info in model.model_fields.values()}
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    made["patternProperties"] = {"^x-": {}}
    if model.__doc__:
        made["description"] = model.__doc__.strip().split("\n")[0]
    needed = required_keys(model)
    return {**made, "required": needed} if required and needed else made


def required_keys(model: type[Strict]) -> list[str]:
    """The keys that an entry must have."""
    return sorted(info.alias for info in model.model_fields.values() if info.is_required())


def field_schema(info: Option) -> Schema:
    """The schema of one field, with what an editor shows about it."""
    unit = info.json_schema_extra.get("x-unit")
    told = {"description": info.description + (f" Unit: {unit}." if unit else "")}
    told["markdownDescription"] = markdown(info.alias, info)
    if info.json_schema_extra.get("x-family"):
        return {"$ref": "#/$defs/source-entry", **told}
    made = _of(info.annotation, info.limits, type_of(info))
    if info.json_schema_extra.get("x-refers") == "metric":
        made.get("items", made)["examples"] = list(registry.names("metric"))  # offered, not demanded: plugins have more
    default = plain(info.default, none=False) if isinstance(info.default, Strict) else info.default
    if not info.is_required() and default not in (None, (), {}):
        made["default"] = list(default) if isinstance(default, tuple) else default
    return {**made, **told}


def _of(annotation: Any, limits: Mapping[str, Any], words: str) -> Schema:
    """The schema of a type; `words` say what is expected where a text stands that is none."""
    if get_origin(annotation) in (Union, types.UnionType):
        return _union(annotation, limits, words)
    marks = [mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Quantity)]
    if marks:
        return {key: value for key, value in marks[0].schema.items() if key != "description"}
    if get_origin(annotation) is Annotated:
        return _of(get_args(annotation)[0], limits, words)
    if annotation in _BASIC:
        return _basic(annotation, limits, words)
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return model_schema(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return {"anyOf": [{"enum": list(arguments)}, {"type": "string", "pattern": VARIABLE}]}
    if origin is tuple:
        size = {key: limits[name] for name, key in _LISTS.items() if name in limits}
        return {"type": "array", "items": _of(arguments[0], {}, words) if arguments else {}, **size}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        least = {"minProperties": limits["min_length"]} if "min_length" in limits else {}
        return {"type": "object", "additionalProperties": _of(arguments[1], {}, words), **least}
    return {}


def _basic(annotation: Any, limits: Mapping[str, Any], words: str) -> Schema:
    made: Schema = {"type": _BASIC[annotation]}
    if annotation is str:
        made |= {key: limits[name] for name, key in _TEXTS.items() if name in limits}
        if "pattern" in made:
            made = {"type": "string", "anyOf": [made, {"pattern": VARIABLE}]}
        return made
    made |= {key: limits[name] for name, key in _NUMBERS.items() if name in limits}
    message = f"Expected: {words.replace('`', '')}, or ${{name}} of a variable."
    return {**made, "type": [made["type"], "string"], "pattern": VARIABLE, "patternErrorMessage": message}


def _union(annotation: Any, limits: Mapping[str, Any], words: str) -> Schema:
    """One type or null: a null in a spec that extends another takes the value away."""
    parts = [part for part in get_args(annotation) if part is not type(None)]
    made = [_of(part, limits, words) for part in parts]
    if len(made) > 1:
        return {"anyOf": [*made, {"type": "null"}] if len(parts) < len(get_args(annotation)) else made}
    (only,) = made
    if "type" in only and len(parts) < len(get_args(annotation)):
        listed = only["type"] if isinstance(only["type"], list) else [only["type"]]
        return {**only, "type": [*listed, "null"]}
    return only
