"""The base of every model that reads a spec: frozen, kebab-case keys, each field documented.

`construct` and `plain` do for well-formed values what pydantic's validator and serialiser do, without building them:
that takes longer than the rest of a plan. What is not plainly well formed goes to pydantic, which decides and explains.
"""

import re
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

from lcspec.units import Quantity, WrongUnit

_M = TypeVar("_M", bound=BaseModel)


def kebab(name: str) -> str:
    """The YAML key of a Python field: `learning_rate` -> `learning-rate`, `from_` -> `from`."""
    return name.rstrip("_").replace("_", "-")


class Strict(BaseModel):
    """Unknown keys are errors, values are frozen, keys are kebab-case."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=kebab,
        populate_by_name=True,
        defer_build=True,
        hide_input_in_errors=True,
    )


def option(default: Any = ..., *, doc: str, unit: str | None = None, key: bool = True, **limits: Any) -> Any:
    """A field of a spec model.

    Args:
        default: the value when the spec is silent; required when left out; a model's class means its own defaults.
        doc: one sentence for hover text and `explain`.
        unit: the unit of the number, or None for a plain count or text.
        key: the digest mark: False for fields that never change a result (descriptions, limits on time).
        limits: pydantic constraints (`ge`, `le`, `min_length`, …).
    """
    if isinstance(default, type):
        default = default.model_construct()  # type: ignore[attr-defined]
    return Field(default, description=doc, json_schema_extra={"x-unit": unit, "x-key": key}, **limits)


# --- reading ---------------------------------------------------------------------------------------------------------


class _Unclear(Exception):
    """A value that pydantic must look at."""


def construct(model: type[_M], data: Mapping[str, Any]) -> _M:
    """`data`, under YAML keys, as a `model`.

    Raises:
        pydantic.ValidationError: with every fault.
    """
    try:
        return _construct(model, data)
    except _Unclear:
        return model.model_validate(data)


def _construct(model: type[_M], data: Mapping[str, Any]) -> _M:
    readers = _readers(model)
    if not data.keys() <= readers.keys():
        raise _Unclear
    values = {}
    for key, (name, required, reader) in readers.items():
        if key in data:
            values[name] = reader(data[key])
        elif required:
            raise _Unclear
    return model.model_construct(**values)


@cache
def _readers(model: type[BaseModel]) -> dict[str, tuple[str, bool, Callable[[Any], Any]]]:
    """YAML key to field name, whether it is required, and how its value is read."""
    made = {}
    decorators = model.__pydantic_decorators__
    custom = decorators.model_validators or decorators.field_validators or decorators.root_validators
    for name, info in model.model_fields.items():
        reader = _unclear if custom else _reader(info.annotation, tuple(info.metadata))
        made[info.alias or name] = (name, info.is_required(), reader)
    return made


def _unclear(value: Any) -> Any:
    raise _Unclear


def _exactly(wanted: type) -> Callable[[Any], Any]:
    def reader(value: Any) -> Any:
        if type(value) is not wanted:
            raise _Unclear
        return value

    return reader


def _float(value: Any) -> float:
    if type(value) not in (int, float):
        raise _Unclear
    return float(value)


def _reader(annotation: Any, metadata: tuple[Any, ...] = ()) -> Callable[[Any], Any]:
    """How a value of an annotated type is read; anything unknown is left to pydantic."""
    quantities = [mark for mark in metadata if isinstance(mark, Quantity)]
    if quantities:
        return _quantity(quantities[0]) if len(metadata) == 1 else _unclear
    inner = _plain_reader(annotation)
    return _limited(inner, metadata) if metadata else inner


def _quantity(mark: Quantity) -> Callable[[Any], Any]:
    def reader(value: Any) -> Any:
        try:
            return mark.parse(value)
        except WrongUnit:
            raise _Unclear from None

    return reader


def _plain_reader(annotation: Any) -> Callable[[Any], Any]:
    if annotation in (str, int, bool):
        return _exactly(annotation)
    if annotation is float:
        return _float
    if annotation is Any:
        return lambda value: value
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return lambda value: _construct(annotation, value) if isinstance(value, dict) else _unclear(value)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _one_of(arguments)
    if origin is Annotated:
        return _reader(arguments[0], arguments[1:])
    if origin in (Union, types.UnionType):
        rest = [part for part in arguments if part is not type(None)]
        return _optional(_reader(rest[0])) if len(rest) == 1 and len(arguments) == 2 else _unclear
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _items(_reader(arguments[0]))
    if origin is not None and issubclass(origin, Mapping) and arguments[0] is str:
        return _values(_reader(arguments[1]))
    return _unclear


def _one_of(allowed: tuple[Any, ...]) -> Callable[[Any], Any]:
    by_type = {(type(item), item) for item in allowed}
    return lambda value: value if type(value) in (str, int) and (type(value), value) in by_type else _unclear(value)


def _optional(inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else inner(value)


def _items(inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: tuple(map(inner, value)) if type(value) in (list, tuple) else _unclear(value)


def _values(inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def reader(value: Any) -> Any:
        if type(value) is not dict or any(type(key) is not str for key in value):
            raise _Unclear
        return {key: inner(item) for key, item in value.items()}

    return reader


_LIMITS: dict[str, Callable[[Any, Any], bool]] = {
    "ge": lambda value, limit: value >= limit,
    "gt": lambda value, limit: value > limit,
    "le": lambda value, limit: value <= limit,
    "lt": lambda value, limit: value < limit,
    "min_length": lambda value, limit: len(value) >= limit,
    "max_length": lambda value, limit: len(value) <= limit,
    # pydantic's `$` means the very end of the text, Python's also stands before a last line break
    "pattern": lambda value, limit: "\n" not in value and re.search(limit, value) is not None,
}


def _limited(inner: Callable[[Any], Any], metadata: tuple[Any, ...]) -> Callable[[Any], Any]:
    """`inner` under the limits of `metadata` (objects of annotated-types, one attribute each)."""
    limits = []
    for mark in metadata:
        known = [name for name in _LIMITS if hasattr(mark, name)]
        if len(known) != 1:
            return _unclear
        limits.append((_LIMITS[known[0]], getattr(mark, known[0])))

    def reader(value: Any) -> Any:
        made = inner(value)
        if made is not None and not all(holds(made, limit) for holds, limit in limits):
            raise _Unclear
        return made

    return reader


# --- writing ---------------------------------------------------------------------------------------------------------


def plain(
    body: BaseModel, *, alias: bool = True, leave_out: tuple[str, ...] = (), unset: bool = True, none: bool = True
) -> dict[str, Any]:
    """`body` as plain JSON values.

    Args:
        body: the model.
        alias: write YAML keys rather than field names.
        leave_out: names of fields of `body` itself to leave out.
        unset: include fields that the spec was silent about.
        none: include fields that are None.
    """
    made = {}
    for name, info in type(body).model_fields.items():
        value = getattr(body, name)
        if name in leave_out or (not unset and name not in body.model_fields_set) or (not none and value is None):
            continue
        made[(info.alias or name) if alias else name] = _jsonable(value, alias, unset, none)
    return made


def _jsonable(value: Any, alias: bool, unset: bool, none: bool) -> Any:
    if isinstance(value, BaseModel):
        return plain(value, alias=alias, unset=unset, none=none)
    if isinstance(value, Mapping):
        return {key: _jsonable(item, alias, unset, none) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_jsonable(item, alias, unset, none) for item in value]
    return value


def marked(body: BaseModel) -> dict[str, Any]:
    """The fields of `body` that carry the digest mark, as plain JSON under their YAML names."""
    unmarked = [name for name, info in type(body).model_fields.items() if not _is_key(info.json_schema_extra)]
    return plain(body, leave_out=tuple(unmarked))


def _is_key(extra: Any) -> bool:
    return not (isinstance(extra, dict) and extra.get("x-key") is False)
