"""The header of a GGUF file: metadata and the shapes of tensors, read without its weights and without a library.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian). Long arrays (the
vocabulary) are walked over; only the texts that a caller names by position are kept.
"""

import mmap
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from lcspec.modelfacts import FACTS_VERSION, control

MAGIC, STRING, ARRAY = b"GGUF", 8, 9
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
SHORT = 64  # arrays up to this length are kept whole
MOST = 10_000_000  # entries of an array, tensors, characters: beyond it the file is broken


class Broken(ValueError):
    """The file is no GGUF file, or ends too early."""


class Reader:
    """Walks over the header."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def scalar(self, kind: int) -> Any:
        """One number or truth value."""
        form = SCALARS.get(kind)
        if form is None:
            raise Broken(f"unknown type {kind}")
        size = struct.calcsize(form)
        if self.at + size > len(self.data):
            raise Broken("the file ends in its header")
        value = struct.unpack_from(form, self.data, self.at)[0]
        self.at += size
        return value

    def text(self) -> str:
        """One length-prefixed text."""
        size = self.scalar(10)
        if size > MOST or self.at + size > len(self.data):
            raise Broken("the file ends in its header")
        self.at += size
        return self.data[self.at - size : self.at].decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """A value of metadata; a long array is given as an `Array`, walked over."""
        if kind == STRING:
            return self.text()
        return self.array() if kind == ARRAY else self.scalar(kind)

    def array(self) -> Any:
        """A list, or the place of a long array."""
        kind, count = self.scalar(4), self.scalar(10)
        if count > MOST:
            raise Broken("an array of impossible length")
        if count <= SHORT:
            return [self.value(kind) for _ in range(count)]
        found = Array(kind, count, self.at)
        if kind == STRING:
            unpack, data, at, end = struct.Struct("<Q").unpack_from, self.data, self.at, len(self.data) - 8
            for _ in range(count):
                if at > end:
                    raise Broken("the file ends in its header")
                at += 8 + unpack(data, at)[0]
            self.at = at
        else:
            self.at += count * struct.calcsize(SCALARS.get(kind, "<Q"))
        return found


class Array:
    """A long array: its type, length and place."""

    def __init__(self, kind: int, count: int, at: int) -> None:
        self.kind, self.count, self.at = kind, count, at


def read_header(path: Path) -> tuple[dict[str, Any], dict[str, tuple[int, ...]], dict[int, str]]:
    """Metadata, tensor name to shape, and the texts of the tokens that the metadata names by `…_token_id`.

    Raises:
        Broken: the file is not GGUF, or not whole.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        reader = Reader(data)
        if data[:4] != MAGIC:
            raise Broken("not a GGUF file")
        reader.at = 4
        if reader.scalar(4) not in (2, 3):
            raise Broken("a version of GGUF that is not known here")
        tensors, pairs = reader.scalar(10), reader.scalar(10)
        if max(tensors, pairs) > MOST:
            raise Broken("a header of impossible length")
        meta = {}
        for _ in range(pairs):
            name = reader.text()
            meta[name] = reader.value(reader.scalar(4))
        shapes = {}
        for _ in range(tensors):
            name = reader.text()
            shapes[name] = tuple(reader.scalar(10) for _ in range(reader.scalar(4)))
            reader.scalar(4), reader.scalar(10)
        return meta, shapes, _tokens(reader, meta)


def _tokens(reader: Reader, meta: Mapping[str, Any]) -> dict[int, str]:
    listed, kinds = meta.get("tokenizer.ggml.tokens"), meta.get("tokenizer.ggml.token_type")
    if isinstance(listed, list):
        return dict(enumerate(listed))
    if not isinstance(listed, Array) or listed.kind != STRING:
        return {}
    wanted = {value for name, value in meta.items() if name.endswith("_token_id") and isinstance(value, int)}
    if isinstance(kinds, Array) and kinds.count == listed.count and kinds.kind == 5:
        types = struct.unpack_from(f"<{kinds.count}i", reader.data, kinds.at)
        wanted |= {at for at, kind in enumerate(types) if kind == 3}  # control tokens
    texts, reader.at = {}, listed.at
    last = max(wanted, default=-1)
    for at in range(min(listed.count, last + 1)):
        size = reader.scalar(10)
        if at in wanted:
            texts[at] = reader.data[reader.at : reader.at + size].decode("utf-8", "replace")
        reader.at += size
    return texts


def of_gguf(path: Path) -> dict[str, Any]:
    """The facts of a GGUF file, in the words of a Hugging Face config.

    Raises:
        Broken: the file is not GGUF, or not whole.
    """
    meta, shapes, tokens = read_header(path)
    name = meta.get("general.architecture")

    def own(key: str) -> Any:
        return meta.get(f"{name}.{key}")

    vocabulary = shapes.get("token_embd.weight", (0, 0))
    config = {
        "model_type": name,
        "head_dim": own("attention.key_length"),
        "hidden_size": own("embedding_length"),
        "intermediate_size": own("feed_forward_length"),
        "max_position_embeddings": own("context_length"),
        "num_attention_heads": own("attention.head_count"),
        "num_hidden_layers": own("block_count"),
        "num_key_value_heads": own("attention.head_count_kv"),
        "tie_word_embeddings": "output.weight" not in shapes,
        "vocab_size": vocabulary[1] if len(vocabulary) == 2 else None,
    }
    eos, pad = (tokens.get(meta.get(f"tokenizer.ggml.{one}_token_id", -1)) for one in ("eos", "padding"))
    ends = [tokens.get(meta.get(f"tokenizer.ggml.{one}_token_id", -1)) for one in ("eos", "eot", "eom")]
    stops = [one for one in ends if one]
    languages = meta.get("general.languages")
    return {
        "architecture": name,
        "config": {key: value for key, value in sorted(config.items()) if value is not None},
        "context": own("context_length"),
        "languages": languages if isinstance(languages, list) else None,
        "parameters": sum(map(prod, shapes.values())),
        "tokenizer": control(meta.get("tokenizer.chat_template"), eos, pad, stops, list(tokens.values())),
        "version": FACTS_VERSION,
    }
