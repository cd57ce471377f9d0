"""A whole project on a tiny random Llama that a few LoRA steps teach two labels; made in seconds."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from tests.tiny import write_tiny_model

SPEC = """
lcspec: 1
name: tiny
scope: {task: classification, labels: [a, b], requires: {licenses: [mit]}}
data:
  letters:
    kind: jsonl
    path: letters.jsonl
    columns: {input: text, target: label}
    split: {validation: 30, test: 40, seed: 1}
models:
  llama: {kind: folder, path: llama, license: mit}
prompts:
  plain: {format: text, user: "{{ text }}=", answer-prefix: ""}
  shown: {extends: plain, shots: {count: 2, from: letters.train, select: per-label}}
tuning:
  lora: {kind: lora, data: letters.train, rank: 8, rows: 320, batch-size: 16, learning-rate: 0.02, warmup-steps: 2}
evaluation:
  suites:
    letters: {data: letters, metrics: [accuracy, macro-f1]}
  gates:
    good-enough: {metric: letters.accuracy, at-least: 0.85}
    quick: {metric: serving.latency-p95, at-most: 30}
ladder:
  - {prompts: [plain, shown]}
  - {tuning: lora}
deployment:
  optimize:
    int8: {kind: quantize, bits: 8, max-drop: 10%}
    broken: {kind: spoil}
  targets:
    api: {kind: openai-server, ask: 40}
"""

SPOIL = '''
"""A third-party kind that destroys the weights while claiming to shrink them: the re-gate must see it."""

import shutil

from lcspec.kinds.api import Body, Kind, Lowered, Output, Step, option


class SpoilBody(Body):
    """Nothing to say."""

    max_drop: float = option(0.1, doc="How much worse it may be.", key=False)


def lower(ctx, entry, subject):
    step = Step(id=f"optimize:{subject.id}", kind=entry.kind_id, action="spoil", version=1, params={},
                inputs={"model": subject.slots["model"]}, libraries=("torch",), source=entry.path)
    return Lowered((step,), {"model": Output(step.id, "model")})


def spoil(io):
    from safetensors.torch import load_file, save_file

    target = io.output("model")
    shutil.copytree(io.input("model"), target, dirs_exist_ok=True)
    weights = load_file(target / "model.safetensors")
    (target / "model.safetensors").unlink()
    save_file({name: -tensor for name, tensor in weights.items()}, target / "model.safetensors", {"format": "pt"})
    io.metric("bytes", 1)  # the smallest of all, if one believed it


KIND = Kind(family="optimize", name="spoil", version=1, body=SpoilBody, lower=lower, summary="spoils",
            example="{kind: spoil}", actions=("spoil",))
'''


def make(folder: Path) -> Path:
    """Writes the project and the third-party kind into `folder`; the path of the spec."""
    write_tiny_model(folder / "llama", seed=3)
    chosen = random.Random(5)
    rows = []
    for _ in range(560):
        label = chosen.choice("ab")
        other = "xyz"
        text = "".join(chosen.choice(other) for _ in range(3)) + label.upper() * 3
        rows.append({"text": text + str(chosen.randint(0, 999)), "label": label})
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "letters.jsonl").write_text(lines)
    plugin = folder / "plugin"
    (plugin / "spoil-1.dist-info").mkdir(parents=True)
    (plugin / "spoil_kind.py").write_text(SPOIL)
    (plugin / "spoil-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: spoil\nVersion: 1\n")
    (plugin / "spoil-1.dist-info" / "entry_points.txt").write_text("[lcspec.kinds]\noptimize.spoil = spoil_kind\n")
    (folder / "lcspec.toml").write_text("[run]\nthreads = 1\n")  # of so small a model, threads only wait
    spec = folder / "tiny.yaml"
    spec.write_text(SPEC)
    return spec


def lcspec(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line in `folder`, with the third-party kind installed."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "plugin"), os.environ.get("PYTHONPATH", "")])}
    env.pop("CI", None)
    command = [sys.executable, "-m", "lcspec", *arguments]
    return subprocess.run(command, cwd=folder, env={**env, **environment}, capture_output=True, text=True, check=False)
