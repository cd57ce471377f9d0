"""The JSON Schema of a plan."""

from lcspec.schemaparts import COUNT, NUMBER, PLACE, SHA256, TEXT, Schema, diagnostic, or_null, record_of, whole

CAUSES = ["", "first", "changed", "gone", "requested", "unlocked"]
ACTIONS = ["run", "reuse", "conditional", "reuse-if-unchanged", "skip", "left-out"]
REFERENCE = "`step#output`, `choice.winner#slot`, or `blake3:` and the digest of a list of files."


def _amount(unit: str) -> Schema:
    basis = {"type": "object", "additionalProperties": NUMBER}
    return {"low": NUMBER, "high": NUMBER, "unit": {"const": unit}, "basis": basis, "runs": COUNT, "unknown": COUNT}


def moved_fields() -> Schema:
    """Fields of a key that moved: old and new value, and the line that says the new one."""
    return {"type": "array", "items": whole({"field": TEXT, "old": {}, "new": {}, "place": PLACE})}


def _plan_step() -> Schema:
    pair: Schema = {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 2, "maxItems": 2}
    estimate = {"seconds": pair, "memory": COUNT, "disk": or_null(pair), "runs": COUNT, "like": {"type": "boolean"}}
    estimate["basis"] = {"enum": ["formula", "history", "constant"]}
    return whole(
        {
            "id": TEXT,
            "kind": TEXT,
            "step_action": TEXT,
            "version": COUNT,
            "action": {"enum": ACTIONS},
            "reason": TEXT,
            "cause": {"enum": CAUSES},
            "moved": moved_fields(),
            "moved_from": or_null(TEXT),
            "key": or_null(SHA256),
            "params": {"type": "object"},
            "inputs": {"type": "object", "additionalProperties": {**TEXT, "description": REFERENCE}},
            "condition": {"type": "array", "items": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2}},
            "estimate": whole(estimate),
            "group": TEXT,
            "candidate": {"type": ["string", "null"]},
            "source": {"type": "array", "items": {"type": ["string", "integer"]}},
            "place": PLACE,
        }
    )


def why() -> Schema:
    """`why --format json`."""
    moved = {"step": TEXT, "field": TEXT, "old": {}, "new": {}, "maker": or_null(TEXT), "was": or_null(TEXT)}
    moved |= {"note": TEXT, "place": PLACE, "below": {"type": "array", "items": {"$ref": "#/$defs/moved"}}}
    listed: Schema = {"type": "array", "items": {"$ref": "#/$defs/moved"}}
    near = whole({"key": SHA256, "step": TEXT, "finished": TEXT})
    made = record_of(
        "lcspec why",
        {
            "step": TEXT,
            "action": {"enum": ACTIONS},
            "cause": {"enum": CAUSES},
            "reason": TEXT,
            "key": or_null(SHA256),
            "nearest": or_null(near),
            "equal": COUNT,
            "total": COUNT,
            "moved": listed,
            "roots": listed,
            "parts": {"type": "object"},
        },
    )
    return {**made, "$defs": {"moved": whole(moved)}}


def plan() -> Schema:
    """`plan --format json` and saved plans."""
    named: Schema = whole({"path": TEXT, "text": TEXT})
    sources: Schema = {"type": "array", "items": named}
    texts: Schema = {"type": "array", "items": TEXT}
    text: Schema = {"path": TEXT, "sha256": SHA256, "text": TEXT, "bases": sources, "variables": sources, "sets": texts}
    text["from_plan"] = {**TEXT, "description": "The way from a saved plan's folder to the spec."}
    totals = {name: whole(_amount(unit)) for name, unit in (("time", "seconds"), ("memory", "bytes"))}
    totals |= {"disk": whole(_amount("bytes")), "cost": or_null(whole({**_amount("USD"), "hourly_price": NUMBER}))}
    open_ = {"gate": TEXT, "candidate": TEXT, "split": TEXT, "n": COUNT, "needed": {"type": ["integer", "null"]}}
    look = {"gate": TEXT, "split": TEXT, "n": COUNT, "passes_from": {"type": ["number", "null"]}}
    look |= {"needed": {"type": ["integer", "null"]}, "decidable": {"type": "boolean"}}
    capability = {"name": TEXT, "kind": TEXT, "item": TEXT, "sha256": or_null(SHA256), "steps": texts}
    capability |= {"change": {"enum": ["", "new", "changed", "removed"]}, "former": {"type": "array", "items": SHA256}}
    return record_of(
        "lcspec plan",
        {
            "name": TEXT,
            "sha256": {**SHA256, "description": "Digest of all the rest; only in saved plans."},
            "spec": whole(text, optional=("from_plan",)),
            "lock": or_null(whole({"sha256": SHA256, "data": {"type": "object"}})),
            "selection": whole({"target": texts, "exclude": texts, "replace": texts}),
            "moves": {"type": "array", "items": whole({"from": TEXT, "to": TEXT})},
            "capabilities": {"type": "array", "items": whole(capability)},
            "totals": whole(totals),
            "steps": {"type": "array", "items": _plan_step()},
            "choices": {"type": "array", "items": whole({"id": TEXT, "rule": TEXT, "candidates": texts})},
            "decisions": {"type": "object"},
            "gates": {"type": "array", "items": {"type": "object"}},
            "outlooks": {"type": "array", "items": whole(look)},
            "undecided": {"type": "array", "items": whole(open_)},
            "problems": texts,
            "warnings": {"type": "array", "items": diagnostic()},
            "pending": {"type": "boolean"},
        },
        optional=("sha256",),
    )
