"""Which files of a repository are meant."""

import pytest

from lcspec.hub.select import NotThere, form_of, match, model_files, row_files, safe

SIDE = ["config.json", "tokenizer.json", "tokenizer_config.json"]


def test_a_model_is_its_config_its_tokenizer_and_its_safetensors() -> None:
    listing = [*SIDE, "model.safetensors", "README.md", "pytorch_model.bin", "modeling.py", "onnx/model.onnx"]
    assert model_files(listing) == ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def test_shards_come_with_their_index() -> None:
    shards = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    found = model_files([*SIDE, *shards, "model.safetensors.index.json", "consolidated.safetensors"])
    assert set(found) == {*SIDE, *shards, "model.safetensors.index.json"}


def test_pickled_weights_alone_are_unsafe() -> None:
    with pytest.raises(NotThere) as raised:
        model_files([*SIDE, "pytorch_model.bin"])
    assert raised.value.unsafe


def test_a_repository_of_ggufs_is_told_how_to_be_used() -> None:
    with pytest.raises(NotThere) as raised:
        model_files(["q4.gguf", "README.md"])
    assert "kind: gguf" in raised.value.args[1]


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        (["data.jsonl"], {"train": ("data.jsonl",)}),
        (["train.jsonl", "test.jsonl", "notes.txt"], {"train": ("train.jsonl",), "test": ("test.jsonl",)}),
        (
            [
                "data/train-0-of-2.parquet",
                "data/train-1-of-2.parquet",
                "data/dev-0-of-1.parquet",
            ],
            {
                "train": ("data/train-0-of-2.parquet", "data/train-1-of-2.parquet"),
                "validation": ("data/dev-0-of-1.parquet",),
            },
        ),
        (["test/a.csv", "training/b.csv"], {"test": ("test/a.csv",), "train": ("training/b.csv",)}),
        (["contest.json", "constrained.json"], {"train": ("constrained.json", "contest.json")}),
        (["en/c4-train.00000.json.gz", "x.py"], {"train": ("en/c4-train.00000.json.gz",)}),
    ],
)
def test_splits_are_read_from_names(listing: list[str], expected: dict[str, tuple[str, ...]]) -> None:
    assert row_files(listing, "", "default") == expected


README = """---
configs:
- config_name: main
  default: true
  data_files:
  - {split: train, path: main/train-*}
  - {split: test_sft, path: ["main/test-a.parquet", "main/test-b.parquet"]}
- config_name: socratic
  data_dir: soc
---
# Title
"""
LISTING = ["main/train-0.parquet", "main/test-a.parquet", "main/test-b.parquet", "soc/train.jsonl", "soc/test.jsonl"]


def test_the_readme_declares_configurations_and_splits() -> None:
    main = {"train": ("main/train-0.parquet",), "test_sft": ("main/test-a.parquet", "main/test-b.parquet")}
    assert row_files(LISTING, README, "main") == main
    assert row_files(LISTING, README, "default") == main
    assert row_files(LISTING, README, "socratic") == {"train": ("soc/train.jsonl",), "test": ("soc/test.jsonl",)}


def test_an_unknown_configuration_is_told_the_known_ones() -> None:
    with pytest.raises(NotThere) as raised:
        row_files(LISTING, README, "other")
    assert "main, socratic" in raised.value.args[1]


def test_broken_front_matter_is_as_none() -> None:
    assert row_files(["a.jsonl"], "---\n: [\n---\n", "default") == {"train": ("a.jsonl",)}
    assert row_files(["a.jsonl"], "---\nconfigs: 3\n---\n", "default") == {"train": ("a.jsonl",)}


def test_a_loading_script_is_not_run() -> None:
    with pytest.raises(NotThere) as raised:
        row_files(["squad.py", "README.md"], "", "default")
    assert "refs/convert/parquet" in raised.value.args[1]


def test_patterns_keep_to_their_folder_unless_told() -> None:
    names = ["a.json", "x/b.json", "x/y/c.json", "x/[d].json"]
    assert match("*.json", names) == ("a.json",)
    assert match("x/*.json", names) == ("x/[d].json", "x/b.json")
    assert match("**/*.json", names) == ("a.json", "x/[d].json", "x/b.json", "x/y/c.json")
    assert match("x/?.json", names) == ("x/b.json",)


def test_forms() -> None:
    forms = [form_of(name) for name in ("a.jsonl.gz", "b.PARQUET", "c.parquet.gz", "d.md", "dataset_infos.json", "e")]
    assert forms == ["jsonl", "parquet", None, None, None, None]


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../b", "a\\b", ""])
def test_paths_that_leave_their_folder_are_not_safe(path: str) -> None:
    assert not safe(path)
    assert safe("a/b..c.json")
