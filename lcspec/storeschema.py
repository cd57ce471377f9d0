"""JSON Schemas of what `verify` and `gc` say."""

from lcspec.run.garbage import CATEGORIES
from lcspec.schemaparts import COUNT, TEXT, Schema, record_of, whole

_TEXTS: Schema = {"type": "array", "items": TEXT}


def verify() -> Schema:
    """`verify --format json`."""
    finding = {
        "fault": {"enum": ["altered", "missing", "extra"]},
        "what": {"enum": ["blob", "record", "release", "ledger", "format", "environment", "file"]},
        "path": {"type": "string", "description": "Relative to `.lcspec`."},
        "message": TEXT,
        "steps": {"type": "array", "items": TEXT, "description": "Steps that must rerun."},
        "releases": {"type": "array", "items": TEXT, "description": "Releases that hold it, `name number`."},
    }
    checked = dict.fromkeys(("blobs", "bytes", "records", "releases", "entries"), COUNT)
    return record_of(
        "lcspec verify",
        {
            "ok": {"type": "boolean"},
            "checked": whole(checked),
            "findings": {"type": "array", "items": whole(finding)},
            "notes": _TEXTS,
            "rerun": _TEXTS,
            "repaired": _TEXTS,
        },
    )


def gc() -> Schema:
    """`gc --format json`."""
    amount = whole({"count": COUNT, "bytes": COUNT})
    item = {"category": {"enum": list(CATEGORIES)}, "path": TEXT, "bytes": COUNT}
    return record_of(
        "lcspec gc",
        {
            "removed": {"type": "boolean"},
            "running": {"type": "boolean", "description": "An apply runs: every record is kept."},
            "free_bytes": COUNT,
            "categories": whole(dict.fromkeys(CATEGORIES, amount)),
            "kept": whole(dict.fromkeys(("specs", "runs", "young", "running", "releases"), COUNT)),
            "items": {"type": "array", "items": whole(item)},
            "notes": _TEXTS,
        },
    )
