"""Specs of any size for benchmarks: real kinds, tiny work, and a project around them that can be applied.

    python benchmarks/generate.py 1000 FOLDER     writes a project and brings it to the state of a finished apply

`spec(steps)` is a classification with as many prompts as make that many steps. `fill` runs the steps in this process,
one after the other, and publishes each through the store: what an `apply` leaves, without a process for each of 10,000.
"""

import json
import random
import sys
import tempfile
from collections import deque
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PER_PROMPT = 3  # resolve, predict, score
FIXED = 8  # rows and weights (fetched, prepared), and what judges the finalist and the release

HEAD = """
lcspec: 1
name: generated
scope: {task: classification, labels: [a, b], requires: {licenses: [mit]}}
data:
  letters:
    kind: jsonl
    path: letters.jsonl
    columns: {input: text, target: label}
    split: {validation: 12, test: 12, seed: 1}
models:
  llama: {kind: folder, path: llama, license: mit}
"""
TAIL = """
evaluation:
  suites:
    letters: {data: letters, metrics: [accuracy]}
  gates:
    anything: {metric: letters.accuracy, at-least: 0.01, confidence: 0.9}
"""


def spec(steps: int) -> str:
    """The text of a spec that lowers to exactly `steps` steps (at least 11).

    Raises:
        ValueError: fewer cannot be had.
    """
    prompts, rest = divmod(steps - FIXED, PER_PROMPT)
    if prompts < 1:
        raise ValueError(f"a lifecycle has at least {FIXED + PER_PROMPT} steps")
    lines = [
        f'  p{number}: {{format: text, user: "{number}: {{{{ text }}}}=", answer-prefix: " "}}'
        for number in range(prompts)
    ]
    guards = [
        f"  g{number}: {{kind: guardrails, input: [{{kind: max-length, max-words: 99}}]}}" for number in range(rest)
    ]
    augmentation = ["augmentation:", *guards] if guards else []
    return HEAD + "\n".join(["prompts:", *lines, *augmentation]) + TAIL


def project(folder: Path, steps: int) -> Path:
    """Writes the spec, its rows and a tiny random model into `folder`; the path of the spec."""
    sys.path.insert(0, str(ROOT))
    from tests.tiny import write_tiny_model

    chosen = random.Random(5)
    rows = [{"text": f"{chosen.randint(0, 9999)}{label}", "label": label} for label in "ab" * 20]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "letters.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_tiny_model(folder / "llama", seed=3)
    (folder / "lcspec.toml").touch()
    path = folder / "generated.yaml"
    path.write_text(spec(steps))
    return path


def fill(path: Path) -> int:
    """Runs every step of the spec at `path` in this process and publishes it; how many ran."""
    from transformers.utils.logging import disable_progress_bar

    from lcspec import api, applying
    from lcspec.compile.compose import Settings
    from lcspec.compile.planner import Planning
    from lcspec.run.store import Store

    disable_progress_bar()
    loaded, facts, graph = applying.ensure_lock(api.load(path, Settings()), locked=False, say=lambda text: None)
    store, ran = Store.open(loaded.project.store), 0
    planning = Planning(graph, loaded.lock, facts)
    ready = deque(planning.steps())
    while ready:
        step = ready.popleft()
        if step.action == "run" and step.key and step.key not in facts.records:
            _run(store, step, loaded.project.folder)
            ready.extend(planning.finished(step.key, step.step.id))
            ran += 1
    facts.files.save()  # type: ignore[attr-defined]
    return ran


def _run(store: Any, planned: Any, folder: Path) -> None:
    from lcspec.ir.record import StepRecord
    from lcspec.kinds import registry
    from lcspec.run.io import ChildIO, Job

    step = planned.step
    told: dict[str, dict[str, Any]] = {"metric": {}, "measure": {}}
    (store.root / "tmp").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.root / "tmp") as name:
        work = Path(name)
        inputs = {}
        for slot, digest in planned.inputs.items():
            inputs[slot] = str(work / "in" / slot)
            store.materialize(digest, work / "in" / slot)
        (work / "out").mkdir()
        job = Job(
            step=step.id,
            kind=step.kind,
            action=step.action,
            params=dict(step.params),
            inputs=inputs,
            libraries=[],
            outputs=str(work / "out"),
            seed=step.seed or 0,
            threads=1,
            root=str(folder),
            cache=str(work / "cache"),
            checkpoint=str(work / "checkpoint"),
            log="",
        )
        family, _, kind = step.kind.partition(".")

        def note(what: str, data: Any) -> None:
            if what in told:
                told[what][data["name"]] = data["value"]

        getattr(registry.module(family, kind), step.action)(ChildIO(job, note))
        record = StepRecord(
            key=planned.key,
            step=step.id,
            kind=f"{step.kind}/{step.action}",
            parts=planned.parts,
            outputs={},
            metrics=told["metric"],
            measured={**told["measure"], "seconds": 0.01, "peak_rss_bytes": 0},
            finished="2026-01-01T00:00:00+00:00",
        )
        store.publish(record, {path.name: path for path in sorted((work / "out").iterdir())})
    store.heads.set(step.id, planned.key)


def main() -> None:
    """Writes and fills a project."""
    folder, steps = Path(sys.argv[2]), int(sys.argv[1])
    print(f"{fill(project(folder, steps))} steps ran, in {folder}")


if __name__ == "__main__":
    main()
