"""Peak memory of training and answering, as `apply` records it, against the formula. Prints; asserts nothing.

    python benchmarks/memory.py [MODEL_FOLDER] [--only NAME ...] [--few]

MODEL_FOLDER holds a small model in Hugging Face form (float32 safetensors); without one a random Llama of 31M
parameters is made. Each row is a step of a spec that is applied in an empty folder, in a process of its own; its record
keeps the peak of its resident memory. The formula is `lcspec/estimate/memory.py`, with the tokens counted here. With
the random model, rows marked `fitted` are those that the constants were chosen with (and all rows of SmolLM2-135M were
seen); other rows, and other models, say how far the formula carries. Two steps of training suffice: the states of the
optimiser are there from the second on.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lcspec.estimate import memory
from lcspec.estimate.recipe import training_memory
from lcspec.ir.strict import construct
from lcspec.kinds import registry
from lcspec.modelfacts import of_folder

MIB = 1 << 20
ANSWER = "yes sir"
SAMPLED = 32  # tokens of a completion
JUDGE = "def size(row):\n    return len(row['answer'])\n"
REWARDED = f"generations: 8, max-tokens: {SAMPLED}, rewards: {{long: {{path: judge.py, function: size}}}}"
SPEC = """lcspec: 1
name: memory
scope: {task: generation}
data:
%(data)s
models:
  base: {kind: folder, path: model, license: unknown,
    files: [config.json, model.safetensors, tokenizer.json, tokenizer_config.json]}
prompts:
  plain: {format: text, user: "{{ text }}", answer-prefix: " "}
tuning:
%(tuning)s
evaluation:
  suites:
%(suites)s
  gates:
    good: {metric: asks-%(first)s.exact-match, at-least: 0.3, confidence: 0.6}
ladder:
  - {models: [base], prompts: [plain]}
  - {models: [base], prompts: [plain], tuning: [%(names)s]}
%(allow)s"""


class Case(NamedTuple):
    """A recipe, or an evaluation when `kind` is empty: tokens of a row, rows in memory, further fields of a recipe."""

    name: str
    kind: str
    tokens: int
    batch: int = 1
    fields: str = ""
    fitted: bool = False


CASES = (
    Case("full", "full", 250, 4, fitted=True),
    Case("full-checkpointing", "full", 250, 4, "gradient-checkpointing: true", fitted=True),
    Case("lora", "lora", 250, 4, fitted=True),
    Case("lora-checkpointing", "lora", 250, 4, "gradient-checkpointing: true", fitted=True),
    Case("lora-attention", "lora", 250, 4, "modules: attention", fitted=True),
    Case("ia3", "ia3", 250, 4, fitted=True),
    Case("answering", "", 250, fitted=True),
    Case("full-short", "full", 60, 2),
    Case("full-wide", "full", 120, 8),
    Case("full-long", "full", 600, 1),
    Case("full-adafactor", "full", 120, 4, "optimizer: adafactor"),
    Case("lora-short", "lora", 60, 2),
    Case("lora-wide", "lora", 60, 16),
    Case("lora-long", "lora", 600, 1),
    Case("lora-rank-64", "lora", 120, 4, "rank: 64"),
    Case("ia3-long", "ia3", 600, 1),
    Case("grpo", "grpo", 60, 8, REWARDED),
    Case("grpo-wide", "grpo", 250, 4, REWARDED),
    Case("answering-short", "", 60),
    Case("answering-long", "", 1500),
)
FEW = ("full-short", "lora-short", "lora-wide", "lora-rank-64", "ia3-long", "answering-short", "answering-long")


def main() -> None:
    """Applies the spec and prints one line a step: measured, formula, ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--only", nargs="*", choices=[case.name for case in CASES])
    parser.add_argument("--few", action="store_true", help="seven rows that the constants were not measured with")
    given = parser.parse_args()
    wanted = given.only or (FEW if given.few else [case.name for case in CASES])
    cases = [case for case in CASES if case.name in wanted]
    with tempfile.TemporaryDirectory() as name:
        folder = given.model.resolve() if given.model else _random(Path(name) / "random")
        _compare(folder, cases, Path(name) / "run", fitted=given.model is None)


def _compare(folder: Path, cases: list[Case], here: Path, *, fitted: bool) -> None:
    facts = of_folder("", lambda name: folder / name if (folder / name).is_file() else None)
    here.mkdir()
    words = {case.tokens: _words(folder, case.tokens) for case in cases}
    records = _applied(here, folder, cases, words)
    print(f"{'step':20} {'':7} {'batch':>5} {'tokens':>6} {'measured':>9} {'formula':>9} {'ratio':>6}   (MiB)")
    for case in cases:
        tokens = _tokens(folder, words[case.tokens])
        needs = _expected(case, facts, tokens)
        end = f"/{case.name}" if case.kind else f"predict:asks-{case.tokens}.validation:base/plain"
        peaks = [one["measured"].get("peak_rss_bytes") for one in records if _is(one["step"], case, end)]
        told = f"{case.name:20} {'fitted' if case.fitted and fitted else '':7} {case.batch:5} {tokens:6}"
        if not peaks:
            print(f"{told} was not run")
        else:
            print(f"{told} {peaks[0] / MIB:9.0f} {needs.total / MIB:9.0f} {needs.total / peaks[0]:6.2f}", flush=True)


