"""The pipeline manifest: what evaluation and service share about a candidate. Read by `runtime/pipeline.py`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SLOTS = ("model", "prompt", "index", "embedder", "guardrails")


def shared_part(
    *, task: str, input: str, labels: list[str], scoring: str, max_tokens: int, stop: list[str]
) -> dict[str, Any]:
    """What is known before any artefact exists; part of the key of predictions and of the generated service."""
    how: dict[str, Any] = {"method": "likelihood"}
    if scoring == "generation":
        how = {"method": "generation", "max_tokens": max_tokens, "stop": stop}
    return {"task": task, "input": input, "labels": labels or None, "scoring": how}


def assemble(
    base: Mapping[str, Any], name: str, folders: Mapping[str, Path], code: Mapping[str, list[str]] | None = None
) -> dict[str, Any]:
    """The whole manifest from the shared part and the folders of the slots that a candidate has.

    `code` lists the models' own Python files that may run, each with its digests.
    """
    made: dict[str, Any] = {"format_version": 1, "name": name, "model": "model", "prompt": "prompt.json", **base}
    made["retrieval"] = None
    made["guardrails"] = {"input": [], "output": []}
    if "index" in folders:
        top = json.loads((folders["index"] / "retrieval.json").read_text(encoding="utf-8"))["top"]
        made["retrieval"] = {"index": "index", "embedder": "embedder", "top": top}
    if "guardrails" in folders:
        made["guardrails"] = json.loads((folders["guardrails"] / "guardrails.json").read_text(encoding="utf-8"))
    return {**made, "code": dict(code)} if code else made
