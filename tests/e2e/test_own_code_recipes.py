"""Every recipe learns on a model with its own code, and an embedder and a tokenizer may bring theirs, too."""

import json
import random
from pathlib import Path

import pytest

from tests.e2e.project import lcspec
from tests.owncode import FILES, allow, write_own_model

pytestmark = [pytest.mark.ml, pytest.mark.slow]
TOKENIZATION = """
from transformers import PreTrainedTokenizerFast


class BentTokenizerFast(PreTrainedTokenizerFast):
    own = True
"""
BASE_MODEL = """

from transformers import LlamaModel


class BentModel(LlamaModel):
    config_class = BentConfig
"""
OWN = {**FILES, "tokenization_bent.py": TOKENIZATION}
EMBEDDER = {**FILES, "modeling_bent.py": FILES["modeling_bent.py"] + BASE_MODEL}
RECIPES = {
    "full": "{kind: full, data: letters.train, batch-size: 16, max-steps: 3}",
    "dft": "{kind: dft, data: letters.train, batch-size: 16, max-steps: 3}",
    "dpo": "{kind: dpo, data: letters.train, batch-size: 8, max-steps: 3}",
    "dpo-full": "{kind: dpo, data: letters.train, adapter: none, batch-size: 8, max-steps: 3}",
    "kto": "{kind: kto, data: letters.train, batch-size: 8, max-steps: 3}",
    "orpo": "{kind: orpo, data: letters.train, batch-size: 8, max-steps: 3}",
    "ia3": "{kind: ia3, data: letters.train, batch-size: 16, max-steps: 3, target-modules: [q_proj, v_proj]}",
    "oft": "{kind: oft, data: letters.train, batch-size: 16, max-steps: 3}",
    "qlora": "{kind: qlora, data: letters.train, batch-size: 16, max-steps: 3}",
    "pretrain": "{kind: pretrain, data: docs, max-length: 64, max-steps: 3, batch-size: 4}",
}
SPEC = """
lcspec: 1
name: recipes
scope: {task: classification, labels: [a, b]}
data:
  letters:
    kind: jsonl
    path: letters.jsonl
    columns: {input: text, target: label, chosen: good, rejected: bad, completion: good, desirable: wanted}
    split: {validation: 40, test: 40}
  docs: {kind: documents, files: [docs.md]}
models:
  own: {kind: folder, path: own, files: [WEIGHTS, OWN]}
  near: {kind: folder, role: embedder, path: near, files: [WEIGHTS, EMBEDDER]}
prompts:
  plain: {format: text, user: "{{ text }}=", answer-prefix: ""}
  helped: {format: text, user: "{{ context }}{{ text }}=", answer-prefix: ""}
augmentation:
  docs: {kind: retrieval, data: docs, embedder: near, top: 1, words: 10, overlap: 0}
tuning:
RECIPES
evaluation:
  suites:
    letters: {data: letters, metrics: [accuracy]}
  gates:
    beyond: {metric: letters.accuracy, at-least: 0.9}
ladder:
  - {prompts: [plain], models: [own]}
  - {tuning: [NAMES]}
  - {prompts: [helped], models: [own], augmentation: [docs]}
"""


def write(folder: Path) -> None:
    write_own_model(folder / "own")
    (folder / "own" / "tokenization_bent.py").write_text(TOKENIZATION)
    change(folder / "own" / "tokenizer_config.json", AutoTokenizer=[None, "tokenization_bent.BentTokenizerFast"])
    write_own_model(folder / "near", seed=4)
    (folder / "near" / "modeling_bent.py").write_text(EMBEDDER["modeling_bent.py"])
    change(folder / "near" / "config.json", AutoModel="modeling_bent.BentModel")
    chosen, rows = random.Random(5), []
    for number in range(280):
        label, other = chosen.sample("ab", 2)
        text = "".join(chosen.choice("xyz") for _ in range(3)) + label.upper() * 3 + str(number)
        rows.append({"text": text, "label": label, "good": label, "bad": other, "wanted": number % 2 == 0})
    (folder / "letters.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "docs.md").write_text("# One\n\n" + " ".join(f"word{n}" for n in range(900)) + "\n")
    spec = SPEC.replace("RECIPES", "\n".join(f"  {name}: {body}" for name, body in RECIPES.items()))
    spec = (
        spec.replace("NAMES", ", ".join(RECIPES))
        .replace("OWN", ", ".join(OWN))
        .replace("EMBEDDER", ", ".join(EMBEDDER))
    )
    weights = "config.json, model.safetensors, tokenizer.json, tokenizer_config.json"
    near = [f"  near-{line.strip()}\n" for line in allow("near", EMBEDDER).splitlines()[1:]]
    (folder / "recipes.yaml").write_text(spec.replace("WEIGHTS", weights) + allow("own", OWN) + "".join(near))


def change(path: Path, **named: object) -> None:
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "auto_map": {**config.get("auto_map", {}), **named}}))


def test_every_recipe_learns_and_every_slot_may_bring_code(tmp_path: Path) -> None:
    write(tmp_path)
    done = lcspec(tmp_path, "apply", "recipes.yaml", "--keep-going")
    assert "LC1301" in done.stderr, done.stderr  # nothing reaches the gate, and no step failed
    assert "✗" not in done.stdout + done.stderr
    records = [json.loads(path.read_text()) for path in tmp_path.glob(".lcspec/records/*/*.json")]
    steps = {record["step"]: record for record in records}
    assert {f"train:rung-1.winner/{name}" for name in RECIPES} <= set(steps)
    assert any(step.startswith("predict:") and step.endswith("/docs") for step in steps)
    assert "index:augmentation.docs" in steps
    held = steps["train:rung-1.winner/full"]["measured"]
    assert "confinement:tokenization_bent.py" in held
