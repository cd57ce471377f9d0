"""Values that pydantic would bend into shape and a spec may not: texts as numbers, words as booleans, Python's names.

`"1e-4"` for a number and `no` for a boolean read as something else in the next tool; the remedy is mechanical, so the
spec says it plainly instead.
"""

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from lcspec.ir.strict import Strict

_TYPES = {bool: (bool,), int: (int, float), float: (int, float)}


def loose(model: type[Strict], data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A fault like pydantic's (type `loose_bool`, `loose_int`, `loose_float` or `extra_forbidden`) for each of them."""
    return list(_model(model, data, ()))


def _model(model: type[Strict], data: Mapping[str, Any], loc: tuple[Any, ...]) -> Any:
    fields = {field.alias: field for field in model.model_fields.values()}
    for key, value in data.items():
        if key in fields:
            yield from _value(fields[key].annotation, value, (*loc, key))
        elif key in model.model_fields:
            yield _fault("extra_forbidden", (*loc, key), value)


def _value(annotation: Any, value: Any, loc: tuple[Any, ...]) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _TYPES:
        if isinstance(value, str | int | float) and type(value) not in _TYPES[annotation]:
            yield _fault(f"loose_{annotation.__name__}", loc, value)
    elif isinstance(annotation, type) and issubclass(annotation, Strict):
        if isinstance(value, dict):
            yield from _model(annotation, value, loc)
    elif origin in (Union, types.UnionType):
        parts = [part for part in arguments if part is not type(None)]
        if len(parts) == 1 and value is not None:
            yield from _value(parts[0], value, loc)
    elif origin is tuple and isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _value(arguments[0], item, (*loc, index))
    elif origin not in (None, Literal, Annotated) and issubclass(origin, Mapping) and isinstance(value, dict):
        for key, item in value.items():
            yield from _value(arguments[1], item, (*loc, key))


def _fault(kind: str, loc: tuple[Any, ...], value: Any) -> dict[str, Any]:
    return {"type": kind, "loc": loc, "msg": kind, "input": value, "ctx": {}}
