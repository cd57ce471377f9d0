"""Every tuning kind trains a tiny model for real; what it writes is a model that the runtime loads."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from lcspec.diag.model import LcspecError
from lcspec.kinds import registry
from tests.kinds.tuning.steps import Told, job, letters, train, write_inputs
from tests.kinds.tuning.test_rewards import REWARDED

pytestmark = pytest.mark.ml
FAST = {"batch-size": 8, "learning-rate": 0.01, "warmup-steps": 2}
MODEL_FILES = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_inputs(tmp_path_factory.mktemp("answers"), letters(), {"input": "text", "target": "label"})


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    rows = [{"text": row["text"], "good": row["label"], "bad": "ab".replace(row["label"], "")} for row in letters()]
    columns = {"input": "text", "chosen": "good", "rejected": "bad"}
    return write_inputs(tmp_path_factory.mktemp("pairs"), rows, columns)


@pytest.fixture(scope="module")
def feedback(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    chosen = random.Random(1)
    rows = [{"text": row["text"], "said": chosen.choice("ab"), "label": row["label"]} for row in letters()]
    judged = [{**row, "good": row["said"] == row["label"]} for row in rows]
    columns = {"input": "text", "completion": "said", "desirable": "good"}
    return write_inputs(tmp_path_factory.mktemp("feedback"), judged, columns)


@pytest.fixture(scope="module")
def documents(answers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("documents")
    texts = [{"id": str(n), "title": "", "text": f"the letter {'ab'[n % 2]} comes again and again"} for n in range(40)]
    (folder / "documents.jsonl").write_text("".join(json.dumps(one) + "\n" for one in texts))
    return {"model": answers["model"], "documents": str(folder)}


def losses(told: Told) -> tuple[float, float]:
    """Means of the first and the last three losses."""
    curve = [point["loss"] for point in told.metrics["curve"]]
    return sum(curve[:3]) / 3, sum(curve[-3:]) / 3


def weights(folder: str | Path) -> dict[str, Any]:
    from lcspec.runtime.model import load_model

    return dict(load_model(Path(folder)).model.state_dict())


def check_model(told: Told, inputs: dict[str, str], folder: Path) -> None:
    """The model folder loads, with other weights than before and none that is not finite."""
    import torch

    made = folder / "out" / "model"
    assert {path.name for path in made.iterdir()} >= MODEL_FILES
    before, after = weights(inputs["model"]), weights(made)
    assert before.keys() == after.keys()
    assert all(bool(torch.isfinite(one).all()) for one in after.values())
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert inputs["model"] not in "".join(path.read_text() for path in (folder / "out").rglob("*.json"))


SUPERVISED: dict[str, tuple[str, dict[str, Any]]] = {
    "lora": ("lora", {}),
    "rslora": ("lora", {"variant": "rslora", "modules": "attention"}),
    "dora": ("lora", {"variant": "dora", "target-modules": ["q_proj", "down_proj"], "layers": [1]}),
    "pissa": ("lora", {"variant": "pissa"}),
    "olora": ("lora", {"variant": "olora", "also-train": ["lm_head"], "neftune-alpha": 5.0}),
    "full": ("full", {"schedule": "cosine", "optimizer": "adafactor", "accumulate": 2}),
    "full-bfloat16": ("full", {"precision": "bfloat16", "gradient-checkpointing": True, "max-steps": 6}),
    "ia3": ("ia3", {"learning-rate": 0.05, "epochs": 2}),
    "qlora-nf4": ("qlora", {"base": "nf4", "double-quant": True}),
    "qlora-int8": ("qlora", {"base": "int8"}),
    "qdora": ("qlora", {"variant": "dora"}),
    "oft": ("oft", {"block-size": 8}),
    "dft": ("dft", {}),
    "dft-all-weights": ("dft", {"adapter": "none"}),
}


@pytest.mark.parametrize("case", SUPERVISED.values(), ids=SUPERVISED)
def test_answers_are_learnt(case: tuple[str, dict[str, Any]], answers: dict[str, str], tmp_path: Path) -> None:
    kind, said = case
    told = train(job(kind, {**FAST, **said}, answers, tmp_path))
    check_model(told, answers, tmp_path)
    first, last = losses(told)
    assert last < first or kind == "dft"  # its loss is weighted by the answer's own probability, which rises
    assert (tmp_path / "out" / "adapter").is_dir() == (kind != "full" and said.get("adapter") != "none")


ALIGNED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "dpo": ("dpo", "pairs", {}),
    "dpo-ipo-all-weights": ("dpo", "pairs", {"loss": "ipo", "adapter": "none", "learning-rate": 1e-3}),
    "dpo-sft": ("dpo", "pairs", {"sft-weight": 1.0, "variant": "dora"}),
    "dpo-qlora": ("dpo", "pairs", {"adapter": "qlora"}),
    "kto": ("kto", "feedback", {"epochs": 2}),
    "kto-all-weights": ("kto", "feedback", {"adapter": "none", "learning-rate": 1e-3, "loss": "apo-zero-unpaired"}),
    "orpo": ("orpo", "pairs", {}),
    "orpo-all-weights": ("orpo", "pairs", {"adapter": "none", "learning-rate": 1e-3}),
    "pretrain": ("pretrain", "documents", {"max-length": 64, "epochs": 4}),
    "pretrain-lora": ("pretrain", "documents", {"max-length": 64, "adapter": "lora", "epochs": 4}),
}


@pytest.mark.parametrize("case", ALIGNED.values(), ids=ALIGNED)
def test_preferences_and_documents_are_learnt(
    case: tuple[str, str, dict[str, Any]], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    kind, data, said = case
    inputs = request.getfixturevalue(data)
    told = train(job(kind, {**FAST, **said}, inputs, tmp_path))
    check_model(told, inputs, tmp_path)
    first, last = losses(told)
    assert last < first
    learns = said.get("adapter", "none" if kind == "pretrain" else "lora")
    assert (tmp_path / "out" / "adapter").is_dir() == (learns != "none")


def test_every_tuning_kind_is_trained_here() -> None:
    trained = {kind for kind, _ in SUPERVISED.values()} | {kind for kind, _, _ in ALIGNED.values()}
    trained |= {kind for kind, _ in REWARDED.values()}
    assert trained == set(registry.names("tuning"))
    assert len(trained) == 12


def test_equal_training_gives_equal_bytes(answers: dict[str, str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        train(job("lora", {**FAST, "variant": "dora", "max-steps": 3}, answers, tmp_path / name))
    files = [path.relative_to(tmp_path / "one") for path in sorted((tmp_path / "one" / "out").rglob("*.*"))]
    assert len(files) >= 6
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path


def test_adapters_of_quantised_training_are_merged_into_the_exact_weights(
    answers: dict[str, str], tmp_path: Path
) -> None:
    """What did not learn is the exact weight, not the rounded one; what learnt is weight plus update."""
    import torch
    from safetensors.torch import load_file

    train(job("qlora", {**FAST, "target-modules": ["q_proj"], "alpha": 8, "rank": 8}, answers, tmp_path))
    before, after = weights(answers["model"]), weights(tmp_path / "out" / "model")
    adapter = load_file(tmp_path / "out" / "adapter" / "adapter_model.safetensors")
    updates = {}
    for name, b in adapter.items():
        if ".lora_B." in name:
            plain = name.removeprefix("base_model.model.").replace(".lora_B", "")
            updates[plain] = b @ adapter[name.replace(".lora_B.", ".lora_A.")]
    assert len(updates) == 2
    for name, weight in after.items():
        expected = before[name] + updates[name] if name in updates else before[name]
        assert torch.allclose(weight, expected, atol=1e-6), name


def test_a_recipe_that_goes_on_starts_from_what_the_one_before_made(
    answers: dict[str, str], pairs: dict[str, str], tmp_path: Path
) -> None:
    train(job("lora", {**FAST, "epochs": 4}, answers, tmp_path / "lora"))
    tuned = str(tmp_path / "lora" / "out" / "model")
    told = train(job("dpo", FAST, {**pairs, "model": tuned}, tmp_path / "dpo"))
    first = told.metrics["curve"][0]
    assert first["loss"] == pytest.approx(0.6931, abs=1e-3)  # -log(1/2): the reference is the model it started from
    assert told.metrics["curve"][-1]["margin"] > 0
    check_model(told, {**pairs, "model": tuned}, tmp_path / "dpo")


def test_preference_data_are_rendered_as_questions_are_asked(pairs: dict[str, str], tmp_path: Path) -> None:
    from lcspec import examples
    from lcspec.run.io import ChildIO
    from lcspec.runtime.model import load_model
    from lcspec.runtime.prompt import encode_example

    loaded = load_model(Path(pairs["model"]))
    io = ChildIO(job("dpo", {"rows": 5}, pairs, tmp_path), Told())
    prompt = examples.load_prompt(io)
    made = examples.pairs(io, loaded, prompt)
    rows = examples.pick(examples.rows_of(io), 5, 0)
    assert len(made) == 5
    for one, row in zip(made, rows, strict=True):
        whole = encode_example(loaded.tokenizer, prompt, row.variables, str(row.chosen))
        assert one["prompt_ids"] + one["chosen_ids"] == whole.input_ids


def test_weights_that_a_pattern_leaves_out_stay_as_they_are(answers: dict[str, str], tmp_path: Path) -> None:
    import torch

    train(job("full", {**FAST, "train-only": [r"layers\.1\."]}, answers, tmp_path))
    before, after = weights(answers["model"]), weights(tmp_path / "out" / "model")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all("layers.1." in name for name in changed)
    with pytest.raises(LcspecError) as ended:
        train(job("full", {"train-only": ["blocks"]}, answers, tmp_path / "none"))
    assert ended.value.diagnostics[0].code == "LC1233"


def test_the_wrong_data_is_told_before_training(answers: dict[str, str], tmp_path: Path) -> None:
    for kind in ("dpo", "kto"):
        with pytest.raises(LcspecError) as ended:
            train(job(kind, {}, answers, tmp_path / kind))
        assert ended.value.diagnostics[0].code == "LC1230"
        assert "no row to learn from" in ended.value.diagnostics[0].message


def scratch(said: dict[str, Any], inputs: dict[str, str], folder: Path) -> Told:
    """Trains a model of the kind `from-scratch` as the plan would ask for it."""
    from lcspec.ir.plan import Output
    from lcspec.ir.spec import Bound
    from lcspec.ir.strict import construct
    from lcspec.run.io import ChildIO, Job, seed_everything

    kind = registry.load("model", "from-scratch")
    body = construct(kind.body, {"data": "corpus", **said})

    class Lent:
        """The slots of the entries that it takes from."""

        def slots(self, family: str, name: str) -> dict[str, Output]:
            return {slot: Output("x", slot) for slot in ("documents", "model")}

    step = kind.lower(Lent(), Bound("model", "own", "from-scratch", body, ("models", "own"))).steps[0]
    asked = Job(
        step=step.id,
        kind=step.kind,
        action=step.action,
        params=dict(step.params),
        inputs={name: inputs[name] for name in step.inputs},
        libraries=[],
        outputs=str(folder / "out"),
        seed=0,
        threads=1,
        root=str(folder),
        cache="",
        checkpoint=str(folder / "checkpoint"),
        log="",
    )
    told = Told()
    seed_everything(0, 1)
    registry.module("model", "from-scratch").train(ChildIO(asked, told))
    return told


SCRATCH: dict[str, dict[str, Any]] = {
    "llama-by-parameters": {"parameters": "200K", "tokens": "8K", "context": 32},
    "gpt2-by-sizes": {"architecture": "gpt2", "sizes": {"hidden": 64, "layers": 2}, "epochs": 4, "context": 32},
    "qwen2-untied": {"architecture": "qwen2", "parameters": "300K", "tied": False, "tokens": "8K", "context": 32},
    "mistral-grouped": {
        "architecture": "mistral",
        "sizes": {"hidden": 64, "layers": 2, "heads": 4, "kv-heads": 2},
        "epochs": 4,
        "context": 32,
    },
    "tokenizer-of-another": {"parameters": "200K", "tokenizer": {"from": "llama"}, "tokens": "8K", "context": 32},
}


@pytest.mark.parametrize("said", SCRATCH.values(), ids=SCRATCH)
def test_a_model_from_scratch_learns_the_language_of_the_documents(
    said: dict[str, Any], documents: dict[str, str], tmp_path: Path
) -> None:
    from lcspec.ir.strict import construct
    from lcspec.runtime.model import load_model
    from lcspec.sizes import Sizes, parameters

    inputs = {"documents": documents["documents"], "tokenizer": documents["model"]}
    words = {} if "tokenizer" in said else {"tokenizer": {"vocabulary": 300}}
    told = scratch({"learning-rate": 0.01, "batch-size": 4, **words, **said}, inputs, tmp_path)
    first, last = losses(told)
    assert last < first - 1
    loaded = load_model(tmp_path / "out" / "model")
    assert loaded.tokenizer.decode(loaded.tokenizer.encode("the letter a")) == "the letter a"
    assert loaded.tokenizer.chat_template
    kind = registry.load("model", "from-scratch")
    body = construct(kind.body, {"data": "corpus", **words, **said})
    shape = Sizes(**told.metrics["sizes"])
    vocabulary = loaded.model.config.vocab_size
    counted = parameters(body.architecture, shape, vocabulary=vocabulary, context=32, tied=body.tied)
    assert counted == sum(one.numel() for one in loaded.model.parameters()) == told.metrics["parameters"]
    if body.parameters:
        assert counted == pytest.approx(body.parameters, rel=0.25)
    else:
        inspect = registry.module("model", "from-scratch").inspect
        assert inspect(body, lambda name: None)["parameters"] == counted
    if body.tokens:
        assert len(told.metrics["curve"]) == -(-body.tokens // (32 * 4))


def test_too_few_parameters_for_a_vocabulary_are_told(documents: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(LcspecError) as ended:
        scratch({"parameters": "5K", "tokenizer": {"vocabulary": 300}, "context": 32}, documents, tmp_path)
    assert ended.value.diagnostics[0].code == "LC1235"


@pytest.mark.parametrize("wanted", [100_000, 1_000_000, 5_000_000, 135_000_000])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_chosen_sizes_come_within_a_fifth_of_the_number_that_was_asked(wanted: int, architecture: str) -> None:
    from lcspec.sizes import choose, parameters

    how = {"vocabulary": 300 if wanted < 5_000_000 else 8000, "context": 128, "tied": True}
    made = choose(architecture, wanted, **how)
    assert parameters(architecture, made, **how) == pytest.approx(wanted, rel=0.2)
    assert made.hidden % made.heads == 0