def write_project(here: Path, model: Path, cases: Sequence[Case], words: dict[int, int]) -> None:
    """The spec that has the cases and the rows that it names; a test holds that it compiles."""
    (here / "model").symlink_to(model)
    lengths = sorted(words)
    for tokens, count in words.items():
        rows = ({"text": f"{n} " + "word " * count, "reply": ANSWER} for n in range(80))
        (here / f"rows-{tokens}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = "  rows-{0}: {{kind: jsonl, path: rows-{0}.jsonl, columns: {{input: text, target: reply}}, %s}}"
    data %= "split: {{validation: 4, test: 4}}"
    suite = "    asks-{0}: {{data: rows-{0}, metrics: [exact-match], max-tokens: 8}}"
    recipe = (
        "  {0.name}: {{kind: {0.kind}, data: rows-{0.tokens}.train, batch-size: {0.batch}, max-steps: 2, "
        "warmup-steps: 1, max-length: 4096{1}}}"
    )
    tuned = [case for case in cases if case.kind] or [CASES[0]._replace(tokens=lengths[0])]
    spec = SPEC % {
        "data": "\n".join(data.format(tokens) for tokens in lengths),
        "suites": "\n".join(suite.format(tokens) for tokens in lengths),
        "tuning": "\n".join(recipe.format(case, f", {case.fields}" if case.fields else "") for case in tuned),
        "names": ", ".join(case.name for case in tuned),
        "first": lengths[0],
        "allow": _allowed(here) if any(case.fields == REWARDED for case in tuned) else "",
    }
    (here / "memory.yaml").write_text(spec)


def _allowed(here: Path) -> str:
    """Writes the file of the reward; the section that lets it run."""
    (here / "judge.py").write_text(JUDGE)
    digest = hashlib.sha256(JUDGE.encode()).hexdigest()
    return f"allow:\n  judge: {{kind: python, path: judge.py, sha256: {digest}}}\n"


def _applied(here: Path, model: Path, cases: Sequence[Case], words: dict[int, int]) -> list[dict[str, Any]]:
    """The records of the steps that the cases ask for; what `apply` says about a failure is shown."""
    write_project(here, model, cases, words)
    targets = [f"train:*/{case.name}" for case in cases if case.kind]
    targets += [f"predict:asks-{case.tokens}.validation:base/plain" for case in cases if not case.kind]
    command = [sys.executable, "-m", "lcspec", "apply", "memory.yaml", "--jobs", "1"]
    done = subprocess.run(
        command + [part for target in targets for part in ("--target", target)],
        cwd=here,
        text=True,
        capture_output=True,
    )
    if done.returncode not in (0, 3):
        print(done.stdout[-2000:], done.stderr[-4000:], file=sys.stderr)
    return [json.loads(path.read_text()) for path in here.glob(".lcspec/records/*/*.json")]


def _expected(case: Case, facts: dict[str, Any], tokens: int) -> memory.Memory:
    if not case.kind:
        return memory.inference(facts["config"], facts["parameters"], tokens=tokens)
    said = yaml.safe_load(f"{{{case.fields}}}")
    length = tokens + (SAMPLED if "max-tokens" in said else 0)
    body = construct(
        registry.load("tuning", case.kind).body,
        {"data": "rows.train", "batch-size": case.batch, "max-length": length, **said},
    )
    needs = training_memory(case.kind, body, facts["config"], facts["parameters"], "cpu")
    if needs is None:
        raise SystemExit(f"the formula knows nothing of {case.name}")
    return needs


def _is(step: str, case: Case, end: str) -> bool:
    return step.startswith("train:") and step.endswith(end) if case.kind else step == end


def _tokens(folder: Path, words: int) -> int:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return len(tokenizer.encode("10 " + "word " * words + " " + ANSWER).ids) + 1


def _words(folder: Path, tokens: int) -> int:
    """How many words make about so many tokens."""
    each = (_tokens(folder, 110) - _tokens(folder, 10)) / 100
    return max(1, round((tokens - _tokens(folder, 0)) / each))


def _random(folder: Path) -> Path:
    """A Llama of 31M random weights with a tokenizer of bytes; the constants were measured with it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests import tiny

    tiny.write_tiny_model(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=16384,
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=16,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()
