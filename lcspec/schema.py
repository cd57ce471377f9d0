"""JSON Schemas (draft 2020-12) of everything that lcspec reads or writes; `schemas/` holds what this module makes.

The spec's schema is for editors: completion and hover come from the same models that bind the spec. Cross-field rules
and names are beyond a schema; `lcspec check` knows them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lcspec import storeschema
from lcspec.ir.spec import GateSpec, Rung, Scope
from lcspec.ir.strict import Strict
from lcspec.ir.twin import twin
from lcspec.kinds import registry
from lcspec.kinds.api import SECTIONS
from lcspec.planschema import plan, why
from lcspec.schemaparts import COUNT, DRAFT, NAME, SHA256, TEXT, Schema, diagnostic, record_of


def spec() -> Schema:
    """The language: one definition per kind, so that an editor shows the keys of the kind that is named."""
    definitions: Schema = {}
    sections = {family: _entries(family, definitions) for family in (*SECTIONS.values(), "source")}
    definitions["scope"] = _model(Scope, definitions)
    definitions["gate"] = _model(GateSpec, definitions)
    definitions["rung"] = _rung(definitions)
    properties: Schema = {
        "lcspec": {"const": 1, "description": "Version of the language."},
        "name": {"type": "string", "description": "Name of the project: lower-case words joined by `-`."},
        "description": {"type": "string", "description": "What the system is for, in a sentence."},
        "extends": {
            "anyOf": [TEXT, {"type": "array", "items": TEXT}],
            "description": "Specs that this one is laid over, relative to its folder; the last one lies on top.",
        },
        "variables": {"type": "object", "description": "Names to values that fill `${name}`; see `--var-file`."},
        "scope": {"$ref": "#/$defs/scope"},
        "data": sections["data"],
        "models": sections["model"],
        "prompts": sections["prompt"],
        "tuning": sections["tuning"],
        "augmentation": sections["augment"],
        "evaluation": _object(
            {
                "suites": sections["suite"],
                "gates": {"type": "object", "additionalProperties": {"$ref": "#/$defs/gate"}},
                "select-by": {"type": "string", "description": "`suite.metric` that ranks candidates."},
            },
            "Evidence: suites that measure, gates that decide.",
        ),
        "ladder": {
            "type": "array",
            "items": {"$ref": "#/$defs/rung"},
            "description": "Rungs, cheapest first; the first that passes its gates wins.",
        },
        "deployment": _object(
            {"optimize": sections["optimize"], "targets": sections["deploy"]}, "Optimised forms and what is generated."
        ),
    }
    made = _object(properties, "An lcspec lifecycle spec.", required=None)
    made["if"], made["then"] = {"not": {"required": ["extends"]}}, {"required": ["lcspec", "name", "scope"]}
    return {"$schema": DRAFT, "title": "lcspec lifecycle spec", **made, "$defs": dict(sorted(definitions.items()))}


def _entries(family: str, definitions: Schema) -> Schema:
    """The schema of a section: names to entries, each under the definition of its kind."""
    kinds = {name: registry.load(family, name) for name in registry.names(family)}
    branches = []
    for name, kind in kinds.items():
        body = _model(kind.body, definitions)
        body["properties"] = {"kind": {"const": name, "description": kind.summary}, **body.get("properties", {})}
        body["patternProperties"] = {"^x-": {}}
        definitions[f"{family}.{name}"] = body
        chosen = {"properties": {"kind": {"const": name}}, "required": ["kind"]}
        branches.append({"if": chosen, "then": {"$ref": f"#/$defs/{family}.{name}"}})
    shown = {name: kind.summary for name, kind in kinds.items()}
    entry = {
        "type": "object",
        "properties": {"kind": {"enum": sorted(shown), "description": _list(shown)}},
        "allOf": branches,
    }
    definitions[f"{family}-entry"] = entry
    whole = {"$ref": f"#/$defs/{family}-entry"}
    if family == "source":
        return {**whole, "required": ["kind"]}
    named = {name: {"anyOf": [{"required": ["kind"]}, {"$ref": f"#/$defs/{family}.{name}"}], **whole} for name in kinds}
    default = {"prompt": "template", "suite": "rows"}.get(family)
    other: Schema = {**whole, "required": ["kind"]}
    if default:  # an entry without a kind is of this one
        other = {**whole, "anyOf": [{"required": ["kind"]}, {"$ref": f"#/$defs/{family}.{default}"}]}
    return {
        "type": "object",
        "propertyNames": NAME,
        "properties": named,
        "patternProperties": {"^x-": {}},
        "additionalProperties": other,
        "description": f"Entries of `{family}` by name. " + _list(shown),
    }


def _list(shown: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {summary}" for name, summary in sorted(shown.items()))


def _model(model: type[Strict], definitions: Schema) -> Schema:
    """A model's schema with YAML keys; nested models become definitions, `from` the union of sources."""
    made = twin(model).model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions.update({name: _clean(inner) for name, inner in made.pop("$defs", {}).items()})
    cleaned: Schema = _clean(made)
    return cleaned


