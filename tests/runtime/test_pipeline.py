from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lcspec.runtime import digest
from lcspec.runtime.pipeline import Answer, Pipeline
from lcspec.runtime.prompt import Prompt, Shot, encode_conversation, encode_example
from lcspec.runtime.template import TemplateFault
from tests import tiny

TEXTS = ["ships wait", "prices rose again", "</s>", "caf\u00e9", ""]
RUNTIME = Path(digest.__file__).parent


def make(folder: Path, model: Path, pipeline: dict[str, Any], prompt: dict[str, Any] | None = None) -> Pipeline:
    return Pipeline.load(tiny.write_pipeline(folder, pipeline, prompt or tiny.chat_prompt(), model))


@pytest.mark.parametrize("prompt", [tiny.chat_prompt(), tiny.text_prompt()], ids=["chat", "text"])
def test_ids_of_training_and_pipeline_agree(tmp_path: Path, model_folder: Path, prompt: dict[str, Any]) -> None:
    pipeline = make(tmp_path, model_folder, tiny.manifest(), prompt)
    for text in TEXTS:
        example = encode_example(pipeline._tokenizer, Prompt.from_json(prompt), {"text": text}, "trade")
        asked = pipeline.prompt_ids({"text": text})
        assert example.input_ids == [*asked, *pipeline._label_ids[1], pipeline._end_id]
        assert pipeline.answer({"text": text}).prompt_tokens == len(asked)


def test_a_row_that_goes_on_from_earlier_turns_is_answered_as_it_was_trained(
    tmp_path: Path, model_folder: Path
) -> None:
    pipeline = make(tmp_path, model_folder, tiny.manifest())
    prompt, turns = Prompt.from_json(tiny.chat_prompt()), [Shot({"text": "Hello"}, "oil"), Shot({"text": "b"}, "trade")]
    whole = encode_conversation(pipeline._tokenizer, prompt, turns, "Be kind.")[0].input_ids
    answer = pipeline.answer({"text": "b"}, before=turns[:1], system="Be kind.")
    assert answer.prompt_tokens == len(whole) - len(pipeline._label_ids[1]) - 1
    assert answer != pipeline.answer({"text": "b"})
    assert pipeline.answer({"text": "b"}, before=()) == pipeline.answer({"text": "b"})


def test_label_is_the_best_score_whatever_was_asked_before(tmp_path: Path, model_folder: Path) -> None:
    pipeline = make(tmp_path, model_folder, tiny.manifest())
    alone = {text: pipeline.answer({"text": text}) for text in TEXTS}
    for answer in alone.values():
        assert answer.scores is not None
        assert answer.text == answer.label == max(answer.scores, key=lambda label: answer.scores[label])
        assert list(answer.scores) == tiny.LABELS
    order = TEXTS * 3
    random.Random(0).shuffle(order)
    assert all(pipeline.answer({"text": text}) == alone[text] for text in order)


def test_assembled_pipeline_answers_as_the_loaded_one(tmp_path: Path, model_folder: Path) -> None:
    retrieval = {"index": "index", "embedder": "embedder", "top": 2}
    manifest = tiny.generation(retrieval=retrieval, model="elsewhere", prompt="elsewhere")
    prompt = tiny.chat_prompt(user="{{ context }}\n{{ text }}", shots=[])
    tiny.write_pipeline(tmp_path, manifest | {"model": "model", "prompt": "prompt.json"}, prompt, model_folder)
    folders = {name: tmp_path / name for name in ("model", "index", "embedder")} | {"prompt": tmp_path / "prompt.json"}
    made = Pipeline.assemble(manifest, folders).answer({"text": "when open?"})
    assert made == Pipeline.load(tmp_path / "pipeline.json").answer({"text": "when open?"})
    assert len(made.hits) == 2


def test_retrieved_text_is_the_context_and_no_row_needs_it(tmp_path: Path, model_folder: Path) -> None:
    retrieval = {"index": "index", "embedder": "embedder", "top": 2}
    prompt = tiny.text_prompt(user="{{ context }}|{{ text }}")
    pipeline = make(tmp_path, model_folder, tiny.generation(retrieval=retrieval), prompt)
    hits = pipeline.answer({"text": "returns"}).hits
    expected = f"{hits[0].text}\n\n{hits[1].text}|returns"
    assert pipeline._tokenizer.decode(pipeline.prompt_ids({"text": "returns"})) == expected
    assert pipeline.variables == {"text"}


