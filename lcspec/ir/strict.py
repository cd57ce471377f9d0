"""The base of every model that reads a spec: strict, frozen, kebab-case keys, each field documented."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


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
        default: the value when the spec is silent; required when left out.
        doc: one sentence for hover text and `explain`.
        unit: the unit of the number, or None for a plain count or text.
        key: the digest mark: False for fields that never change a result (descriptions, limits on time).
        limits: pydantic constraints (`ge`, `le`, `min_length`, …).
    """
    return Field(default, description=doc, json_schema_extra={"x-unit": unit, "x-key": key}, **limits)


def marked(body: BaseModel) -> dict[str, Any]:
    """The fields of `body` that carry the digest mark, as plain JSON under their YAML names."""
    kept = {name for name, info in type(body).model_fields.items() if _is_key(info.json_schema_extra)}
    return body.model_dump(mode="json", by_alias=True, include=kept)


def _is_key(extra: Any) -> bool:
    return not (isinstance(extra, dict) and extra.get("x-key") is False)
