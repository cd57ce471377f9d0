"""Peak memory of training and answering, as `apply` records it, against the formula. Prints; asserts nothing.

    python benchmarks/memory.py MODEL_FOLDER [--batch 4] [--words 232]

MODEL_FOLDER holds a small model in Hugging Face form (float32 safetensors). A spec with one full, one LoRA and one
checkpointed LoRA recipe of three steps is applied in an empty folder; each step runs in a process of its own, whose
peak of resident memory its record keeps. The formula is `lcspec/estimate/memory.py` with the tokens counted here.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from lcspec.estimate import adapters, memory
from lcspec.modelfacts import of_folder

MIB = 1 << 20
SPEC = """lcspec: 1
name: memory
scope: {{task: generation}}
data:
  rows: {{kind: jsonl, path: rows.jsonl, columns: {{input: text, target: reply}}, split: {{validation: 4, test: 4}}}}
models:
  base: {{kind: folder, path: model, license: unknown}}
prompts:
  plain: {{format: text, user: "{{{{ text }}}}", answer-prefix: " "}}
tuning:
  full: {{kind: full, data: rows.train, batch-size: {batch}, max-steps: 3, warmup-steps: 1, max-length: 4096}}
  lora: {{kind: lora, data: rows.train, batch-size: {batch}, max-steps: 3, warmup-steps: 1, max-length: 4096}}
  lora-checkpointing:
    {{kind: lora, data: rows.train, batch-size: {batch}, max-steps: 3, warmup-steps: 1, max-length: 4096,
      gradient-checkpointing: true}}
evaluation:
  suites:
    main: {{data: rows, metrics: [exact-match], max-tokens: 16}}
  gates:
    good: {{metric: main.exact-match, at-least: 0.3}}
ladder:
  - {{prompts: plain}}
  - {{tuning: [full, lora, lora-checkpointing]}}
"""


def main() -> None:
    """Applies the spec and prints one line a step: measured, formula, ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--words", type=int, default=232)
    given = parser.parse_args()
    folder = given.model.resolve()
    facts = of_folder("", lambda name: folder / name if (folder / name).is_file() else None)
    config, parameters = facts["config"], facts["parameters"]
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        (here / "model").symlink_to(folder)
        rows = ({"text": f"{n} " + "word " * given.words, "reply": "yes sir " * 4} for n in range(60))
        (here / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (here / "memory.yaml").write_text(SPEC.format(batch=given.batch))
        subprocess.run([sys.executable, "-m", "lcspec", "apply", "memory.yaml"], cwd=here, capture_output=True)
        records = [json.loads(path.read_text()) for path in here.glob(".lcspec/records/*/*.json")]
    tokens = _tokens(folder, given.words)
    lora = adapters.lora(config, rank=8)
    made = {"batch": given.batch, "tokens": tokens}
    expected = {
        "full": memory.training(config, parameters, trainable=parameters, **made),
        "lora": memory.training(config, parameters, trainable=lora, **made),
        "lora-checkpointing": memory.training(config, parameters, trainable=lora, checkpointing=True, **made),
        "answering": memory.inference(config, parameters, tokens=tokens),
    }
    print(f"{'step':20} {'measured':>9} {'formula':>9} {'ratio':>6}   (MiB; batch {given.batch} × {tokens} tokens)")
    for step, needs in expected.items():
        end = "predict:main.validation:base/plain" if step == "answering" else f"/{step}"
        peaks = [r["measured"].get("peak_rss_bytes") for r in records if _is(r["step"], step, end)]
        if not peaks:
            print(f"{step:20} was not run")
            continue
        print(f"{step:20} {peaks[0] / MIB:9.0f} {needs.total / MIB:9.0f} {needs.total / peaks[0]:6.2f}")


def _is(step: str, name: str, end: str) -> bool:
    return step == end if name == "answering" else step.startswith("train:") and step.endswith(end)


def _tokens(folder: Path, words: int) -> int:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return len(tokenizer.encode("10 " + "word " * words + " " + "yes sir " * 4).ids) + 1


if __name__ == "__main__":
    main()
