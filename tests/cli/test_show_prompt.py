"""`lcspec show prompt` shows what the runtime gives a model, and says what it lacks to show more."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lcspec.cli.main import group
from lcspec.runtime.prompt import Prompt, encode_example
from tests.test_schemas import validator
from tests.tiny import tiny_tokenizer

SPEC = """\
lcspec: 1
name: shown
scope: {task: classification, labels: [a, b]}
data:
  d: {kind: jsonl, path: rows.jsonl, columns: {input: text, target: label}, split: {validation: 5, test: 5}}
  far: {kind: jsonl, path: x.jsonl, from: {kind: pypi, package: nothing, version: "1"}, columns: {input: text}}
models:
  tiny: {kind: folder, path: tiny, files: [config.json, tokenizer.json, tokenizer_config.json, chat_template.jinja]}
  away: {kind: gguf, path: x.gguf, from: {kind: pypi, package: nothing, version: "1"}}
prompts:
  plain: {format: text, user: "{{ text }}=", answer-prefix: " "}
  shown: {extends: plain, shots: {count: 2, from: d.train, select: per-label, seed: 1}}
  chat: {system: "Say a or b.", user: "{{ text }}"}
  deep: {format: text, user: "{{ context }} {{ text }}"}
  unused: {format: text, user: "{{ text }}?"}
augmentation:
  retrieval: {data: texts, embedder: minilm}
evaluation:
  suites: {s: {data: d, metrics: [accuracy]}}
  gates: {g: {metric: s.accuracy, at-least: 0.5}}
ladder:
  - {prompts: [plain, shown, chat, deep], models: [tiny]}
"""
MORE = """\
  minilm: {kind: folder, path: tiny, role: embedder, files: [config.json]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("prompts")
    text = SPEC.replace("prompts:\n", f"{MORE}prompts:\n").replace(
        "models:\n", "  texts: {kind: documents, files: [a.txt]}\nmodels:\n"
    )
    (made / "spec.yaml").write_text(text)
    (made / "a.txt").write_text("a text")
    rows = [{"text": f"row {n} <s> 😀", "label": "ab"[n % 2]} for n in range(20)]
    (made / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tiny_tokenizer().save_pretrained(made / "tiny")
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 1024}
    (made / "tiny" / "config.json").write_text(json.dumps(config))
    return made


def ask(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(group, ["show", str(folder / "spec.yaml"), "prompt", *words])


def told(folder: Path, *words: str) -> dict[str, Any]:
    done = ask(folder, *words, "--format", "json")
    assert done.exit_code == 0, done.output
    value = json.loads(done.stdout)
    validator("prompt").validate(value)
    return dict(value)


def ids(value: dict[str, Any]) -> list[int]:
    return [token["id"] for token in value["tokens"]]


@pytest.mark.parametrize("name", ["plain", "shown", "chat", "unused"])
def test_the_tokens_are_those_that_training_reads(folder: Path, name: str) -> None:
    value = told(folder, name, "--row", "2")
    tokenizer = tiny_tokenizer()
    prompt = Prompt.from_json(value["resolved"])
    wanted = encode_example(tokenizer, prompt, value["row"]["variables"], value["answer"])
    assert ids(value) == wanted.input_ids
    assert [int(token["loss"]) for token in value["tokens"]] == wanted.completion_mask
    assert {token["text"] for token in value["tokens"] if token["special"]} <= {"<s>", "</s>"}
    assert value["tokens"][-1] == {"id": 2, "text": "</s>", "special": True, "loss": True}
    assert value["notes"] == []


def test_shots_are_the_ones_that_the_step_chooses(folder: Path) -> None:
    value = told(folder, "shown")
    shots = value["resolved"]["shots"]
    assert [shot["answer"] for shot in shots] == ["a", "b"]
    validation = {told(folder, "plain", "--row", str(n))["row"]["id"] for n in range(1, 6)}
    assert len(validation) == 5
    assert all(shot["row"]["text"] in value["text"].replace("< s>", "<s>") for shot in shots)


def test_control_tokens_in_rows_are_defused_and_chat_templates_shown(folder: Path) -> None:
    value = told(folder, "chat")
    assert [message["role"] for message in value["messages"]] == ["system", "user"]
    assert value["text"].startswith("<s>system: Say a or b.</s><s>user: row ")
    assert value["text"].endswith("</s><s>assistant: ")
    assert "< s> 😀" in value["text"]


def test_data_split_and_row_are_chosen(folder: Path) -> None:
    first = told(folder, "plain", "--data", "d.test", "--row", "5")
    assert (first["data"], first["split"], first["row"]["number"]) == ("d", "test", 5)
    assert first["row"]["id"] != told(folder, "plain", "--row", "5")["row"]["id"]
    text = ask(folder, "shown", "--data", "d.test", "--row", "5").stdout
    assert re.search(r"d\.test row 5 of 5", text)
    assert "tokens before the answer: no loss" in text
    assert "2 ⟨</s>⟩" in text.split("training learns these")[1]


def test_what_is_not_here_is_named_with_the_way_to_get_it(folder: Path) -> None:
    value = told(folder, "plain", "--model", "away")
    assert value["tokens"] is None
    assert value["text"].startswith("row ")
    assert value["notes"] == ["the tokenizer of `away` is not here yet: `lcspec apply --target convert:models.away`"]
    value = told(folder, "plain", "--data", "far")
    assert (value["row"], value["text"]) == (None, None)
    assert "lcspec apply --target prepare:data.far" in value["notes"][0]
    assert "{{ text }}=" in ask(folder, "plain", "--data", "far").stdout
    assert any("placeholder" in note for note in told(folder, "deep")["notes"])


@pytest.mark.parametrize(
    ("words", "code", "words_told"),
    [
        (["plian"], 2, "did you mean `plain`?"),
        (["plain", "--row", "6"], 2, "LC0124"),
        (["plain", "--row", "0"], 2, "--row"),
        (["plain", "--data", "d.tset"], 2, "did you mean `test`?"),
        (["plain", "--data", "texts"], 2, "there is no data with rows `texts`"),
        (["plain", "--model", "minilm"], 2, "model that generates"),
        ([], 2, "name one prompt"),
        (["plain", "--origin"], 2, "--origin"),
    ],
)
def test_wrong_use_is_told(folder: Path, words: list[str], code: int, words_told: str) -> None:
    done = ask(folder, *words)
    assert (done.exit_code, words_told in done.output) == (code, True), done.output


def test_its_options_belong_to_it(folder: Path) -> None:
    done = CliRunner().invoke(group, ["show", str(folder / "spec.yaml"), "tuning", "--row", "2"])
    assert (done.exit_code, "only with `show prompt NAME`" in done.output) == (2, True)
