"""The JSON Schema of a review (`diff --format json`)."""

from lcspec.schemaparts import COUNT, NUMBER, TEXT, Schema, diagnostic, or_null, record_of, whole


def diff() -> Schema:
    """What changed, what reruns, what got riskier."""
    position: Schema = {"type": "integer", "minimum": 1}
    place = or_null(whole({"file": TEXT, "line": position, "column": position}))
    path: Schema = {"type": "array", "items": {"type": ["string", "integer"]}}
    change = whole(
        {"kind": {"enum": ["added", "removed", "changed", "moved"]}, "path": path, "old": {}, "new": {}, "place": place}
    )
    moved = whole({"field": TEXT, "old": {}, "new": {}})
    state = {"enum": ["new", "rerun", "follows", "depends", "dropped"]}
    effect = whole({"step": TEXT, "state": state, "moved": _listed(moved), "here": {"type": "boolean"}})
    picked = whole({"winner": or_null(TEXT), "passed": {"type": "boolean"}})
    pair: Schema = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
    return record_of(
        "lcspec diff",
        {
            "base": TEXT,
            "head": TEXT,
            "equal": {"type": "boolean"},
            "changes": _listed(change),
            "pins": _listed(change),
            "effects": _listed(effect),
            "unchanged": COUNT,
            "stale": _listed(whole({"suite": TEXT, "candidate": TEXT})),
            "turns": _listed(whole({"choice": TEXT, "old": picked, "new": picked, "why": TEXT})),
            "time": pair,
            "disk": pair,
            "cost": or_null(pair),
            "risks": _listed(diagnostic()),
        },
    )


def _listed(item: Schema) -> Schema:
    return {"type": "array", "items": item}
