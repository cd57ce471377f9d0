"""Facts of models are read from small files and headers, and from nothing that is broken."""

import json
from pathlib import Path

import pytest

from lcspec import ggufheader, modelfacts

CONFIG = {"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 16}


def gguf_file(path: Path) -> Path:
    import gguf
    import numpy

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_embedding_length(8)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_context_length(128)
    writer.add_feed_forward_length(12)
    writer.add_token_list([f"t{n}" for n in range(100)])
    writer.add_token_types([3 if n < 4 else 1 for n in range(100)])
    writer.add_eos_token_id(2)
    writer.add_chat_template("{{ messages[0]['role'] }} system t2")
    writer.add_tensor("token_embd.weight", numpy.zeros((100, 8), dtype="float32"))
    writer.add_tensor("output_norm.weight", numpy.zeros(8, dtype="float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_gguf_header_tells_sizes_and_tokens(tmp_path: Path) -> None:
    facts = ggufheader.of_gguf(gguf_file(tmp_path / "model.gguf"))
    assert facts["parameters"] == 100 * 8 + 8
    assert (facts["architecture"], facts["context"], facts["config"]["vocab_size"]) == ("llama", 128, 100)
    assert (facts["config"]["num_key_value_heads"], facts["config"]["tie_word_embeddings"]) == (1, True)
    assert (facts["tokenizer"]["eos"], facts["tokenizer"]["stops"]) == ("t2", ["t2"])
    assert facts["tokenizer"]["chat_template"] is True


def test_a_gguf_file_that_ends_anywhere_is_refused_not_misread(tmp_path: Path) -> None:
    whole = gguf_file(tmp_path / "model.gguf").read_bytes()
    end = whole.index(b"output_norm.weight")
    for size in [1, 4, 8, 24, *range(30, end, 97)]:
        (tmp_path / "cut.gguf").write_bytes(whole[:size])
        with pytest.raises(ggufheader.Broken):
            ggufheader.read_header(tmp_path / "cut.gguf")


def test_a_folder_tells_sizes_control_tokens_and_what_stops(tmp_path: Path) -> None:
    files = {
        "config.json": CONFIG,
        "tokenizer_config.json": {"eos_token": "</s>", "added_tokens_decoder": {"5": {"content": "<|im_end|>"}}},
        "generation_config.json": {"eos_token_id": [2, 5]},
    }
    for name, data in files.items():
        (tmp_path / name).write_text(json.dumps(data))
    (tmp_path / "chat_template.jinja").write_text("{{ messages[0]['role'] }}<|im_end|>")
    facts = modelfacts.of_folder("", lambda name: tmp_path / name if (tmp_path / name).exists() else None)
    assert facts["config"] == CONFIG
    assert facts["tokenizer"]["turn_end"] == "<|im_end|>"
    assert facts["tokenizer"]["stops"] == ["</s>", "<|im_end|>"]


def test_a_template_that_refuses_system_messages_has_no_system_role() -> None:
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    assert modelfacts.control(refusing, "</s>", None, ["</s>"], [])["system_role"] is False


def test_an_unknown_family_is_counted_from_the_header_of_its_weights(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}, "__metadata__": {}}).encode()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(48))
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "model_type": "newest"}))
    facts = modelfacts.of_folder("", lambda name: tmp_path / name if (tmp_path / name).exists() else None)
    assert facts["parameters"] == 12


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlicense: mit\nlanguage:\n- en\n- pt-BR # Brazil\ntags: [x]\n---\n# A model", ["en", "pt-BR"]),
        ("---\nlanguage: [en, de]\n---\n", ["en", "de"]),
        ("---\nlanguage: en\nlicense: mit\n---\n", ["en"]),
        ("---\nlicense: mit\n---\nlanguage: en\n", None),
        ("# language: en", None),
    ],
)
def test_a_card_names_languages_in_its_front_matter_only(card: str, languages: list[str] | None) -> None:
    assert modelfacts.of_card(card) == languages


@pytest.mark.parametrize(
    ("said", "form"),
    [
        (None, None),
        ({"quant_method": "awq", "bits": 4}, "awq"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes-4bit"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "bitsandbytes-8bit"),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"type": "float"}}}},
            "compressed-tensors-fp8",
        ),
        ({"quant_method": "compressed-tensors", "config_groups": []}, "compressed-tensors"),
        ({}, "unknown"),
    ],
)
def test_the_config_says_how_weights_are_packed(said: object, form: str | None) -> None:
    assert modelfacts.packing(said) == form
