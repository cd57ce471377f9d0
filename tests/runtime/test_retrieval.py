from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lcspec.runtime.digest import file_digest
from lcspec.runtime.retrieval import Embedder, Index, build_index, chunk
from tests import tiny


@pytest.fixture(scope="module")
def index(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Index:
    out = tmp_path_factory.mktemp("index")
    build_index(tiny.PASSAGES, model_folder, out)
    return Index.load(out, model_folder)


def test_passage_finds_itself_first(index: Index) -> None:
    for passage in tiny.PASSAGES:
        hits = index.search(f"{passage['title']}\n{passage['text']}", 3)
        assert (hits[0].id, hits[0].title, hits[0].text) == (passage["id"], passage["title"], passage["text"])
        assert hits[0].score == pytest.approx(1.0, abs=1e-5)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_top_bounds_the_hits(index: Index) -> None:
    assert [len(index.search("office", top)) for top in (0, 1, 99)] == [0, 1, 3]


def test_embedding_is_the_normalised_mean_and_padding_does_not_matter(model_folder: Path) -> None:
    embedder = Embedder(model_folder)
    together = embedder.embed(["a", "a much longer text than the first"])
    np.testing.assert_allclose(together[0], embedder.embed(["a"])[0], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    with torch.no_grad():
        ids = embedder._tokenizer("a", return_tensors="pt")
        mean = embedder._model(**ids).last_hidden_state[0].mean(0)
    np.testing.assert_allclose(together[0], (mean / mean.norm()).numpy(), atol=1e-5)


def test_same_passages_give_the_same_bytes(model_folder: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        build_index(tiny.PASSAGES, model_folder, tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["index.json", "passages.jsonl", "vectors.safetensors"]
    assert all(file_digest(tmp_path / "a" / name) == file_digest(tmp_path / "b" / name) for name in files)


def test_line_separators_in_a_passage_survive(model_folder: Path, tmp_path: Path) -> None:
    text = "one\u2028two\nthree\x85four"
    build_index([{"id": "x", "text": text}], model_folder, tmp_path)
    assert Index.load(tmp_path, model_folder).search("one", 1)[0].text == text


def test_another_embedder_is_refused(model_folder: Path, tmp_path: Path) -> None:
    build_index(tiny.PASSAGES, model_folder, tmp_path / "index")
    other = tiny.write_tiny_model(tmp_path / "other", seed=1)
    with pytest.raises(ValueError, match="another embedder"):
        Index.load(tmp_path / "index", other)


@pytest.mark.parametrize("passages", [[], [{"id": "a"}], [{"id": "a", "text": "x"}] * 2], ids=str)
def test_bad_passages_are_refused(model_folder: Path, tmp_path: Path, passages: list[dict[str, str]]) -> None:
    with pytest.raises(ValueError, match="passage"):
        build_index(passages, model_folder, tmp_path)


@pytest.mark.parametrize(
    ("text", "words", "overlap", "chunks"),
    [
        ("a b c d e", 2, 0, ["a b", "c d", "e"]),
        ("a b c d e", 3, 1, ["a b c", "c d e"]),
        ("a b c d", 3, 1, ["a b c", "c d"]),
        ("a b", 3, 2, ["a b"]),
        ("a b c", 3, 2, ["a b c"]),
        (" \n", 3, 0, []),
    ],
)
def test_chunks_overlap_and_cover_the_text(text: str, words: int, overlap: int, chunks: list[str]) -> None:
    assert chunk(text, words, overlap) == chunks


@pytest.mark.parametrize(("words", "overlap"), [(0, 0), (2, 2), (2, -1)])
def test_bad_chunk_sizes_are_refused(words: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="words"):
        chunk("a", words, overlap)
