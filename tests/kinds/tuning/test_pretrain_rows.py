"""Pre-training on rows of text: the input column of train is read as documents are."""

import json
from pathlib import Path

import pytest

from lcspec import api
from tests.kinds.tuning.steps import job, train, write_inputs
from tests.kinds.tuning.test_kinds import check_model

pytestmark = pytest.mark.ml


def test_the_input_column_is_the_text(tmp_path: Path) -> None:
    rows = [{"text": f"the letter {'ab'[n % 2]} comes again and again"} for n in range(40)]
    inputs = write_inputs(tmp_path / "inputs", rows, {"input": "text"})
    del inputs["prompt"]
    said = {"batch-size": 8, "learning-rate": 0.01, "warmup-steps": 1, "max-length": 32, "epochs": 3}
    check_model(train(job("pretrain", said, inputs, tmp_path)), inputs, tmp_path)


SPEC = """
lcspec: 1
name: texts
scope: {task: generation}
data: {texts: {kind: jsonl, path: texts.jsonl, columns: {COLUMNS}, split: {validation: 2, test: 2}}}
models: {m: {kind: huggingface, repo: acme/m}}
prompts: {plain: {format: text, user: "{{ text }}"}}
tuning: {read: {kind: pretrain, data: texts}}
evaluation: {suites: {s: {kind: perplexity, data: texts}}, gates: {g: {metric: s.loss, at-most: 3}}}
ladder: [{prompts: [plain], tuning: [read]}]
"""


@pytest.mark.parametrize(
    ("columns", "codes"), [("input: text", []), ("input: text, target: answer", ["LC0502"])], ids=["texts", "answers"]
)
def test_rows_with_answers_are_not_read_as_texts(tmp_path: Path, columns: str, codes: list[str]) -> None:
    (tmp_path / "texts.jsonl").write_text("\n".join(json.dumps({"text": f"t{n}", "answer": "a"}) for n in range(8)))
    (tmp_path / "spec.yaml").write_text(SPEC.replace("COLUMNS", columns))
    loaded = api.load(tmp_path / "spec.yaml")
    assert [one.code for one in loaded.diagnostics if one.severity == "error"] == codes
    if not codes:
        plan, _ = api.make_plan(loaded)
        (step,) = [one.step for one in plan.steps if one.step.kind == "tuning.pretrain"]
        assert sorted(step.inputs) == ["model", "rows"]
