"""JSON Schemas of what a run says while it goes and leaves when it has ended."""

from lcspec.schemaparts import COUNT, NUMBER, SHA256, TEXT, Schema, or_null, record_of, whole

FLAG: Schema = {"type": "boolean"}
OPEN: Schema = {"type": "object"}
TEXTS: Schema = {"type": "array", "items": TEXT}
CODE: Schema = {"type": "string", "pattern": "^LC[0-9]{4}$"}
STATUS: Schema = {"enum": ["ok", "failed", "interrupted"]}
VERDICTS: Schema = {"type": "array", "items": OPEN}

PROGRESS: Schema = {
    "type": "object",
    "properties": {"done": NUMBER, "total": NUMBER, "rate": NUMBER, "eta": NUMBER, "loss": NUMBER},
    "required": ["done", "total"],
    "additionalProperties": NUMBER,
    "description": "How far the step is; rate per second and seconds left once they are known.",
}
SUMMARY: Schema = {
    "ran": COUNT,
    "reused": COUNT,
    "release": or_null(COUNT),
    "new_release": FLAG,
    "why_not": or_null(TEXT),
    "left_out": COUNT,
    "verdicts": VERDICTS,
    "exit_code": COUNT,
}
DATA: dict[str, Schema] = {  # kind of event to its data
    "run-started": whole({"steps": COUNT, "reused": COUNT, "todo": COUNT}),
    "step-started": whole({"kind": TEXT, "reason": TEXT}),
    "progress": PROGRESS,
    "log": whole({"message": TEXT}),
    "step-finished": whole({"seconds": NUMBER, "key": SHA256, "metrics": OPEN}),
    "step-failed": whole({"code": CODE, "message": TEXT}),
    "step-skipped": whole({"reason": TEXT}),
    "choice": whole({"choice": TEXT, "name": TEXT, "passed": FLAG, "why": TEXT}),
    "run-finished": whole({"run": COUNT, "status": STATUS, **SUMMARY}),
}


def event() -> Schema:
    """One line of `apply --format json`."""
    made = record_of(
        "lcspec event",
        {
            "event": {"enum": list(DATA)},
            "step": or_null(TEXT),
            "time": {"type": "string", "minLength": 20},
            "data": OPEN,
        },
    )
    return {**made, "oneOf": [{"properties": {"event": {"const": k}, "data": data}} for k, data in DATA.items()]}


def runs() -> Schema:
    """`runs --format json`: what every run came to."""
    decision = whole({"name": or_null(TEXT), "passed": FLAG})
    run = {
        "format_version": {"const": 1},
        "run": COUNT,
        "name": TEXT,
        "spec_sha256": SHA256,
        "started": TEXT,
        "seconds": NUMBER,
        "argv": TEXTS,
        "outcome": STATUS,
        "steps": SHA256,
        "decisions": {"type": "object", "additionalProperties": decision},
        **SUMMARY,
    }
    return record_of("lcspec runs", {"runs": {"type": "array", "items": whole(run)}})


def comparison() -> Schema:
    """`compare --format json`: how one run differs from another."""
    number, side = or_null(NUMBER), or_null(OPEN)
    moved = {"step": TEXT, "fields": TEXTS, "same_outputs": FLAG, "seconds": {"type": "array", "items": number}}
    metric = {"step": TEXT, "metric": TEXT, "first": number, "second": number, "delta": number}
    steps = {"same": COUNT, "moved": _list(moved), "only_first": TEXTS, "only_second": TEXTS}
    return record_of(
        "lcspec comparison",
        {
            "runs": {"type": "array", "items": OPEN, "minItems": 2, "maxItems": 2},
            "steps": whole(steps),
            "metrics": _list(metric),
            "decisions": _list({"choice": TEXT, "first": side, "second": side}),
            "verdicts": _list({"gate": TEXT, "split": TEXT, "first": side, "second": side}),
        },
    )


def status() -> Schema:
    """`status --format json`: what is running, what stands, what is pending."""
    step = {"type": "object", "properties": {"pid": COUNT, "since": NUMBER, **PROGRESS["properties"]}}
    owner = {
        "type": "object",
        "properties": {"host": TEXT, "pid": COUNT, "steps": {"type": "object", "additionalProperties": step}},
        "description": "The apply that holds the store, and its running steps.",
    }
    shared = {"url": TEXT, "exists": FLAG, "results": COUNT, "there_only": COUNT, "here_only": COUNT}
    told = {
        "running": or_null(owner),
        "steps": {"type": "object", "additionalProperties": COUNT},
        "releases": COUNT,
        "promoted": or_null(COUNT),
        "last_run": or_null(OPEN),
        "pending": FLAG,
        "remote": or_null(whole(shared)),
    }
    return record_of("lcspec status", told)


def _list(properties: Schema) -> Schema:
    return {"type": "array", "items": whole(properties)}


__all__ = ["comparison", "event", "runs", "status"]
