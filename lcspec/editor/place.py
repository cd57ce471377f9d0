"""What the language expects at a path: keys of a model, names of entries, or a value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

from lcspec.compile.matrices import MATRICES, MATRIX
from lcspec.compile.references import GATES, SELECT_BY
from lcspec.fielddoc import SECTIONS as DOCS
from lcspec.ir.document import Path
from lcspec.ir.spec import GateSpec, Move, Rung, Scope
from lcspec.ir.strict import Option, Strict
from lcspec.kinds import registry
from lcspec.kinds.api import SECTIONS

TOP: tuple[str, ...] = (
    "lcspec",
    "name",
    "description",
    "extends",
    "variables",
    "scope",
    "data",
    "models",
    "prompts",
    "tuning",
)
TOP += ("augmentation", "evaluation", "ladder", "deployment", "allow", "moved")
KindOf = Callable[[Path], str | None]  # the kind that the entry at a path says it has, or means


@dataclass(frozen=True)
class Place:
    """What may stand at a path.

    Attributes:
        docs: fixed keys with what they mean, such as sections.
        fields: keys of a model with their options.
        entries: the family whose entries are named here by keys that are free.
        kinds: the family whose kinds `kind:` may name.
        option: the field whose value (or item) stands here.
        refers: what a value here names, such as `data.split`.
        kind_value: the family whose kinds the value here must be one of.
        model: the model of the fields.
    """

    docs: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Option] = field(default_factory=dict)
    entries: str | None = None
    kinds: str | None = None
    option: Option | None = None
    refers: str | None = None
    kind_value: str | None = None
    model: type[Strict] | None = None


def place_at(path: Path, kind_of: KindOf) -> Place:
    """What is expected at `path`; an empty place where the language says nothing."""
    strings = tuple(part for part in path if isinstance(part, str))
    if not path:
        return Place(docs={name: DOCS[name] for name in TOP})
    if path == ("scope",) or path[0] == "scope":
        return _below(_model(Scope), path[1:])
    for section, family in SECTIONS.items():
        if path == section:
            return Place(entries=family)
        if path[: len(section)] == section and len(path) > len(section):
            head = path[: len(section) + 1]
            return _entry(family, head, path[len(head) :], kind_of)
    if path in (("evaluation",), ("deployment",)):
        starts = f"{path[0]}."
        return Place(docs={key.removeprefix(starts): text for key, text in DOCS.items() if key.startswith(starts)})
    if path[:2] == GATES:
        return Place() if len(path) == 2 else _below(_model(GateSpec), path[3:])
    if path == SELECT_BY:
        return Place(refers="suite.metric")
    if path[0] == "ladder":
        return Place() if len(path) == 1 else _below(_model(Rung), path[2:])
    if path[0] == "moved":
        return Place() if len(path) == 1 else _below(_model(Move), path[2:])
    return Place(option=None) if strings else Place()


def _model(model: type[Strict]) -> Place:
    return Place(fields={info.alias: info for info in model.model_fields.values()}, model=model)


def _entry(family: str, at: Path, rest: Path, kind_of: KindOf) -> Place:
    """An entry with a kind, or what lies below it."""
    kind = kind_of(at)
    known = kind is not None and kind in registry.names(family)
    body = registry.load(family, str(kind)).body if known else None
    if rest == ("kind",):
        return Place(kind_value=family)
    if rest and rest[0] == "from" and body is not None and "from_" in body.model_fields:
        return _entry("source", (*at, "from"), rest[1:], kind_of)
    if rest and rest[0] == MATRIX and at[:-1] in MATRICES and body is not None:
        return _model(body) if len(rest) == 1 else _below(_model(body), rest[1:])
    if rest:
        return _below(_model(body), rest) if body is not None else Place()
    fields = _model(body).fields if body is not None else {}
    docs = {"kind": f"Which kind of {family} this is."}
    if at[:-1] in MATRICES:
        docs[MATRIX] = "Keys of this entry to lists of values: one entry for each combination."
    return Place(docs=docs, fields=fields, kinds=family, model=body)


def _below(here: Place, rest: Path) -> Place:
    """What lies below a model."""
    for index, part in enumerate(rest):
        if here.option is not None and isinstance(part, int):
            continue  # an item of a list
        info = here.fields.get(str(part))
        if info is None:
            return Place()
        inner, free = _inside(info.annotation)
        if inner is None:
            here = Place(option=info, refers=info.json_schema_extra.get("x-refers"))
            continue
        following = rest[index + 1 :]
        if free and following:  # a name or an index before the model's own keys
            return _below(_model(inner), following[1:])
        return Place(option=info) if free else _below(_model(inner), following) if following else _with(inner, info)
    return here


def _with(model: type[Strict], info: Option) -> Place:
    made = _model(model)
    return Place(fields=made.fields, model=model, option=info)


def _inside(annotation: Any) -> tuple[type[Strict] | None, bool]:
    """The model in a type, and whether it stands in a list or under free names."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation, False
    origin = get_origin(annotation)
    collection = isinstance(origin, type) and (origin is tuple or issubclass(origin, Mapping))
    for part in get_args(annotation):
        model, free = _inside(part)
        if model is not None:
            return model, free or collection
    return None, False
