"""A project with lm-eval tasks of its own beside a tiny model: choices, answers, likelihoods, and functions."""

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

CHOICES = """
task: colours
dataset_path: json
dataset_kwargs: {data_files: {train: train.jsonl, dev: dev.jsonl, test: test.jsonl}}
training_split: train
validation_split: dev
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: choices
doc_to_target: gold
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
  - {metric: mcc, aggregation: matthews_corrcoef, higher_is_better: true}
  - {metric: brier_score, aggregation: brier_score, higher_is_better: false}
"""
BASE = """
dataset_path: json
dataset_kwargs: {data_files: {train: train.jsonl, test: test.jsonl}}
doc_to_text: "{{question}}"
doc_to_target: "{{word}}"
test_split: test
fewshot_split: train
"""
WORDS = """
include: base.yaml
task: words
output_type: generate_until
generation_kwargs: {until: ["\\n"], max_gen_toks: 6}
process_docs: !function helpers.shout
filter_list:
  - {name: whole, filter: [{function: take_first}]}
  - {name: short, filter: [{function: regex, regex_pattern: "(.)"}, {function: take_first}]}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
  - {metric: chrf, aggregation: chrf, higher_is_better: true}
  - {metric: !function helpers.length, aggregation: mean, higher_is_better: false}
"""
NEXT = """
include: base.yaml
task: next
output_type: loglikelihood
doc_to_target: " {{word}}"
metric_list:
  - {metric: perplexity, aggregation: perplexity, higher_is_better: false}
  - {metric: acc, aggregation: mean, higher_is_better: true}
"""
PROSE = """
include: base.yaml
task: prose
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question}}"
"""
HELPERS = """
def shout(docs):
    return docs.map(lambda doc: {**doc, "question": doc["question"].upper()})


def length(references, predictions):
    return len(predictions[0])
"""
SPEC = """
lcspec: 1
name: bench
scope: {task: generation}
models: {llama: {kind: folder, FROM path: llama, license: mit}}
prompts:
  plain: {format: text, user: "{{ question }}"}
evaluation:
  suites:
    knowledge: {kind: lm-eval, tasks: [tasks/colours.yaml], limit: 30}
    words:
      {kind: lm-eval, tasks: [tasks/words.yaml], metrics: [exact_match/short, length/whole], num-fewshot: 1, limit: 8}
    texts: {kind: lm-eval, tasks: [tasks/next.yaml, tasks/prose.yaml], metrics: [next.acc, prose.word_perplexity]}
  gates:
    remembers: {metric: knowledge.acc, not-worse-than: base, margin: 0.4}
    knows: {metric: knowledge.acc, at-least: 0.4, confidence: 0.999}  # undecided: all rungs, and test
ALLOW
"""
WHEEL = 'from: {kind: pypi, package: some-model, version: "1.0"}, '
FILES = {"colours": CHOICES, "base": BASE, "words": WORDS, "next": NEXT, "prose": PROSE}


def rows(split: str, count: int) -> list[dict]:
    chosen = random.Random(split)
    names = ["red", "blue", "green"]
    return [
        {"question": f"{split} {n} is", "choices": names, "gold": chosen.randrange(3), "word": chosen.choice(names)}
        for n in range(count)
    ]


def lines(split: str, count: int) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows(split, count))


def allow(text: str = HELPERS) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"allow:\n  helpers: {{kind: python, path: tasks/helpers.py, sha256: {digest}}}"


def make(folder: Path, spec: str = SPEC, allowed: str | None = None, source: str = WHEEL, **files: str) -> Path:
    """Writes the project without its model (`source` says where that would be); the path of the spec."""
    tasks = folder / "tasks"
    tasks.mkdir(exist_ok=True)
    for name, text in {**FILES, **files}.items():
        (tasks / f"{name}.yaml").write_text(text)
    for split, count in (("train", 6), ("dev", 40), ("test", 60)):
        (tasks / f"{split}.jsonl").write_text(lines(split, count))
    (tasks / "helpers.py").write_text(HELPERS)
    text = spec.replace("ALLOW", allow() if allowed is None else allowed).replace("FROM ", source)
    (folder / "spec.yaml").write_text(text)
    return folder / "spec.yaml"


def lcspec(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "HF_TOKEN")}
    command = [sys.executable, "-m", "lcspec", *arguments]
    return subprocess.run(command, cwd=folder, env={**env, **environment}, capture_output=True, text=True, check=False)


def records(folder: Path) -> dict[str, dict]:
    """Step to its record."""
    found = [json.loads(path.read_text()) for path in folder.glob(".lcspec/records/*/*.json")]
    return {record["step"]: record for record in found}
