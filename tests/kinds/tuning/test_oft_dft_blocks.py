"""Orthogonal adapters, the loss weighted by probability, and training of the last blocks: each on a tiny model."""

from pathlib import Path
from typing import Any

import pytest

from lcspec.diag.model import LcspecError
from lcspec.rowset import read_rows
from tests.kinds.tuning.steps import PROMPT, job, letters, train, write_inputs
from tests.kinds.tuning.test_kinds import check_model, weights

pytestmark = pytest.mark.ml
FAST: dict[str, Any] = {"batch-size": 8, "learning-rate": 0.01, "warmup-steps": 2, "epochs": 3}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_inputs(tmp_path_factory.mktemp("answers"), letters(), {"input": "text", "target": "label"})


def test_oft_turns_weights_without_stretching_them(answers: dict[str, str], tmp_path: Path) -> None:
    told = train(job("oft", {**FAST, "block-size": 8}, answers, tmp_path))
    check_model(told, answers, tmp_path)
    before, after = weights(answers["model"]), weights(tmp_path / "out" / "model")
    name = "model.layers.0.self_attn.q_proj.weight"
    assert not before[name].equal(after[name])
    lengths = [one[name].norm(dim=1) for one in (before, after)]
    assert lengths[0].allclose(lengths[1], rtol=0.02)


def test_oft_refuses_blocks_that_do_not_divide_the_layers(answers: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(LcspecError, match="LC0580"):
        train(job("oft", {**FAST, "block-size": 24}, answers, tmp_path))


def mean_loss(folder: str | Path, rows: Path) -> float:
    from lcspec.likelihood import encode_rows, negative_log_likelihood
    from lcspec.runtime.model import load_model
    from lcspec.runtime.prompt import Prompt

    loaded, prompt = load_model(Path(folder)), Prompt.from_json(PROMPT)
    judged = [encode_rows(loaded.tokenizer, prompt, row, "text")[0] for row in read_rows(rows, "train")[:24]]
    return sum(negative_log_likelihood(loaded.model, one)[0] for one in judged) / len(judged)


@pytest.mark.parametrize("adapter", ["lora", "none"])
def test_dft_makes_the_answers_more_probable(answers: dict[str, str], tmp_path: Path, adapter: str) -> None:
    told = train(job("dft", {**FAST, "adapter": adapter}, answers, tmp_path))
    assert len(told.metrics["curve"]) == 36  # its loss is no measure: it is small too where nothing is known
    rows = Path(answers["rows"])
    assert mean_loss(tmp_path / "out" / "model", rows) < 0.7 * mean_loss(answers["model"], rows)


def test_only_the_last_blocks_learn(answers: dict[str, str], tmp_path: Path) -> None:
    told = train(job("full", {**FAST, "last-blocks": 1}, answers, tmp_path))
    check_model(told, answers, tmp_path)
    before, after = weights(answers["model"]), weights(tmp_path / "out" / "model")
    moved = {name for name in before if not before[name].equal(after[name])}
    assert moved
    assert all(name.startswith("model.layers.1.") for name in moved)


def test_more_blocks_than_the_model_has_are_refused(answers: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(LcspecError, match="LC1233"):
        train(job("full", {**FAST, "last-blocks": 3}, answers, tmp_path))
