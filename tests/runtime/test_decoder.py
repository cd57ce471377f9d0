from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from lcspec.runtime.decoder import ContextLengthError, Decoder, Sampling
from lcspec.runtime.model import LoadedModel
from lcspec.runtime.prompt import Prompt, encode_answer, encode_prompt, static_prefix
from lcspec.runtime.text import EdgeTrimmer, TextBuffer
from tests import tiny

PROMPT = Prompt.from_json(tiny.chat_prompt())
TEXTS = ["ships wait", "prices rose again", "caf\u00e9", "wheat and maize", "x" * 90]


@pytest.fixture(scope="module")
def decoder(loaded: LoadedModel) -> Decoder:
    return Decoder(loaded)


def ids_of(loaded: LoadedModel, text: str) -> list[int]:
    return encode_prompt(loaded.tokenizer, PROMPT, {"text": text})


def labels_of(loaded: LoadedModel, labels: list[str]) -> list[list[int]]:
    return [encode_answer(loaded.tokenizer, PROMPT, label) for label in labels]


def by_hand(loaded: LoadedModel, prompt_ids: list[int], label: list[int]) -> float:
    """Return a label's log-probability from one plain forward pass over the whole text."""
    with torch.no_grad():
        logs = loaded.model(torch.tensor([[*prompt_ids, *label]])).logits[0].log_softmax(-1)
    return sum(float(logs[len(prompt_ids) + place - 1, token]) for place, token in enumerate(label))


def test_score_equals_a_plain_forward_pass(loaded: LoadedModel, decoder: Decoder) -> None:
    labels = labels_of(loaded, ["oil", "trade", "a", "caf\u00e9"])
    prompt_ids = ids_of(loaded, "ships wait")
    expected = [by_hand(loaded, prompt_ids, label) for label in labels]
    assert decoder.score_labels(prompt_ids, labels) == pytest.approx(expected, abs=1e-4)


def test_end_is_scored_where_one_label_starts_another(loaded: LoadedModel, decoder: Decoder) -> None:
    labels = labels_of(loaded, ["oil", "trade", "tradeoff"])
    prompt_ids = ids_of(loaded, "ships wait")
    expected = [by_hand(loaded, prompt_ids, [*label, 2]) for label in labels]
    assert decoder.score_labels(prompt_ids, labels) == pytest.approx(expected, abs=1e-4)


def test_many_labels_are_scored_in_several_forward_passes(loaded: LoadedModel, decoder: Decoder) -> None:
    labels = labels_of(loaded, [f"{place:03d}" for place in range(40)])
    prompt_ids = ids_of(loaded, "ships wait")
    expected = [by_hand(loaded, prompt_ids, label) for label in labels]
    assert decoder.score_labels(prompt_ids, labels) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("text", TEXTS)
def test_cached_prefix_changes_no_score_and_no_choice(loaded: LoadedModel, decoder: Decoder, text: str) -> None:
    prefix = decoder.make_prefix(static_prefix(loaded.tokenizer, PROMPT))
    assert prefix is not None
    labels, prompt_ids = labels_of(loaded, tiny.LABELS), ids_of(loaded, text)
    plain, cached = decoder.score_labels(prompt_ids, labels), decoder.score_labels(prompt_ids, labels, prefix)
    assert cached == pytest.approx(plain, abs=1e-4)
    assert plain.index(max(plain)) == cached.index(max(cached))


def test_prefix_that_the_row_does_not_start_with_is_not_used(loaded: LoadedModel, decoder: Decoder) -> None:
    prefix = decoder.make_prefix([5, 6, 7])
    labels, prompt_ids = labels_of(loaded, tiny.LABELS), ids_of(loaded, "ships wait")
    assert decoder.score_labels(prompt_ids, labels, prefix) == decoder.score_labels(prompt_ids, labels)
    same = decoder.make_prefix(prompt_ids)  # nothing would be left to read
    assert decoder.score_labels(prompt_ids, labels, same) == decoder.score_labels(prompt_ids, labels)


def test_answers_are_the_same_in_any_order_of_calls(loaded: LoadedModel, decoder: Decoder) -> None:
    prefix = decoder.make_prefix(static_prefix(loaded.tokenizer, PROMPT))
    labels = labels_of(loaded, tiny.LABELS)

    def ask(text: str) -> tuple[Any, ...]:
        ids = ids_of(loaded, text)
        return decoder.score_labels(ids, labels, prefix), decoder.generate(ids, max_tokens=8, prefix=prefix)

    alone = {text: ask(text) for text in TEXTS}
    shuffled = TEXTS * 3
    random.Random(1).shuffle(shuffled)
    for text in shuffled:
        assert ask(text) == alone[text]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("cached", [False, True])
def test_greedy_generation_equals_transformers(loaded: LoadedModel, decoder: Decoder, text: str, cached: bool) -> None:
    prompt_ids = ids_of(loaded, text)
    prefix = decoder.make_prefix(static_prefix(loaded.tokenizer, PROMPT)) if cached else None
    made = decoder.generate(prompt_ids, max_tokens=20, prefix=prefix)
    theirs = loaded.model.generate(torch.tensor([prompt_ids]), max_new_tokens=20, do_sample=False, pad_token_id=0)
    assert list(made.token_ids) == [token for token in theirs[0, len(prompt_ids) :].tolist() if token != 2]
    assert made.text == loaded.tokenizer.decode(list(made.token_ids), skip_special_tokens=True)


def test_pieces_make_up_the_text(loaded: LoadedModel, decoder: Decoder) -> None:
    prompt_ids = ids_of(loaded, "ships wait")
    whole = decoder.generate(prompt_ids, max_tokens=40)
    assert "".join(decoder.stream(prompt_ids, Sampling(40))) == whole.text
    assert whole.finish_reason == "length"
    assert len(whole.token_ids) == 40


