"""Training files of other tools become specs that compile, and nothing is lost without being listed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from lcspec import api
from lcspec.diag.model import LcspecError
from lcspec.importing.api import Imported, convert
from lcspec.importing.place import Place
from lcspec.ir.source import SourceFile
from lcspec.schema import BUILDERS

AXOLOTL = """
base_model: acme/tiny-1b
revision_of_model: v2
trust_remote_code: true
datasets:
  - {path: acme/orders, type: alpaca, split: "train[:10%]"}
val_set_size: 0.05
adapter: lora
lora_r: 16
lora_alpha: 32
lora_dropout: 0
lora_target_modules: [q_proj, k_proj, v_proj, o_proj]
sequence_len: 1024
sample_packing: true
micro_batch_size: 2
gradient_accumulation_steps: 4
num_epochs: 3
learning_rate: 2e-4
lr_scheduler: cosine
warmup_ratio: 0.1
optimizer: paged_adamw_8bit
weight_decay: 0.0
bf16: auto
gradient_checkpointing: true
wandb_project: orders
fsdp:
output_dir: out
made_up_key: 7
"""
FACTORY = """
model_name_or_path: acme/tiny-1b
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 4
lora_target: all
dataset: orders,letters
template: llama3
cutoff_len: 256
max_samples: 100
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1.0e-4
num_train_epochs: 2.0
lr_scheduler_type: constant_with_warmup
warmup_steps: 3
val_size: 0.1
logging_steps: 10
"""
COLUMNS = {"prompt": "instruction", "query": "input", "response": "output"}
INFO = {
    "orders": {"file_name": "orders.json"},
    "letters": {
        "hf_hub_url": "acme/letters",
        "columns": {"prompt": "instruction", "query": "input", "response": "output"},
    },
}
ROWS = [{"instruction": f"Say {n}.", "input": "", "output": str(n)} for n in range(40)]


def imported(folder: Path, text: str, name: str = "train.yml", tool: str | None = None) -> Imported:
    (folder / name).write_text(text)
    return convert(SourceFile(name, text), Place(folder / name, folder), tool)


def checked(folder: Path, made: Imported) -> dict[str, Any]:
    """The spec as data, after `check` found no error in it."""
    (folder / "spec.yaml").write_text(made.text)
    loaded = api.load(folder / "spec.yaml")
    assert loaded.ok, [(one.code, one.message) for one in loaded.diagnostics]
    spec: dict[str, Any] = yaml.safe_load(made.text)
    return spec


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dataset_info.json").write_text(json.dumps(INFO))
    (tmp_path / "data" / "orders.json").write_text(json.dumps(ROWS))
    return tmp_path


def test_axolotl_s_numbers_reach_the_recipe(tmp_path: Path) -> None:
    made = imported(tmp_path, AXOLOTL)
    spec = checked(tmp_path, made)
    assert made.tool == "axolotl"
    recipe = spec["tuning"]["lora"]
    assert recipe["data"] == "orders.train"
    told = {"rank": 16, "alpha": 32, "dropout": 0, "batch-size": 2, "accumulate": 4, "epochs": 3, "max-length": 1024}
    told |= {"schedule": "cosine", "warmup-share": 0.1, "precision": "bfloat16", "gradient-checkpointing": True}
    assert {name: recipe[name] for name in told} == told
    assert float(recipe["learning-rate"]) == 2e-4
    assert spec["models"]["tiny-1b"] == {
        "kind": "huggingface",
        "repo": "acme/tiny-1b",
        "revision": "v2",
        "remote-code": "ignore",
    }
    assert spec["data"]["orders"]["split"] == {"train": "10%", "validation": "5%", "test": "5%"}


def test_every_key_of_the_file_has_an_outcome(tmp_path: Path) -> None:
    made = imported(tmp_path, AXOLOTL)
    outcomes = {item.key: item.outcome for item in made.items}
    keys = set(yaml.safe_load(AXOLOTL))
    assert keys - {"datasets"} <= set(outcomes)
    assert {"datasets[0].path", "datasets[0].type", "datasets[0].split"} <= set(outcomes)
    assert outcomes["made_up_key"] == "dropped"
    assert outcomes["optimizer"] == outcomes["bf16"] == outcomes["trust_remote_code"] == "adapted"
    assert outcomes["wandb_project"] == outcomes["fsdp"] == outcomes["output_dir"] == "needless"
    assert outcomes["learning_rate"] == "carried"
    assert outcomes["evaluation"] == outcomes["data.orders.split.test"] == "defaulted"


def test_no_key_is_told_twice(project: Path) -> None:
    for text in (AXOLOTL, FACTORY):
        keys = [item.key for item in imported(project, text).items]
        assert len(keys) == len(set(keys))


def test_llama_factory_s_data_sets_are_found_in_its_list_and_mixed(project: Path) -> None:
    made = imported(project, FACTORY)
    spec = checked(project, made)
    assert made.tool == "llama-factory"
    assert spec["data"]["orders"]["path"] == "data/orders.json"
    assert spec["data"]["letters"]["repo"] == "acme/letters"
    assert spec["data"]["all"]["of"] == ["orders", "letters"]
    recipe = spec["tuning"]["lora"]
    assert recipe["data"] == "all.train"
    told = {"rank": 4, "alpha": 8, "modules": "all-linear", "rows": 100, "warmup-steps": 3, "schedule": "constant"}
    assert {name: recipe[name] for name in told} == told
    assert spec["data"]["orders"]["split"] == {"validation": "10%", "test": "10%"}


def test_a_data_set_that_nobody_explains_becomes_a_place_to_fill_in(tmp_path: Path) -> None:
    made = imported(tmp_path, FACTORY.replace("orders,letters", "orders"))
    spec = checked(tmp_path, made)
    assert spec["data"]["orders"]["repo"] == "todo/orders"
    assert [item.key for item in made.items if item.outcome == "dropped"] == ["dataset[0]: orders"]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("rl: grpo", "rl"),
        ("reward_model: true", "reward_model"),
        ("processor_type: AutoProcessor", "processor_type"),
        ("relora: true", "relora"),
    ],
)
def test_what_would_be_another_training_is_refused_at_its_line(tmp_path: Path, change: str, key: str) -> None:
    with pytest.raises(LcspecError) as raised:
        imported(tmp_path, f"{AXOLOTL}{change}\n")
    (fault,) = raised.value.diagnostics
    assert fault.code == "LC0142"
    assert f"`{key}`" in fault.message
    assert fault.labels[0].span.start == len(AXOLOTL)


def test_rewards_are_to_be_written_by_hand_and_the_help_says_where(tmp_path: Path) -> None:
    with pytest.raises(LcspecError) as raised:
        imported(tmp_path, f"{AXOLOTL}rl: grpo\n")
    (fault,) = raised.value.diagnostics
    assert fault.message == "`rl`: its rewards are code, which is not carried over"
    assert "`lcspec explain tuning.grpo`" in fault.help


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("compute_environment: LOCAL_MACHINE\n", "LC0140"),
        ("- a\n", "LC0140"),
        ("a: [\n", "LC0141"),
        ("a: " + "[" * 5000, "LC0141"),
        ("base_model: acme/m\nmicro_batch_size: 1\n", "LC0142"),
        ("base_model: acme/m\ndatasets: [{path: no such, type: alpaca}]\n", "LC0142"),
        ("base_model: acme/m\ndatasets: [{path: acme/d, type: nonsense}]\n", "LC0142"),
        ("base_model: acme/m\ndatasets: [3]\n", "LC0142"),
    ],
)
def test_other_files_are_diagnostics(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(LcspecError) as raised:
        imported(tmp_path, text)
    assert [one.code for one in raised.value.diagnostics] == [code]


def test_quantisation_aware_training_becomes_quantising_afterwards(tmp_path: Path) -> None:
    made = imported(tmp_path, f"{AXOLOTL}qat: {{weight_dtype: int4, activation_dtype: int8}}\n")
    spec = checked(tmp_path, made)
    assert spec["deployment"]["optimize"] == {"int4": {"kind": "quantize", "bits": 4}}
    assert {item.key: item.outcome for item in made.items}["qat"] == "adapted"


def test_texts_of_the_file_stay_texts(tmp_path: Path) -> None:
    own = 'type: {format: "{instruction}\\n# no: {% raw %}"}'
    made = imported(tmp_path, AXOLOTL.replace("type: alpaca", own), "a\nscope: {}\u2028.yml")
    assert list(yaml.safe_load(made.text))[:3] == ["lcspec", "name", "description"]
    assert yaml.safe_load(made.text)["prompts"]["plain"]["user"] == "{{ instruction }}\n# no: {% raw %}"


def lcspec(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lcspec", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_writes_the_spec_and_tells_what_was_lost(project: Path) -> None:
    (project / "train.yml").write_text(FACTORY)
    done = lcspec(project, "import", "train.yml", "-o", "spec.yaml")
    assert done.returncode == 0, done.stderr
    assert "carried with a difference" in done.stdout
    assert lcspec(project, "check", "spec.yaml").returncode == 0
    assert lcspec(project, "import", "train.yml", "-o", "spec.yaml").returncode == 2
    assert lcspec(project, "import", "train.yml", "-o", "spec.yaml", "--force", "--strict").returncode == 1
    report = json.loads(lcspec(project, "import", "train.yml", "--format", "json").stdout)
    Draft202012Validator(BUILDERS["import"]()).validate(report)
    assert report["tool"] == "llama-factory"
    assert report["counts"]["carried"] >= 10
    assert report["text"] == (project / "spec.yaml").read_text()


def test_wrong_use_is_told(tmp_path: Path) -> None:
    assert lcspec(tmp_path, "import", "nothing.yml").returncode == 1
    (tmp_path / "t.yml").write_text(AXOLOTL)
    assert lcspec(tmp_path, "import", "t.yml", "-o", "no/such/spec.yaml").returncode == 2
    assert lcspec(tmp_path, "import", "t.yml", "--from", "trl").returncode == 2
    done = lcspec(tmp_path, "import", "t.yml", "--from", "llama-factory")
    assert done.returncode == 1
    assert "LC0142" in done.stderr


def newer(peft: str, more: str = "") -> str:
    return (
        f"model: acme/tiny-1b\npeft_config: {peft}\ntrain_dataset: sets.yaml\nmicro_batch_size: 1\nmax_steps: 5\n{more}"
    )


@pytest.mark.parametrize(
    ("text", "kind", "recipe"),
    [
        (FACTORY.replace("finetuning_type: lora", "finetuning_type: full"), "full", {}),
        (
            FACTORY.replace("finetuning_type: lora", "finetuning_type: oft\noft_block_size: 16"),
            "oft",
            {"block-size": 16},
        ),
        (FACTORY.replace("finetuning_type: lora", "finetuning_type: freeze"), "full", {"last-blocks": 2}),
        (f"{FACTORY}use_dft_loss: true\n", "dft", {"adapter": "lora", "rank": 4}),
        (f"{FACTORY}quantization_bit: 4\n", "qlora", {"base": "nf4", "double-quant": True}),
        (f"{FACTORY}use_galore: true\ngalore_rank: 8\n", "lora", {"optimizer": "adamw"}),
        (newer("{name: lora, r: 16, lora_alpha: 32, target_modules: all}"), "lora", {"rank": 16, "max-steps": 5}),
        (newer("{name: freeze, freeze_trainable_layers: 3}"), "full", {"last-blocks": 3}),
        (newer("{name: lora, r: 4}", "quant_config: {name: bnb, quantization_bit: 8}\n"), "qlora", {"base": "int8"}),
    ],
)
def test_llama_factory_s_ways_of_training(project: Path, text: str, kind: str, recipe: dict[str, Any]) -> None:
    (project / "sets.yaml").write_text("orders: {path: data/orders.json, source: local, converter: alpaca, size: 20}\n")
    spec = checked(project, imported(project, text))
    assert list(spec["tuning"]) == [kind]
    assert {name: spec["tuning"][kind][name] for name in recipe} == recipe


PAIRS = [{"prompt": f"q{n}", "chosen": "yes", "rejected": "no"} for n in range(40)]
TALKS = [
    {
        "conversations": [{"from": "human", "value": f"q{n}"}],
        "chosen": {"from": "gpt", "value": "yes"},
        "rejected": {"from": "gpt", "value": "no"},
    }
    for n in range(40)
]
JUDGED = [
    {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": "a"}], "label": n % 2 == 0}
    for n in range(40)
]
TEXTS = [{"text": f"a text, number {n}"} for n in range(40)]


@pytest.mark.parametrize(
    ("stage", "rows", "info", "kind", "metric"),
    [
        (
            "dpo",
            PAIRS,
            {"ranking": True, "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}},
            "dpo",
            "preference-accuracy",
        ),
        (
            "dpo",
            TALKS,
            {
                "ranking": True,
                "formatting": "sharegpt",
                "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
            },
            "dpo",
            "preference-accuracy",
        ),
        (
            "kto",
            JUDGED,
            {
                "formatting": "sharegpt",
                "columns": {"messages": "messages", "kto_tag": "label"},
                "tags": {"role_tag": "role", "content_tag": "content"},
            },
            "kto",
            "loss",
        ),
        ("pt", TEXTS, {"columns": {"prompt": "text"}}, "pretrain", "loss"),
    ],
)
def test_llama_factory_s_stages_read_their_own_rows(
    project: Path, stage: str, rows: list[Any], info: dict[str, Any], kind: str, metric: str
) -> None:
    (project / "data" / "own.json").write_text(json.dumps(rows))
    (project / "data" / "dataset_info.json").write_text(json.dumps({"own": {"file_name": "own.json", **info}}))
    text = FACTORY.replace("stage: sft", f"stage: {stage}").replace("orders,letters", "own")
    spec = checked(project, imported(project, text))
    assert spec["tuning"][kind]["adapter"] == "lora"
    assert spec["evaluation"]["gates"]["no-regression"]["metric"] == f"held-out.{metric}"
    assert spec["tuning"][kind].get("batch-size") == (2 if kind == "kto" else 1)


@pytest.mark.parametrize(
    ("data", "rl", "kind", "columns"),
    [
        ("type: chat_template", "", "lora", {"input": "message", "messages": "messages"}),
        (
            "type: chat_template, field_messages: talk, message_property_mappings: {role: from, content: value}, "
            "roles: {assistant: [bot, ai]}",
            "",
            "lora",
            {
                "input": "message",
                "messages": "talk",
                "message-keys": {"role": "from", "content": "value", "roles": {"bot": "assistant", "ai": "assistant"}},
            },
        ),
        ("type: completion, field: body", "", "pretrain", {"input": "body"}),
        ("type: chatml.ultra", "rl: dpo", "dpo", {"input": "prompt", "chosen": "chosen", "rejected": "rejected"}),
        (
            "type: chat_template.argilla",
            "rl: orpo",
            "orpo",
            {"input": "prompt", "chosen": "chosen", "rejected": "rejected"},
        ),
        ("type: llama3.ultra", "rl: kto", "kto", {"input": "prompt", "completion": "completion", "desirable": "label"}),
        (
            "type: {field_instruction: ask, field_output: say, format: 'Q: {instruction}'}",
            "",
            "lora",
            {"input": "ask", "target": "say"},
        ),
    ],
)
def test_axolotl_s_data_formats(tmp_path: Path, data: str, rl: str, kind: str, columns: dict[str, Any]) -> None:
    text = AXOLOTL.replace('type: alpaca, split: "train[:10%]"', data)
    spec = checked(tmp_path, imported(tmp_path, f"{text}{rl}\n"))
    assert list(spec["tuning"]) == [kind]
    assert spec["data"]["orders"]["columns"] == columns


def test_texts_under_different_columns_are_mixed_under_one(tmp_path: Path) -> None:
    own = "datasets: [{path: acme/books, type: completion}, {path: acme/news, type: completion, field: body}]"
    text = AXOLOTL.replace(AXOLOTL[AXOLOTL.index("datasets:") : AXOLOTL.index("val_set_size")], f"{own}\n")
    spec = checked(tmp_path, imported(tmp_path, text))
    assert spec["data"]["news"]["columns"] == {"input": "text", "rename": {"body": "text"}}
    assert spec["data"]["all"]["of"] == ["books", "news"]
    assert spec["tuning"]["pretrain"]["data"] == "all"
