"""Likelihoods of rows: what is judged, and how the metrics are made of it."""

import json
import math
from pathlib import Path

import pytest

from lcspec import api
from lcspec.ir.scored import Scored
from lcspec.kinds import registry
from lcspec.rowset import Row
from tests.tiny import chat_prompt, write_tiny_model

pytestmark = pytest.mark.ml


def scored(*pairs: tuple[float, float]) -> list[Scored]:
    return [Scored(str(n), {}, scores={"nll": nll, "tokens": tokens}) for n, (nll, tokens) in enumerate(pairs)]


def test_loss_weighs_rows_by_their_tokens() -> None:
    metric = registry.module("metric", "loss")
    rows = scored((2.0, 1), (9.0, 9))
    told = metric.compute(rows, {})
    assert told["value"] == pytest.approx(11 / 10)
    assert told["tokens"] == 10
    assert told["higher_is_better"] is False
    values = metric.per_rows(rows, {})
    assert sum(values) / 2 == pytest.approx(told["value"])
    spread = math.sqrt(sum((value - told["value"]) ** 2 for value in values) / 1 / 2)
    assert told["std_error"] == pytest.approx(spread)


def test_perplexity_is_e_to_the_loss() -> None:
    rows = scored((2.0, 1), (9.0, 9))
    told = registry.module("metric", "perplexity").compute(rows, {})
    assert told["value"] == pytest.approx(math.exp(1.1))
    values = registry.module("metric", "perplexity").per_rows(rows, {})
    assert sum(values) / 2 == pytest.approx(told["value"])


@pytest.mark.parametrize("name", ["loss", "perplexity"])
def test_without_rows_there_is_no_value(name: str) -> None:
    module = registry.module("metric", name)
    assert module.compute([Scored("a", {})], {})["value"] is None
    assert module.per_rows([Scored("a", {})], {}) == [None]


def test_preference_accuracy_counts_pairs_only() -> None:
    module = registry.module("metric", "preference-accuracy")
    rows = [Scored("a", {}, scores={"chosen": -1.0, "rejected": -2.0}), Scored("b", {}, scores={"nll": 1.0})]
    assert module.compute(rows, {})["n"] == 1
    assert [module.per_row(row) for row in rows] == [1.0, None]


def test_what_is_judged_is_the_answer_after_its_turns(tmp_path: Path) -> None:
    import torch

    from lcspec.likelihood import encode_rows, negative_log_likelihood
    from lcspec.runtime.model import load_model
    from lcspec.runtime.prompt import Prompt

    loaded = load_model(write_tiny_model(tmp_path / "model"))
    prompt = Prompt.from_json(chat_prompt(user="{{ text }}"))
    row = Row("a", {"text": "and now?"}, target="red", history=(("first?", "blue"),))
    example, worse = encode_rows(loaded.tokenizer, prompt, row, "text")
    assert worse is None
    text = loaded.tokenizer.decode(example.input_ids)
    assert text.index("first?") < text.index("blue") < text.index("and now?") < text.index("red")
    judged = [token for token, counts in zip(example.input_ids, example.completion_mask, strict=True) if counts]
    assert loaded.tokenizer.decode(judged).startswith("red")
    nll, tokens = negative_log_likelihood(loaded.model, example)
    assert tokens == len(judged)
    with torch.inference_mode():
        ids = torch.tensor([example.input_ids])
        labels = torch.tensor([[t if m else -100 for t, m in zip(*example, strict=True)]])
        mean = float(loaded.model(input_ids=ids, labels=labels).loss)
    assert nll / tokens == pytest.approx(mean, rel=1e-5)


def test_a_pair_is_judged_on_both_sides_and_an_unwanted_completion_not_at_all(tmp_path: Path) -> None:
    from lcspec.likelihood import encode_rows
    from lcspec.runtime.prompt import Prompt
    from tests.tiny import tiny_tokenizer

    tokenizer, prompt = tiny_tokenizer(), Prompt.from_json(chat_prompt(user="{{ text }}"))
    better, worse = encode_rows(tokenizer, prompt, Row("a", {"text": "q"}, chosen="yes", rejected="no"), "text")
    assert "yes" in tokenizer.decode(better.input_ids)
    assert "no" in tokenizer.decode(worse.input_ids)
    unwanted = Row("b", {"text": "q"}, completion="bah", desirable=False)
    assert encode_rows(tokenizer, prompt, unwanted, "text") == (None, None)
    plain, _ = encode_rows(tokenizer, prompt, Row("c", {"text": "just text"}), "text")
    assert plain.completion_mask == [0, *[1] * (len(plain.input_ids) - 1)]


SPEC = """
lcspec: 1
name: p
scope: {task: generation}
data:
  rows: {kind: jsonl, path: rows.jsonl, columns: {input: text, target: answer}, split: {validation: 2, test: 2}}
models: {m: {kind: huggingface, repo: acme/m}}
prompts: {p: {user: "{{ text }}"}}
evaluation: {suites: {s: {kind: perplexity, data: rows, metrics: [METRICS]}}, gates: {g: {metric: s.GATED, at-most: 3}}}
"""


@pytest.mark.parametrize(
    ("metrics", "codes"),
    [
        ("loss", []),
        ("loss, perplexity", []),
        ("loss, exact-match", ["LC0603"]),
        ("loss, preference-accuracy", ["LC0603"]),
    ],
)
def test_a_metric_must_find_what_it_is_computed_from(tmp_path: Path, metrics: str, codes: list[str]) -> None:
    lines = [json.dumps({"text": f"t{n}", "answer": "a"}) for n in range(8)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    (tmp_path / "spec.yaml").write_text(SPEC.replace("METRICS", metrics).replace("GATED", metrics.split(", ")[0]))
    found = [one.code for one in api.load(tmp_path / "spec.yaml").diagnostics if one.severity == "error"]
    assert found == codes


def test_loss_belongs_to_a_suite_of_likelihoods(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"t{n}", "answer": "a"}) for n in range(8)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    (tmp_path / "spec.yaml").write_text(
        SPEC.replace("METRICS", "loss").replace("GATED", "loss").replace("kind: perplexity, ", "")
    )
    assert "LC0603" in [one.code for one in api.load(tmp_path / "spec.yaml").diagnostics]
