"""The quick way to read and write spec models agrees with pydantic, whatever the values."""

from functools import cache
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lcspec.ir import spec
from lcspec.ir.loose import loose
from lcspec.ir.strict import Invalid, Strict, construct, plain
from lcspec.ir.twin import twin, untwin
from lcspec.kinds import registry

MODELS = [kind.body for kind in registry.every()]
MODELS += [model for model in vars(spec).values() if isinstance(model, type) and issubclass(model, Strict)]
TEXTS = ["", "a", "Ab", "80%", "2 GiB", "300 ms", "1.5M", "5 USD", "a\n", "0.5", "true", "x.y"]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.sampled_from([-1, 0, 1, 3, 9, 64, 2000, 0.0, 0.5, 1.0, 2.5]), st.sampled_from(TEXTS)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TEXTS, "max", "count"]), inner, max_size=3)
    ),
    max_leaves=4,
)


def likely(annotation: Any) -> st.SearchStrategy[Any]:
    """Values that an annotated type probably takes, among others."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return documents(annotation) | ANYTHING
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation)) | ANYTHING
    inner = [likely(part) for part in get_args(annotation) if part is not Ellipsis and part is not type(None)]
    inner = [strategy for strategy in inner if strategy is not None]
    if get_origin(annotation) is tuple and inner:
        return st.lists(inner[0], max_size=3) | ANYTHING
    return st.one_of(*inner, ANYTHING) if inner else ANYTHING


@cache
def documents(model: type[Strict]) -> st.SearchStrategy[dict[str, Any]]:
    """What a spec might hold for `model`: most keys right, some missing, seldom an unknown one."""
    fields = {info.alias: likely(info.annotation) for name, info in model.model_fields.items()}
    required = {key: fields[key] for key in fields if key in needed(model)}
    optional = {key: value for key, value in fields.items() if key not in required}
    known = st.fixed_dictionaries(required, optional=optional)
    return st.one_of(
        known,
        known,
        known,
        st.builds(lambda a, b: a | b, known, st.just({"unknown": 1})),
        ANYTHING.filter(lambda v: isinstance(v, dict)),
    )


def needed(model: type[Strict]) -> set[str]:
    return {info.alias for name, info in model.model_fields.items() if info.is_required()}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.__module__.split('.')[-1]}.{model.__name__}")
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_reading_and_writing_agree_with_pydantic(model: type[Strict], data: st.DataObject) -> None:
    document = data.draw(documents(model))
    try:
        said = twin(model).model_validate(document)
    except ValidationError:
        with pytest.raises(Invalid):
            construct(model, document)
        return
    if loose(model, document):
        with pytest.raises(Invalid):
            construct(model, document)
        return
    made, wanted = construct(model, document), untwin(model, said)
    assert made == wanted
    assert made.model_fields_set == wanted.model_fields_set
    assert [type(value) for value in vars(made).values()] == [type(value) for value in vars(wanted).values()]
    assert plain(made) == said.model_dump(mode="json", by_alias=True)
    assert plain(made, alias=False, none=False) == said.model_dump(mode="json", exclude_none=True)
    assert plain(made, unset=False) == said.model_dump(mode="json", by_alias=True, exclude_unset=True)
