"""JSON Schemas (draft 2020-12) of everything that lcspec reads or writes; `schemas/` holds what this module makes."""

from collections.abc import Callable

from lcspec import storeschema
from lcspec.planschema import plan, why
from lcspec.reviewschema import diff
from lcspec.runschema import comparison, event, runs, status
from lcspec.schemaparts import BLAKE3, COUNT, SHA256, TEXT, Schema, diagnostic, or_null, record_of, whole
from lcspec.specschema import spec


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
            "outputs": {"type": "object", "additionalProperties": BLAKE3},
            "metrics": {"type": "object"},
            "measured": {"type": "object"},
            "versions": {"type": "object", "additionalProperties": TEXT},
            "warnings": {"type": "array", "items": TEXT},
            "finished": TEXT,
        },
    )


def release() -> Schema:
    """A release manifest."""
    digests = {"type": "object", "additionalProperties": BLAKE3}
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


def prompt() -> Schema:
    """`show prompt --format json`: what a model is given for a row."""
    truth: Schema = {"type": "boolean"}
    token = whole({"id": COUNT, "text": TEXT, "special": truth, "loss": truth})
    texts: Schema = {"type": "object", "additionalProperties": TEXT}
    row = whole({"number": {"type": "integer", "minimum": 1}, "id": TEXT, "variables": texts})
    messages: Schema = {"type": "array", "items": whole({"role": TEXT, "content": TEXT})}
    return record_of(
        "lcspec shown prompt",
        {
            "prompt": TEXT,
            "data": TEXT,
            "split": TEXT,
            "model": TEXT,
            "row": or_null(row),
            "answer": or_null(TEXT),
            "resolved": {"type": "object", "description": "The prompt as the runtime reads it."},
            "messages": or_null(messages),
            "text": or_null(TEXT),
            "tokens": or_null({"type": "array", "items": token}),
            "notes": {"type": "array", "items": TEXT},
        },
    )


def imported() -> Schema:
    """`import --format json`: the spec, and what became of each key of the training file."""
    one = {"key": TEXT, "outcome": {"enum": ["carried", "adapted", "defaulted", "dropped", "needless"]}}
    one |= {"to": TEXT, "why": TEXT}
    key = {"type": "object", "properties": one, "required": sorted(one), "additionalProperties": False}
    return record_of(
        "lcspec import",
        {
            "tool": {"enum": ["axolotl", "llama-factory"]},
            "file": TEXT,
            "spec": {"type": ["string", "null"], "description": "Where the spec was written."},
            "name": TEXT,
            "text": {**TEXT, "description": "The spec."},
            "counts": {"type": "object", "additionalProperties": COUNT},
            "keys": {"type": "array", "items": key},
        },
    )


BUILDERS: dict[str, Callable[[], Schema]] = {
    "comparison": comparison,
    "diagnostics": diagnostics,
    "diff": diff,
    "event": event,
    "gc": storeschema.gc,
    "import": imported,
    "lock": lock,
    "plan": plan,
    "prompt": prompt,
    "record": record,
    "release": release,
    "runs": runs,
    "show": show,
    "spec": spec,
    "status": status,
    "verify": storeschema.verify,
    "why": why,
}