def _clean(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_clean(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-family") == "source":
        return {"$ref": "#/$defs/source-entry", "description": schema.get("description")}
    made = {key: _clean(value) for key, value in schema.items() if not _noise(key, value)}
    unit = made.pop("x-unit", None)
    if unit:
        made["description"] = f"{made.get('description', '')} Unit: {unit}."
    return made


def _noise(key: str, value: Any) -> bool:
    """Pydantic's own titles and our digest marks; a property may well be called `title`."""
    return (key == "title" and isinstance(value, str)) or key in ("x-key", "x-refers")


def _rung(definitions: Schema) -> Schema:
    made = _model(Rung, definitions)
    for axis in made["properties"].values():
        listed = {key: axis.pop(key) for key in ("type", "items", "default") if key in axis}
        axis["anyOf"] = [listed, {"type": "string"}]
    return made


def _object(properties: Schema, description: str, required: list[str] | None = None) -> Schema:
    made: Schema = {"type": "object", "description": description, "properties": properties}
    made |= {"additionalProperties": False, "patternProperties": {"^x-": {}}}
    return {**made, "required": required} if required else made


def lock() -> Schema:
    """The lock file."""
    member = {"type": "object", "additionalProperties": SHA256}
    source = {"type": "object", "properties": {"members": member}, "required": ["members"]}
    return record_of(
        "lcspec lock",
        {
            "libraries": {"type": "object", "additionalProperties": TEXT},
            "models": {"type": "object", "additionalProperties": {"type": "object"}},
            "sources": {"type": "object", "additionalProperties": source},
        },
    )


def diagnostics() -> Schema:
    """`check --format json`."""
    listed = {"type": "array", "items": diagnostic()}
    return record_of("lcspec diagnostics", {"ok": {"type": "boolean"}, "diagnostics": listed})


def record() -> Schema:
    """A step's record in the store."""
    return record_of(
        "lcspec step record",
        {
            "key": SHA256,
            "step": TEXT,
            "kind": TEXT,
            "parts": {"type": "object"},
            "outputs": {"type": "object", "additionalProperties": SHA256},
            "metrics": {"type": "object"},
            "measured": {"type": "object"},
            "versions": {"type": "object", "additionalProperties": TEXT},
            "warnings": {"type": "array", "items": TEXT},
            "finished": TEXT,
        },
    )


def event() -> Schema:
    """One line of `apply --format json`."""
    kinds = ["run-started", "step-started", "progress", "log", "step-finished", "step-failed", "choice", "run-finished"]
    return record_of(
        "lcspec event",
        {"event": {"enum": kinds}, "step": {"type": ["string", "null"]}, "time": TEXT, "data": {"type": "object"}},
    )


def release() -> Schema:
    """A release manifest."""
    digests = {"type": "object", "additionalProperties": SHA256}
    return record_of(
        "lcspec release",
        {
            "number": {"type": "integer", "minimum": 1},
            "identity": SHA256,
            "created": TEXT,
            "name": TEXT,
            "candidate": TEXT,
            "parts": digests,
            "evidence": digests,
            "verdicts": {"type": "array", "items": {"type": "object"}},
            "spec_sha256": SHA256,
            "lock_sha256": SHA256,
            "looks": COUNT,
        },
    )


def show() -> Schema:
    """`show --format json`: every value of the resolved spec with its origin."""
    file: Schema = {"type": ["string", "null"]}
    number: Schema = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}
    place = {"file": file, "line": number, "column": number}
    used: Schema = {"type": "object", "properties": place, "required": sorted(place), "additionalProperties": False}
    variable = {"type": "object", "properties": {"name": TEXT, "used": used}, "required": ["name", "used"]}
    origin = {"kind": {"enum": ["spec", "base", "variable", "var-file", "set", "default"]}, **place}
    origin["variable"] = {"anyOf": [{"type": "null"}, variable]}
    value = {
        "path": {"type": "array", "items": {"type": ["string", "integer"]}},
        "value": {"description": "A plain value, or an empty collection."},
        "origin": {"type": "object", "properties": origin, "required": sorted(origin), "additionalProperties": False},
    }
    one = {"type": "object", "properties": value, "required": sorted(value), "additionalProperties": False}
    return record_of("lcspec resolved spec", {"spec": TEXT, "values": {"type": "array", "items": one}})


BUILDERS: dict[str, Callable[[], Schema]] = {
    "diagnostics": diagnostics,
    "event": event,
    "lock": lock,
    "plan": plan,
    "record": record,
    "release": release,
    "show": show,
    "spec": spec,
    "verify": storeschema.verify,
    "why": why,
}
