"""A small project whose cheap steps are applied by the command line, as a user would, and what such an apply said."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from lcspec.run.store import Store
from tests.faults.store_ok import assert_store_ok

SPEC = """\
lcspec: 1
name: part
scope: {task: classification, labels: [a, b]}
data:
  d: {kind: jsonl, path: rows.jsonl, columns: {input: text, target: label}, split: {validation: 40, test: 40}}
models:
  m: {kind: folder, path: model}
prompts:
  p: {user: "{{ text }}"}
  q: {user: "Say: {{ text }}", shots: {count: 2, from: d.train}}
evaluation:
  suites: {s: {data: d, metrics: [accuracy]}}
  gates: {g: {metric: s.accuracy, at-least: 0.6}}
"""
STEPS = {"fetch:data.d", "prepare:data.d", "resolve:prompts.p", "resolve:prompts.q"}
TARGET = ("--target", "resolve:*")


class Told(NamedTuple):
    """What an apply came to: its exit code, the steps that finished, (step, code, message) of those that failed."""

    code: int
    ran: set[str]
    failed: list[tuple[str | None, str, str]]
    stderr: str


def make(folder: Path, spec: str = SPEC, rows: int = 200) -> Path:
    """Writes the project."""
    (folder / "model").mkdir(parents=True)
    (folder / "spec.yaml").write_text(spec)
    text = "".join(json.dumps({"text": f"t{n}", "label": "ab"[n % 2]}) + "\n" for n in range(rows))
    (folder / "rows.jsonl").write_text(text)
    (folder / "lcspec.toml").touch()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (folder / "model" / name).write_text("{}")
    return folder


def lcspec(
    folder: Path, *arguments: str, before: Callable[[], None] | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Runs the command line; `before` is called in its process first."""
    environment = {k: v for k, v in os.environ.items() if k != "CI" and not k.startswith("PIP_")} | more
    command = [sys.executable, "-m", "lcspec", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=before,
        timeout=120,
    )


def apply(folder: Path, *target: str, before: Callable[[], None] | None = None, **more: str) -> Told:
    """Applies the cheap part of the project, or `target`."""
    wish = target or TARGET
    done = lcspec(folder, "apply", "spec.yaml", *wish, "--format", "json", before=before, **more)
    told = documents(done.stdout)
    events = [one for one in told if "event" in one]
    ran = {event["step"] for event in events if event["event"] == "step-finished"}
    failed = [(e["step"], e["data"]["code"], e["data"]["message"]) for e in events if e["event"] == "step-failed"]
    refused = [one for document in told for one in document.get("diagnostics", ())]
    failed += [(None, one["code"], one["message"]) for one in refused if one["severity"] == "error"]
    return Told(done.returncode, ran, failed, done.stderr)


def documents(text: str) -> list[dict[str, Any]]:
    """The JSON documents of a text, one after the other."""
    found, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


def outputs(folder: Path) -> dict[str, dict[str, str]]:
    """Key of each step that has finished, with the digests of its outputs."""
    records = Store.peek(folder / ".lcspec").records
    return {f"{records[key].step} {key}": dict(records[key].outputs) for key in records}


@functools.cache
def undisturbed() -> dict[str, dict[str, str]]:
    """The outputs of an apply that nothing disturbed."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = make(Path(name) / "project")
        told = apply(folder)
        assert (told.code, told.ran) == (0, STEPS), told
        return outputs(folder)


def assert_converges(folder: Path) -> None:
    """The next apply finishes, and makes what an undisturbed one makes; then nothing is left to run; all is whole."""
    told = apply(folder)
    assert (told.code, told.failed) == (0, []), told
    assert outputs(folder) == undisturbed()
    again = apply(folder)
    assert (again.code, again.ran) == (0, set())
    assert_store_ok(folder / ".lcspec")
