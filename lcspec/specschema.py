"""The JSON Schema of the language, made for editors: completion, hover and validation come from the spec's own models.

One definition per kind, chosen by `if`/`then`, so that an editor shows the keys of the kind that is named. A spec that
extends another need not say what its base says. Names and cross-field rules are beyond a schema: `lcspec check` and
`lcspec lsp` know them.
"""

import json
from typing import Any

from lcspec.compile.matrices import MATRICES, MATRIX
from lcspec.compile.parse import parse
from lcspec.compile.references import default_kind
from lcspec.fielddoc import SECTIONS as DOCS
from lcspec.ir.document import to_data
from lcspec.ir.source import SourceFile
from lcspec.ir.spec import GateSpec, Move, Rung, Scope
from lcspec.kinds import registry
from lcspec.kinds.api import SECTIONS, Kind
from lcspec.schemaparts import DRAFT, NAME, TEXT, Schema
from lcspec.typeschema import model_schema, required_keys

PROJECT = r"^[a-z][a-z0-9]*([._-][a-z0-9]+)*$"
NOTES: Schema = {"^x-": {}}  # notes of the user's own
FIRST = {
    "lcspec": 1,
    "name": "${1:my-project}",
    "scope": {"task": "${2:classification}", "labels": ["${3:first}", "${4:second}"]},
}


def spec() -> Schema:
    """The language with the kinds that are installed."""
    definitions: Schema = {}
    demands: Schema = {}
    for path, family in SECTIONS.items():
        definitions[family], demands[family] = _section(path, family, definitions)
    _section(("source",), "source", definitions)
    definitions["scope"] = model_schema(Scope, required=False)
    definitions["gate"] = model_schema(GateSpec, required=False)
    definitions["rung"] = _rung()
    definitions["move"] = model_schema(Move)
    definitions["values"] = {"type": "array", "minItems": 1, "description": "Values, one for each entry."}
    made = _object(_properties(), "An lcspec lifecycle spec.")
    made["defaultSnippets"] = [{"label": "a new spec", "description": "The head of a spec", "body": FIRST}]
    made |= {"if": {"required": ["extends"]}, "then": {}, "else": _demanded(demands)}
    return {"$schema": DRAFT, "title": "lcspec lifecycle spec", **made, "$defs": dict(sorted(definitions.items()))}


def _properties() -> Schema:
    sections = {path: {"$ref": f"#/$defs/{family}"} for path, family in SECTIONS.items()}
    gate = {"$ref": "#/$defs/gate"}
    gates = {"type": "object", "additionalProperties": gate, **_told("evaluation.gates"), "defaultSnippets": _GATES}
    inner = {key: sections[("evaluation", key)] for key in ("suites", "metrics")} | {"gates": gates}
    inner["select-by"] = {**TEXT, **_told("evaluation.select-by"), "examples": ["suite.accuracy"]}
    rungs = {"type": "array", "items": {"$ref": "#/$defs/rung"}, **_told("ladder")}
    targets = {key: sections[("deployment", key)] for key in ("optimize", "targets")}
    return {
        "lcspec": {"const": 1, **_told("lcspec")},
        "name": {"type": "string", "pattern": PROJECT, "patternErrorMessage": DOCS["name"], **_told("name")},
        "description": {**TEXT, **_told("description")},
        "extends": {"anyOf": [TEXT, {"type": "array", "items": TEXT}], **_told("extends")},
        "variables": {"type": "object", **_told("variables")},
        "scope": {"$ref": "#/$defs/scope", **_told("scope")},
        **{path[0]: section for path, section in sections.items() if len(path) == 1},
        "evaluation": _object(inner, DOCS["evaluation"]),
        "ladder": rungs,
        "deployment": _object(targets, DOCS["deployment"]),
        "moved": {"type": "array", "items": {"$ref": "#/$defs/move"}, **_told("moved")},
    }


_GATES = [
    {
        "label": "at least",
        "description": "A metric must be at least a threshold, with confidence",
        "body": {"${1:good-enough}": {"metric": "${2:suite.accuracy}", "at-least": "${3:0.8}"}},
    },
    {
        "label": "not worse than",
        "description": "Paired comparison with the untuned base or the promoted release",
        "body": {"${1:no-worse}": {"metric": "${2:suite.accuracy}", "not-worse-than": "${3|base,champion|}"}},
    },
]


def _told(key: str) -> Schema:
    return {"description": DOCS[key].replace("`", ""), "markdownDescription": f"**{key}** — {DOCS[key]}"}


def _section(path: tuple[str, ...], family: str, definitions: Schema) -> tuple[Schema, Schema]:
    """A section of entries, and what is demanded of its entries where no base can say it."""
    kinds = [registry.load(family, name) for name in registry.names(family)]
    bodies = {kind.name: _kind(kind, multiplied=path in MATRICES) for kind in kinds}
    definitions |= _shared(family, bodies)
    definitions |= {f"{family}.{name}": body for name, body in bodies.items()}
    definitions[f"{family}-entry"] = _entry(family, kinds)
    entry = {"$ref": f"#/$defs/{family}-entry"}
    implied = {kind.name: {**entry, "allOf": [_unless_said(kind)]} for kind in kinds}
    plain_kind = default_kind(family, "")
    other = {**entry, "allOf": [_unless_said(registry.load(family, plain_kind))]} if plain_kind else entry
    shown: Schema = {"type": "object", "propertyNames": NAME, "properties": implied, "patternProperties": NOTES}
    shown |= {"additionalProperties": other, "defaultSnippets": [_snippet(kind) for kind in kinds]}
    title = ".".join(path)
    if title in DOCS:
        listed = "\n".join(f"- `{kind.name}`: {kind.summary}" for kind in kinds)
        shown |= {**_told(title), "markdownDescription": f"**{title}** — {DOCS[title]}\n\nKinds:\n{listed}"}
    return shown, _demands(family, kinds, plain_kind)