def test_stop_string_ends_the_text_before_it(loaded: LoadedModel, decoder: Decoder) -> None:
    prompt_ids = ids_of(loaded, "ships wait")
    whole = decoder.generate(prompt_ids, max_tokens=40).text
    stop = whole[12:14]
    made = decoder.generate(prompt_ids, max_tokens=40, stop=[stop])
    assert (made.text, made.finish_reason) == (whole[: whole.index(stop)], "stop")


def test_end_id_ends_the_generation(loaded: LoadedModel) -> None:
    prompt_ids = ids_of(loaded, "ships wait")
    first = Decoder(loaded).generate(prompt_ids, max_tokens=5).token_ids
    made = Decoder(LoadedModel(loaded.model, loaded.tokenizer, (first[2],))).generate(prompt_ids, max_tokens=5)
    assert made.token_ids == first[: first.index(first[2])]
    assert made.finish_reason == "stop"


def test_sampling_repeats_with_its_seed_and_only_then(loaded: LoadedModel, decoder: Decoder) -> None:
    prompt_ids = ids_of(loaded, "ships wait")
    made = [
        decoder.generate(prompt_ids, max_tokens=20, temperature=1.5, top_p=0.9, seed=seed).token_ids
        for seed in (7, 7, 8)
    ]
    assert made[0] == made[1] != made[2]


def test_smallest_nucleus_is_greedy(loaded: LoadedModel, decoder: Decoder) -> None:
    prompt_ids = ids_of(loaded, "ships wait")
    drawn = decoder.generate(prompt_ids, max_tokens=10, temperature=1.0, top_p=1e-9, seed=1)
    assert drawn == decoder.generate(prompt_ids, max_tokens=10)


def test_sampling_leaves_the_global_generator_alone(loaded: LoadedModel, decoder: Decoder) -> None:
    before = torch.random.get_rng_state()
    decoder.generate(ids_of(loaded, "a"), max_tokens=3, temperature=1.0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_cancelling_ends_within_one_token(loaded: LoadedModel, decoder: Decoder) -> None:
    asked = iter([False, False, True])
    steps = decoder.stream(ids_of(loaded, "a"), Sampling(50), should_stop=lambda: next(asked))
    with pytest.raises(StopIteration) as end:
        while True:
            next(steps)
    assert end.value.value.finish_reason == "cancelled"
    assert len(end.value.value.token_ids) == 2


def test_full_context_is_an_error_and_a_filling_one_ends_the_answer(loaded: LoadedModel) -> None:
    small = Decoder(LoadedModel(loaded.model, loaded.tokenizer, (2,), context=12))
    assert len(small.generate(list(range(10, 20)), max_tokens=9).token_ids) == 2
    with pytest.raises(ContextLengthError):
        small.generate(list(range(10, 22)), max_tokens=1)
    with pytest.raises(ContextLengthError):
        small.score_labels(list(range(10, 20)), [[1, 2, 3, 4]])


@pytest.mark.parametrize("labels", [[], [[5], []]])
def test_label_without_tokens_is_an_error(decoder: Decoder, labels: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        decoder.score_labels([5, 6], labels)


def test_model_with_the_older_cache_argument_works(loaded: LoadedModel, decoder: Decoder) -> None:
    class Older(torch.nn.Module):
        """The forward signature of transformers before 5.24."""

        config, device = loaded.model.config, torch.device("cpu")

        def forward(self, input_ids: Any, past_key_values: Any = None, use_cache: bool = True) -> Any:
            cache = {decoder._cache_name: past_key_values}
            return loaded.model(input_ids=input_ids, use_cache=use_cache, **cache)

    older = Decoder(LoadedModel(Older(), loaded.tokenizer, (2,)))
    prompt_ids = ids_of(loaded, "ships wait")
    assert older.generate(prompt_ids, max_tokens=9).token_ids == decoder.generate(prompt_ids, max_tokens=9).token_ids


def pieces(tokens: list[str], stop: list[str]) -> tuple[list[str], TextBuffer]:
    raw = [token.encode() if isinstance(token, str) else bytes(token) for token in tokens]
    buffer = TextBuffer(lambda ids: b"".join(raw[i] for i in ids).decode("utf-8", "replace"), stop)
    found = [buffer.push(place) for place in range(len(tokens)) if not buffer.stopped]
    return [*found, buffer.close()], buffer


def test_half_a_character_is_never_handed_out() -> None:
    letters: list[Any] = [[byte] for byte in "a\u00e9\U0001f600b".encode()]
    found, _ = pieces(letters, [])
    assert [piece for piece in found if piece] == ["a", "\u00e9", "\U0001f600", "b"]


def test_broken_character_comes_out_at_the_end_only() -> None:
    broken: Any = [0xF0]
    assert pieces(["a", broken], [])[0] == ["a", "", "\ufffd"]


def test_start_of_a_stop_string_is_held_until_it_is_none() -> None:
    assert pieces(["x", "E", "N", "x"], ["END"])[0] == ["x", "", "", "ENx", ""]
    assert pieces(["x", "E", "N"], ["END"])[0] == ["x", "", "", "EN"]
    found, buffer = pieces(["xE", "NDy"], ["END"])
    assert (found, buffer.text, buffer.stopped) == (["x", "", ""], "x", True)


@pytest.mark.parametrize("parts", [["  a", " ", " b ", "\n"], [" ", "\n"], ["a b"], []])
def test_trimmed_stream_is_the_stripped_text(parts: list[str]) -> None:
    trimmer = EdgeTrimmer()
    assert "".join(trimmer.push(part) for part in parts) == "".join(parts).strip()
