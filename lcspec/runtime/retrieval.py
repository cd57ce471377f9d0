"""An embedded vector store: exact search over the passages of a small collection (thousands)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from .digest import file_digest
from .modelcode import place_of
from .scan import NO_CODE, Code, check_folder

FORMAT_VERSION = 1
MAX_TOKENS = 512
BATCH = 16
FIELDS = ("id", "title", "text", "source")


@dataclass(frozen=True)
class Hit:
    """A passage that was found; `score` is the cosine similarity to the query."""

    id: str
    title: str
    text: str
    score: float


class Embedder:
    """An encoder with mean pooling, loaded once. `digest` names its weights."""

    def __init__(self, folder: Path, code: Code = NO_CODE) -> None:
        folder = Path(folder)
        check_folder(folder, code)
        place, trusted = place_of(folder, code)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(place, trust_remote_code=trusted, local_files_only=True)
        self._model: Any = AutoModel.from_pretrained(
            place, dtype=torch.float32, use_safetensors=True, trust_remote_code=trusted, local_files_only=True
        ).eval()
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._limit = min(getattr(self._model.config, "max_position_embeddings", MAX_TOKENS), MAX_TOKENS)
        self.digest = ",".join(file_digest(path) for path in sorted(folder.glob("*.safetensors")))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors [texts, dimension]: the mean over the attention mask, L2-normalised."""
        found = [self._embed(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
        return np.concatenate(found) if found else np.zeros((0, int(self._model.config.hidden_size)), np.float32)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        batch = self._tokenizer(list(texts), padding=True, truncation=True, max_length=self._limit, return_tensors="pt")
        with torch.inference_mode():
            states = self._model(**batch).last_hidden_state.float()
            mask = batch["attention_mask"].unsqueeze(-1).float()
            means = (states * mask).sum(1) / mask.sum(1).clamp_min(1.0)
            vectors: NDArray[np.float32] = torch.nn.functional.normalize(means, dim=-1).numpy()
        return vectors


def build_index(
    passages: Sequence[Mapping[str, str]], embedder_folder: Path, out: Path, code: Code = NO_CODE
) -> dict[str, Any]:
    """Write an index of passages (id, title, text, source) and return its description (`index.json`).

    A passage is embedded as its title and text, one below the other.

    Raises:
        ValueError: no passages, a missing field, or an id that occurs twice.
    """
    rows = [{name: str(passage[name]) for name in FIELDS if name in passage} for passage in passages]
    if not rows or any("id" not in row or "text" not in row for row in rows):
        raise ValueError("an index needs at least one passage, each with an id and a text")
    if len({row["id"] for row in rows}) != len(rows):
        raise ValueError("a passage id occurs twice")
    embedder = Embedder(embedder_folder, code)
    vectors = embedder.embed([f"{row.get('title', '')}\n{row['text']}".strip() for row in rows])
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    save_file({"vectors": vectors}, out / "vectors.safetensors")
    lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows]
    (out / "passages.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")
    about = {
        "format_version": FORMAT_VERSION,
        "count": len(rows),
        "dimension": int(vectors.shape[1]),
        "embedder": embedder.digest,
    }
    (out / "index.json").write_text(json.dumps(about, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return about


class Index:
    """Passages with their vectors, and the embedder that made them."""

    def __init__(self, passages: list[dict[str, str]], vectors: NDArray[np.float32], embedder: Embedder) -> None:
        self.passages = passages
        self._vectors = vectors
        self._embedder = embedder

    @classmethod
    def load(cls, folder: Path, embedder_folder: Path, code: Code = NO_CODE) -> Index:
        """Return the index that `build_index` wrote.

        Raises:
            ValueError: another format, files that disagree, or another embedder than the one it was built with.
        """
        folder = Path(folder)
        about = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        if about.get("format_version") != FORMAT_VERSION:
            raise ValueError(f"index.json is of another format version than {FORMAT_VERSION}")
        # Not splitlines: a passage may hold a line separator such as U+2028.
        lines = (folder / "passages.jsonl").read_text(encoding="utf-8").split("\n")
        passages = [json.loads(line) for line in lines if line]
        vectors = load_file(folder / "vectors.safetensors")["vectors"]
        if vectors.shape != (len(passages), about["dimension"]):
            raise ValueError("the index's vectors and passages disagree")
        embedder = Embedder(embedder_folder, code)
        if embedder.digest != about["embedder"]:
            raise ValueError("the index was built with another embedder")
        return cls(passages, vectors, embedder)

    def search(self, query: str, top: int) -> list[Hit]:
        """Return the `top` most similar passages, best first; equal scores in the order of the index."""
        scores = self._vectors @ self._embedder.embed([query])[0]
        order = np.argsort(-scores, kind="stable")[: max(top, 0)]
        found = [(self.passages[place], float(scores[place])) for place in order]
        return [Hit(row["id"], row.get("title", ""), row["text"], score) for row, score in found]


def chunk(text: str, words: int, overlap: int) -> list[str]:
    """Return the text cut into windows of `words` words, each sharing `overlap` words with the one before.

    Raises:
        ValueError: `words` is not positive, or `overlap` is not from 0 to below `words`.
    """
    if words < 1 or not 0 <= overlap < words:
        raise ValueError("words is at least 1, and overlap from 0 to below words")
    every = text.split()
    step = words - overlap
    return [" ".join(every[start : start + words]) for start in range(0, max(len(every) - overlap, 1), step) if every]
