"""The pydantic twin of a spec model: made when a value must be explained, or a JSON Schema written, and not before."""

import types
from collections.abc import Mapping
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from lcspec.ir.loose import loose
from lcspec.ir.strict import Invalid, Strict

_M = TypeVar("_M", bound=Strict)
_CONFIG = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


def validate(model: type[_M], data: Mapping[str, Any]) -> _M:
    """`data`, under YAML keys, as a `model`, after all of pydantic's checks.

    Raises:
        Invalid: with every fault, conversions that a spec may not rely on among them (`loose.py`).
    """
    faults = loose(model, data)
    try:
        made = twin(model).model_validate(data)
    except ValidationError as error:
        told = {fault["loc"] for fault in faults}
        faults += [fault for fault in error.errors(include_url=False) if fault["loc"] not in told]  # type: ignore[misc]
    if faults:
        raise Invalid(faults)
    back: _M = untwin(model, made)
    return back


@cache
def twin(model: type[Strict]) -> type[BaseModel]:
    """The pydantic model with the fields, limits and documentation of `model`."""
    fields: dict[str, Any] = {}
    for name, option in model.model_fields.items():
        info = Field(
            _twinned_value(option.default),
            alias=option.alias,
            description=option.description,
            json_schema_extra=dict(option.json_schema_extra),
            **option.limits,
        )
        fields[name] = (_twinned(option.annotation), info)
    made: type[BaseModel] = create_model(
        model.__name__, __config__=_CONFIG, __doc__=model.__doc__, __module__=model.__module__, **fields
    )
    return made


def _twinned(annotation: Any) -> Any:
    """An annotated type with each spec model in it replaced by its twin."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return twin(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if not arguments or origin is Literal:
        return annotation
    inner = tuple(part if part is Ellipsis else _twinned(part) for part in arguments)
    if origin is Annotated:
        return Annotated.__class_getitem__((inner[0], *annotation.__metadata__))
    if origin in (Union, types.UnionType):
        return reduce(or_, inner)
    return types.GenericAlias(origin, inner)


def _twinned_value(value: Any) -> Any:
    """A default as the twin holds it."""
    if isinstance(value, Strict):
        inner = {name: _twinned_value(getattr(value, name)) for name in value.model_fields_set}
        return twin(type(value)).model_construct(**inner)
    return value


def untwin(model: type[Strict], value: BaseModel) -> Any:
    """`value` as the spec model whose twin it is."""
    given = {name: getattr(value, name) for name in value.model_fields_set}
    return model(**{name: _untwinned(model.model_fields[name].annotation, inner) for name, inner in given.items()})


def _untwinned(annotation: Any, value: Any) -> Any:
    if isinstance(value, BaseModel):
        return untwin(_model_of(annotation, type(value)), value)
    if isinstance(value, tuple):
        return tuple(_untwinned(annotation, item) for item in value)
    if isinstance(value, Mapping):
        return {key: _untwinned(annotation, item) for key, item in value.items()}
    return value


def _model_of(annotation: Any, wanted: type[BaseModel]) -> type[Strict]:
    """The model in `annotation` whose twin is `wanted`; LookupError when there is none, which cannot be."""
    if isinstance(annotation, type) and issubclass(annotation, Strict) and twin(annotation) is wanted:
        return annotation
    for part in get_args(annotation):
        try:
            return _model_of(part, wanted)
        except LookupError:
            continue
    raise LookupError(wanted.__name__)
