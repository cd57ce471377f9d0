"""The base of every model that reads a spec: frozen, kebab-case keys, each field documented.

A well-formed value is read here, without pydantic: importing it and building its validators takes longer than the rest
of a plan. What is not plainly well formed goes to the model's pydantic twin (`ir/twin.py`), which decides and explains.
"""

import re
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from lcspec.units import Quantity, WrongUnit

_M = TypeVar("_M", bound="Strict")


def kebab(name: str) -> str:
    """The YAML key of a Python field: `learning_rate` -> `learning-rate`, `from_` -> `from`."""
    return name.rstrip("_").replace("_", "-")


class Option(NamedTuple):
    """A field of a model, as `option` says it; `annotation` and `alias` are filled in by the class.

    Attributes:
        default: the value when the spec is silent; `...` when it must speak.
        description: one sentence for hover text and `explain`.
        json_schema_extra: marks for schemas and keys: x-unit, x-key, x-family, x-refers, x-effect, x-source.
        limits: constraints by pydantic's names (`ge`, `le`, `min_length`, …).
        annotation: the type.
        alias: the key in YAML.
    """

    default: Any
    description: str
    json_schema_extra: Mapping[str, Any]
    limits: Mapping[str, Any]
    annotation: Any = None
    alias: str = ""

    def is_required(self) -> bool:
        """Whether the spec must say it."""
        return self.default is ...


def option(
    default: Any = ...,
    *,
    doc: str,
    unit: str | None = None,
    key: bool = True,
    refers: str | None = None,
    effect: str | None = None,
    source: str | None = None,
    **limits: Any,
) -> Any:
    """A field of a spec model.

    Args:
        default: the value when the spec is silent; required when left out; a model's class means its own defaults.
        doc: one sentence for hover text and `explain`.
        unit: the unit of the number, or None for a plain count or text.
        key: the digest mark: False for fields that never change a result (descriptions, limits on time).
        refers: what the value names: a family (`model`), or `data.split`, `suite.metric`; see compile/references.py.
        effect: what a larger or another value does to the result, for `explain`; a field that stands for one of its
            base keeps the base's effect and source where it says none.
        source: the paper or specification that the field comes from.
        limits: pydantic constraints (`ge`, `le`, `min_length`, …).
    """
    if isinstance(default, type):
        default = default()
    said = {"x-refers": refers, "x-effect": effect, "x-source": source}
    extra = {"x-unit": unit, "x-key": key, **{name: text for name, text in said.items() if text}}
    return Option(default, doc, extra, limits)


class _Models(type):
    """Collects the fields of a model when its class is made."""

    model_fields: Mapping[str, Option]

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
        super().__init__(name, bases, namespace)
        fields: dict[str, Option] = {}
        for base in reversed(cls.__mro__[1:]):
            fields |= getattr(base, "model_fields", {})
        for field, said in namespace.items():
            if isinstance(said, Option):
                before = fields[field].json_schema_extra if field in fields else {}
                kept = {mark: before[mark] for mark in ("x-effect", "x-source") if mark in before}
                fields[field] = said._replace(
                    json_schema_extra={**kept, **said.json_schema_extra},
                    annotation=cls.__annotations__[field],
                    alias=kebab(field),
                )
        cls.model_fields = fields


class Strict(metaclass=_Models):
    """Unknown keys are errors, values are frozen, keys are kebab-case.

    Built by keyword, unchecked: `construct` checks. `model_fields_set` holds the fields that were given.
    """

    model_fields_set: frozenset[str]

    def __init__(self, **values: Any) -> None:
        fields = type(self).model_fields
        made = {name: values.get(name, field.default) for name, field in fields.items()}
        if len(made.keys() | values.keys()) > len(made) or ... in made.values():
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(fields)}; got {', '.join(values)}")
        self.__dict__.update(made)
        object.__setattr__(self, "model_fields_set", frozenset(values))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), tuple(self._values().items())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._values().items())})"

    def _values(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in type(self).model_fields}


class Invalid(ValueError):
    """Values that do not fit a model; `faults` as pydantic words them: dictionaries with type, loc and msg."""

    def __init__(self, faults: list[Any]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults))


# --- reading ---------------------------------------------------------------------------------------------------------


class _Unclear(Exception):
    """A value that pydantic must look at."""


def construct(model: type[_M], data: Mapping[str, Any]) -> _M:
    """`data`, under YAML keys, as a `model`.

    Raises:
        Invalid: with every fault.
    """
    try:
        return _construct(model, data)
    except _Unclear:
        from lcspec.ir.twin import validate

        return validate(model, data)


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
    return model(**values)


@cache
def _readers(model: type[Strict]) -> dict[str, tuple[str, bool, Callable[[Any], Any]]]:
    """YAML key to field name, whether it is required, and how its value is read."""
    return {
        field.alias: (name, field.is_required(), _limited(_reader(field.annotation), field.limits))
        for name, field in model.model_fields.items()
    }


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


def _reader(annotation: Any) -> Callable[[Any], Any]:
    """How a value of an annotated type is read; anything unknown is left to pydantic."""
    if get_origin(annotation) is Annotated:
        marks = get_args(annotation)[1:]
        return _quantity(marks[0]) if len(marks) == 1 and isinstance(marks[0], Quantity) else _unclear
    return _plain_reader(annotation)


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


def _limited(inner: Callable[[Any], Any], limits: Mapping[str, Any]) -> Callable[[Any], Any]:
    """`inner` under limits by name."""
    if not limits:
        return inner
    if not limits.keys() <= _LIMITS.keys():
        return _unclear
    holds = [(_LIMITS[name], limit) for name, limit in limits.items()]

    def reader(value: Any) -> Any:
        made = inner(value)
        if made is not None and not all(hold(made, limit) for hold, limit in holds):
            raise _Unclear
        return made

    return reader


# --- writing ---------------------------------------------------------------------------------------------------------


def plain(
    body: Strict, *, alias: bool = True, leave_out: tuple[str, ...] = (), unset: bool = True, none: bool = True
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
        made[(info.alias) if alias else name] = _jsonable(value, alias, unset, none)
    return made


def _jsonable(value: Any, alias: bool, unset: bool, none: bool) -> Any:
    if isinstance(value, Strict):
        return plain(value, alias=alias, unset=unset, none=none)
    if isinstance(value, Mapping):
        return {key: _jsonable(item, alias, unset, none) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_jsonable(item, alias, unset, none) for item in value]
    return value


def marked(body: Strict) -> dict[str, Any]:
    """The fields of `body` that carry the digest mark, as plain JSON under their YAML names."""
    unmarked = [name for name, info in type(body).model_fields.items() if not _is_key(info.json_schema_extra)]
    return plain(body, leave_out=tuple(unmarked))


def _is_key(extra: Any) -> bool:
    return not (isinstance(extra, dict) and extra.get("x-key") is False)