def test_stream_is_the_answer_in_pieces(tmp_path: Path, model_folder: Path) -> None:
    pipeline = make(tmp_path, model_folder, tiny.generation())
    for text in TEXTS:
        whole = pipeline.answer({"text": text})
        pieces = list(pipeline.stream({"text": text}))
        assert "".join(pieces) == whole.text == whole.text.strip()
        assert len(pieces) > 1
        assert whole.completion_tokens == 24


def test_sampling_overrides_and_stop_strings_add_up(tmp_path: Path, model_folder: Path) -> None:
    whole = make(tmp_path / "a", model_folder, tiny.generation()).answer({"text": "a"}).text
    first, second = whole[8], next(letter for letter in whole if letter.isascii() and letter != whole[8])
    scoring = {"method": "generation", "max_tokens": 24, "stop": [first]}
    pipeline = make(tmp_path / "b", model_folder, tiny.generation(scoring=scoring))
    assert pipeline.answer({"text": "a"}).text == whole[: whole.index(first)].strip()
    cut = min(whole.index(first), whole.index(second))
    assert pipeline.answer({"text": "a"}, stop=(second,)).text == whole[:cut].strip()
    assert pipeline.answer({"text": "a"}, max_tokens=2).completion_tokens == 2


def test_refused_input_never_reaches_the_model(tmp_path: Path, model_folder: Path) -> None:
    guards = {"input": [{"kind": "blocklist", "words": ["bad"], "message": "No."}]}
    pipeline = make(tmp_path, model_folder, tiny.manifest(guardrails=guards))
    answer = pipeline.answer({"text": "bad idea"})
    expected = Answer("No.", refused="blocklist", notes=("blocklist: refuse",), finish_reason="content_filter")
    assert answer == expected
    assert list(pipeline.stream({"text": "bad idea"})) == ["No."]


def test_redacted_input_is_what_the_model_sees(tmp_path: Path, model_folder: Path) -> None:
    guards = {"input": [{"kind": "pii", "action": "redact"}]}
    guarded = make(tmp_path / "a", model_folder, tiny.manifest(guardrails=guards))
    plain = make(tmp_path / "b", model_folder, tiny.manifest())
    assert guarded.answer({"text": "mail a@b.de"}).scores == plain.answer({"text": "mail [email]"}).scores


def test_withheld_answer_is_not_streamed(tmp_path: Path, model_folder: Path) -> None:
    guards = {"output": [{"kind": "label-set", "labels": ["x"], "message": "Withheld."}]}
    pipeline = make(tmp_path, model_folder, tiny.generation(guardrails=guards))
    assert list(pipeline.stream({"text": "a"})) == ["Withheld."]
    answer = pipeline.answer({"text": "a"})
    assert (answer.label, answer.refused, answer.finish_reason) == (None, "label-set", "content_filter")


def test_row_without_a_variable_is_an_error(tmp_path: Path, model_folder: Path) -> None:
    pipeline = make(tmp_path, model_folder, tiny.manifest(), tiny.chat_prompt(user="{{ text }} {{ more }}", shots=[]))
    assert pipeline.variables == {"text", "more"}
    for row in ({}, {"text": "a"}):
        with pytest.raises(TemplateFault):
            pipeline.answer(row)


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": 2},
        {"extra": 1},
        {"labels": []},
        {"scoring": {"method": "vibes"}},
        {"scoring": {"method": "generation"}},
        {"guardrails": {"input": [{"kind": "toxicity"}]}},
        {"model": "../outside"},
        {"prompt": "/etc/hostname"},
    ],
    ids=str,
)
def test_bad_manifest_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "pipeline.json").write_text(json.dumps(tiny.manifest(**change)))
    with pytest.raises(ValueError):
        Pipeline.load(tmp_path)


def test_digest_moves_with_the_source_alone(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(RUNTIME, tmp_path / "runtime")
    command = [sys.executable, "-c", "from runtime.digest import source_digest; print(source_digest())"]

    def there() -> str:
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    assert there() == digest.source_digest()
    (tmp_path / "runtime" / "text.py").write_text("changed")
    assert there() != digest.source_digest()


def test_copy_imports_nothing_of_lcspec(tmp_path: Path) -> None:
    import ast
    import shutil

    files = sorted(RUNTIME.glob("*.py"))
    assert len(files) == 14
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not any(name.partition(".")[0] == "lcspec" for name in names), path.name
            assert not (isinstance(node, ast.ImportFrom) and node.level > 1), path.name
    shutil.copytree(RUNTIME, tmp_path / "runtime")
    code = "import sys; sys.modules['lcspec'] = None; import runtime.pipeline, runtime.retrieval; print('fine')"
    made = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert made.stdout == "fine\n"
