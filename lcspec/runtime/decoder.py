"""Scoring and generation over a key-value cache, one row at a time.

No request can influence another: a request works on copies of the cached prefix, never on the cache itself.
"""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import DynamicCache

from .model import LoadedModel
from .text import TextBuffer

FinishReason = Literal["stop", "length", "cancelled"]
LABELS_PER_FORWARD = 16


class ContextLengthError(ValueError):
    """A prompt that leaves the model no room to answer."""


@dataclass(frozen=True)
class PrefixCache:
    """Token ids and the key-value cache that the model has after them; read only."""

    ids: tuple[int, ...]
    cache: Any


@dataclass(frozen=True)
class Generation:
    """A generated answer: text up to the stop string, its token ids without the end id, and why it ended."""

    text: str
    token_ids: tuple[int, ...]
    finish_reason: FinishReason


@dataclass(frozen=True)
class Sampling:
    """How to generate: temperature 0 is greedy; `seed` None takes one from the system."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()


class Decoder:
    """Scores labels and generates text with one loaded model. Requests have own caches: threads may share it."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        names = inspect.signature(loaded.model.forward).parameters
        # transformers 5.24 renamed the argument (and the output's field) `past_key_values` to `cache`.
        self._cache_name = "cache" if "cache" in names else "past_key_values"
        self._keeps = "logits_to_keep" in names

    def make_prefix(self, ids: Sequence[int]) -> PrefixCache | None:
        """Return the cache of ids that many prompts start with, or None where there are none."""
        if not ids:
            return None
        cache = self._new_cache()
        self._forward([list(ids)], cache, keep=1)
        return PrefixCache(tuple(ids), cache)

    def score_labels(
        self,
        prompt_ids: Sequence[int],
        label_ids: Sequence[Sequence[int]],
        prefix: PrefixCache | None = None,
        *,
        end_id: int | None = None,
    ) -> list[float]:
        """Return each label's log-probability after the prompt: the sum over its tokens (natural logarithm).

        Where the ids of one label start those of another, the end-of-turn id is scored as a last token of every
        label: without it the longer label could never win, and with it all are complete answers.

        Args:
            prompt_ids: from `prompt.encode_prompt`.
            label_ids: from `prompt.encode_answer`, one list per label.
            prefix: a cached start; used only if the prompt starts with it.
            end_id: the end-of-turn id; default the first of the model's stop ids.

        Raises:
            ContextLengthError: prompt and the longest label do not fit the model.
            ValueError: no labels, or one without tokens.
        """
        labels = [list(label) for label in label_ids]
        if not labels or not all(labels):
            raise ValueError("every label needs at least one token")
        if _one_starts_another(labels):
            labels = [[*label, self.loaded.stop_ids[0] if end_id is None else end_id] for label in labels]
        self._check_room(len(prompt_ids) + max(map(len, labels)) - 1)
        cache, first = self._read(prompt_ids, prefix)
        start = first.log_softmax(-1)
        scores = [float(start[label[0]]) for label in labels]
        longer = [index for index, label in enumerate(labels) if len(label) > 1]
        for begin in range(0, len(longer), LABELS_PER_FORWARD):
            batch = longer[begin : begin + LABELS_PER_FORWARD]
            for index, rest in zip(batch, self._rest(cache, [labels[i] for i in batch]), strict=True):
                scores[index] += rest
        return scores

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int | None = None,
        stop: Sequence[str] = (),
        prefix: PrefixCache | None = None,
    ) -> Generation:
        """Return the whole generation of `stream`."""
        steps = self.stream(prompt_ids, Sampling(max_tokens, temperature, top_p, seed, tuple(stop)), prefix)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                made: Generation = end.value
                return made

    def stream(
        self,
        prompt_ids: Sequence[int],
        sampling: Sampling,
        prefix: PrefixCache | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Generator[str, None, Generation]:
        """Yield pieces of text as they become certain; return the `Generation`.

        A piece never holds half a UTF-8 character nor the start of a stop string; together they are its text.

        Args:
            prompt_ids: from `prompt.encode_prompt`.
            sampling: how to choose tokens and when to end.
            prefix: a cached start; used only if the prompt starts with it.
            should_stop: asked before each token; true ends with the reason `cancelled`.

        Raises:
            ContextLengthError: the prompt fills the model's context. (A context that fills up later ends the answer
                with the reason `length`.)
        """
        self._check_room(len(prompt_ids) + 1)
        room = sampling.max_tokens
        if self.loaded.context is not None:
            room = min(room, self.loaded.context - len(prompt_ids))
        choose = _chooser(sampling)
        buffer = TextBuffer(self._decode, sampling.stop)
        reason: FinishReason = "length"
        cache, logits = self._read(prompt_ids, prefix)
        while len(buffer.ids) < room:
            if should_stop is not None and should_stop():
                reason = "cancelled"
                break
            token = choose(logits)
            if token in self.loaded.stop_ids:
                reason = "stop"
                break
            piece = buffer.push(token)
            if piece:
                yield piece
            if buffer.stopped:
                reason = "stop"
                break
            if len(buffer.ids) < room:
                logits = self._forward([[token]], cache, keep=1)[0, -1]
        piece = buffer.close()
        if piece:
            yield piece
        return Generation(buffer.text, tuple(buffer.ids), "stop" if buffer.stopped else reason)

    def replay(self, token_ids: Sequence[int], stop: Sequence[str] = ()) -> Generation:
        """Return the `Generation` that `stream` returns when it chooses these tokens, however they were chosen.

        Args:
            token_ids: an end id, and what comes behind it, is not part of the answer; without one it ends by length.
            stop: texts that end the answer.
        """
        buffer = TextBuffer(self._decode, stop)
        reason: FinishReason = "length"
        for token in token_ids:
            if token in self.loaded.stop_ids:
                reason = "stop"
                break
            buffer.push(int(token))
            if buffer.stopped:
                break
        buffer.close()
        return Generation(buffer.text, tuple(buffer.ids), "stop" if buffer.stopped else reason)

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self.loaded.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def _check_room(self, positions: int) -> None:
        if self.loaded.context is not None and positions > self.loaded.context:
            raise ContextLengthError(f"{positions} positions are needed, and the model has {self.loaded.context}")

    def _new_cache(self) -> Any:
        return DynamicCache(config=self.loaded.model.config)

    def _read(self, prompt_ids: Sequence[int], prefix: PrefixCache | None) -> tuple[Any, torch.Tensor]:
        """Return a cache that this request owns, and the logits [vocabulary] after the prompt."""
        ids = [int(token) for token in prompt_ids]
        cache = self._new_cache()
        if prefix is not None and len(ids) > len(prefix.ids) and tuple(ids[: len(prefix.ids)]) == prefix.ids:
            cache, ids = copy.deepcopy(prefix.cache), ids[len(prefix.ids) :]
        return cache, self._forward([ids], cache, keep=1)[0, -1]

    def _rest(self, cache: Any, labels: list[list[int]]) -> list[float]:
        """Return the log-probability of each label's tokens after its first. Padding is to the right: causal
        attention keeps it from the positions that are read."""
        width = max(map(len, labels)) - 1
        inputs = [label[:-1] + [0] * (width - len(label) + 1) for label in labels]
        own = copy.deepcopy(cache)
        own.batch_repeat_interleave(len(labels))
        logs = self._forward(inputs, own, keep=width).log_softmax(-1)
        return [
            sum(float(logs[row, place, token]) for place, token in enumerate(label[1:]))
            for row, label in enumerate(labels)
        ]

    def _forward(self, ids: list[list[int]], cache: Any, keep: int) -> torch.Tensor:
        """Return float32 logits [batch, keep, vocabulary] of the last positions; the cache grows by the ids."""
        batch = torch.tensor(ids, dtype=torch.long, device=self.loaded.model.device)
        extra = {"logits_to_keep": keep} if self._keeps else {}
        # Not around the generator: a mode held across a yield would leak into the caller's thread.
        with torch.inference_mode():
            output = self.loaded.model(input_ids=batch, use_cache=True, **{self._cache_name: cache}, **extra)
            logits: torch.Tensor = output.logits[:, -keep:].float()
        return logits


def _one_starts_another(labels: Sequence[Sequence[int]]) -> bool:
    # In sorted order a list that starts others stands right before one of them.
    ordered = sorted(tuple(label) for label in labels)
    return any(after[: len(before)] == before for before, after in itertools.pairwise(ordered))


def _chooser(sampling: Sampling) -> Callable[[torch.Tensor], int]:
    if sampling.temperature <= 0:
        return lambda logits: int(logits.argmax())
    generator = torch.Generator()
    if sampling.seed is None:
        generator.seed()
    else:
        generator.manual_seed(sampling.seed)

    def draw(logits: torch.Tensor) -> int:
        chances, order = (logits.cpu().double() / sampling.temperature).softmax(-1).sort(descending=True, stable=True)
        # The nucleus is the smallest set that reaches top_p, so the token that crosses it is in.
        chances[chances.cumsum(-1) - chances >= sampling.top_p] = 0.0
        return int(order[torch.multinomial(chances, 1, generator=generator)])

    return draw