def _kind(kind: Kind, *, multiplied: bool) -> Schema:
    """The keys of one kind."""
    made = model_schema(kind.body, required=kind.family == "source")
    about = (registry.module(kind.family, kind.name).__doc__ or "").strip()
    told = {"description": kind.summary, "markdownDescription": f"**{kind.name}** — {kind.summary}\n\n{about}"}
    first: Schema = {"kind": {"const": kind.name, **told}}
    if multiplied:
        matrix = "Keys of this entry to lists of values: one entry for each combination."
        values = {"$ref": "#/$defs/values"}
        names = dict.fromkeys(made["properties"], values)
        first[MATRIX] = {"type": "object", "properties": names, "additionalProperties": values, "description": matrix}
    made["properties"] = {**first, **made["properties"]}
    return made


def _shared(family: str, bodies: Schema) -> Schema:
    """Fields that several kinds have alike, taken out of them: one definition for each."""
    alike: dict[str, list[Schema]] = {}
    for body in bodies.values():
        for key, one in body["properties"].items():
            if key not in ("kind", MATRIX) and "$ref" not in one:
                alike.setdefault(f"{family}/{key}#{json.dumps(one, sort_keys=True)}", []).append(body["properties"])
    made: Schema = {}
    for mark, places in alike.items():
        name = mark.partition("#")[0]
        if len(places) > 1 and name not in made:
            key = name.partition("/")[2]
            made[name] = places[0][key]
            for properties in places:
                properties[key] = {"$ref": f"#/$defs/{name.replace('/', '~1')}"}
    return made


def _entry(family: str, kinds: list[Kind]) -> Schema:
    """An entry whose kind is said."""
    said = {"enum": [kind.name for kind in kinds], "description": f"Which kind of {family} this is."}
    said["enumDescriptions"] = [kind.summary for kind in kinds]
    said["markdownEnumDescriptions"] = [f"{kind.summary}\n\n`{kind.example}`" for kind in kinds]
    branches = [
        {"if": _is(kind), "then": {"$ref": f"#/$defs/{family}.{kind.name}"}} for kind in kinds
    ]  # fmt: skip
    made: Schema = {"type": "object", "properties": {"kind": said}, "allOf": branches}
    return {**made, "required": ["kind"]} if family == "source" else made


def _is(kind: Kind) -> Schema:
    return {"properties": {"kind": {"const": kind.name}}, "required": ["kind"]}


def _unless_said(kind: Kind) -> Schema:
    """An entry that does not say its kind is of this one."""
    return {"if": {"not": {"required": ["kind"]}}, "then": {"$ref": f"#/$defs/{kind.family}.{kind.name}"}}


def _demands(family: str, kinds: list[Kind], plain_kind: str) -> Schema:
    """Entries with the keys that their kinds need."""
    branches = [{"if": _is(kind), "then": _requires(kind)} for kind in kinds if required_keys(kind.body)]
    named = {kind.name: _all([*branches, *_unsaid(kind)]) for kind in kinds}
    other = _all([*branches, *(_unsaid(registry.load(family, plain_kind)) if plain_kind else [])])
    if not plain_kind:
        other["required"] = ["kind"]
    return {"properties": named, "patternProperties": NOTES, "additionalProperties": other}


def _unsaid(kind: Kind) -> list[Schema]:
    """What an entry needs that does not say that it is of this kind."""
    needed = _requires(kind)
    return [{"if": {"not": {"required": ["kind"]}}, "then": needed}] if needed else []


def _all(branches: list[Schema]) -> Schema:
    return {"allOf": branches} if branches else {}


def _requires(kind: Kind) -> Schema:
    """The keys that an entry needs, unless a matrix may bring them."""
    needed = required_keys(kind.body)
    if not needed:
        return {}
    return {"if": {"not": {"required": [MATRIX]}}, "then": {"required": needed}}


def _demanded(demands: Schema) -> Schema:
    """What a spec without a base must say."""
    properties: Schema = {"scope": {"required": required_keys(Scope)}}
    for path, family in SECTIONS.items():
        if len(path) == 1:
            properties[path[0]] = demands[family]
        else:
            properties.setdefault(path[0], {"properties": {}})["properties"][path[1]] = demands[family]
    gate = {"additionalProperties": {"required": required_keys(GateSpec)}}
    properties["evaluation"]["properties"]["gates"] = gate
    return {"required": ["lcspec", "name", "scope"], "properties": properties}


def _snippet(kind: Kind) -> Schema:
    """An entry of a kind after its example; the name is the first thing to fill in."""
    root, _ = parse(SourceFile("example", kind.example))
    body: dict[str, Any] = to_data(root) if root is not None else {}
    named = {f"${{1:{kind.name}}}": {"kind": kind.name, **body}}
    return {"label": f"{kind.name} …", "description": kind.summary, "body": named}


def _rung() -> Schema:
    made = model_schema(Rung)
    for axis in made["properties"].values():
        listed = {key: axis.pop(key) for key in ("type", "items", "default") if key in axis}
        axis["anyOf"] = [listed, TEXT]
    return made


def _object(properties: Schema, description: str) -> Schema:
    made: Schema = {"type": "object", "description": description, "markdownDescription": description}
    return {**made, "properties": properties, "additionalProperties": False, "patternProperties": NOTES}
