"""What the JSON Schemas of several artefacts share."""

from typing import Any

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
BLAKE3: Schema = {**SHA256, "description": "BLAKE3 of content in the store: of a list of files."}
NAME: Schema = {"type": "string", "pattern": r"^([a-z][a-z0-9]*([._-][a-z0-9]+)*|x-.*)$"}


def record_of(title: str, properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    """The schema of an artefact that lcspec writes: every key but the `optional` ones is there, none besides."""
    return {"$schema": DRAFT, "title": title, **whole({"format_version": {"const": 1}, **properties}, optional)}


def whole(properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    """An object with exactly these keys."""
    required = sorted(key for key in properties if key not in optional)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def or_null(schema: Schema) -> Schema:
    """What fits `schema`, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


NUMBER: Schema = {"type": "number"}
PLACE: Schema = or_null(whole({"file": TEXT, "line": {"type": "integer", "minimum": 1}}))


def diagnostic() -> Schema:
    """One diagnostic."""
    place = {
        "anyOf": [
            {"type": "null"},
            {
                "type": "object",
                "properties": {"line": {"type": "integer", "minimum": 1}, "column": {"type": "integer", "minimum": 1}},
                "required": ["line", "column"],
            },
        ]
    }
    label = {"type": "object", "properties": {"text": TEXT, "file": TEXT, "start": place, "end": place}}
    fix = {
        "type": ["object", "null"],
        "properties": {"title": TEXT, "safe": {"type": "boolean"}, "edits": {"type": "array", "items": label}},
        "required": ["title", "safe", "edits"],
        "description": "A repair: each edit replaces the text from start to end by its own.",
    }
    return {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^LC[0-9]{4}$"},
            "title": TEXT,
            "severity": {"enum": ["error", "warning"]},
            "message": TEXT,
            "labels": {"type": "array", "items": label},
            "notes": {"type": "array", "items": TEXT},
            "help": {"type": ["string", "null"]},
            "fix": fix,
        },
        "required": ["code", "title", "severity", "message", "labels", "notes", "help"],
    }
