"""A row becomes token ids here, and nowhere else: for training, for evaluation and in the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from . import template

Message = dict[str, str]
PROBES = ("a", "Zq 7", "\u00e9. b")


@dataclass(frozen=True)
class Shot:
    """One worked example of a few-shot prompt: a row and the answer to it."""

    row: dict[str, str]
    answer: str


@dataclass(frozen=True)
class Prompt:
    """How a row is put to the model.

    Attributes:
        format: `chat` renders messages through the tokenizer's chat template, `text` renders plain text.
        user: Jinja template over the row's variables (and `context` where there is retrieval).
        system: literal text, not a template; in `text` format the first block.
        answer_prefix: literal text before each answer, tokenised together with it (`" "` is typical for `text`).
        shots: worked examples, in order.
        truncate: variable -> number of whitespace-separated words that are kept, joined by one space.
        separator: literal text between the blocks of a `text` prompt.
    """

    format: Literal["chat", "text"]
    user: str
    system: str | None = None
    answer_prefix: str = ""
    shots: tuple[Shot, ...] = ()
    truncate: dict[str, int] = field(default_factory=dict)
    separator: str = "\n\n"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Prompt:
        """Return the prompt that `to_json` wrote.

        Raises:
            ValueError: an unknown key or format.
        """
        unknown = sorted(set(data) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"unknown prompt keys: {', '.join(unknown)}")
        if data.get("format") not in ("chat", "text"):
            raise ValueError("a prompt's format is 'chat' or 'text'")
        shots = tuple(Shot(row=dict(shot["row"]), answer=shot["answer"]) for shot in data.get("shots", ()))
        return cls(**{**data, "shots": shots, "truncate": dict(data.get("truncate", {}))})

    def to_json(self) -> dict[str, Any]:
        """Return the prompt as plain JSON values."""
        return {
            "format": self.format,
            "user": self.user,
            "system": self.system,
            "answer_prefix": self.answer_prefix,
            "shots": [{"row": dict(shot.row), "answer": shot.answer} for shot in self.shots],
            "truncate": dict(self.truncate),
            "separator": self.separator,
        }


class EncodedExample(NamedTuple):
    """Token ids of one training row; `completion_mask` is 1 on the answer and its end-of-turn id, 0 on the prompt."""

    input_ids: list[int]
    completion_mask: list[int]


def _same(text: str) -> str:
    return text


def render(prompt: Prompt, row: Mapping[str, str], clean: Callable[[str], str] = _same) -> list[Message] | str:
    """Return the messages (`chat`) or the text (`text`) of a row.

    Args:
        prompt: how rows are put.
        row: variable -> value; further variables are allowed.
        clean: applied to every value that comes from data (`encode_prompt` passes one that defuses control tokens).

    Raises:
        template.TemplateFault: the template cannot be filled from this row.
    """
    asked = [_user(prompt, shot.row, clean) for shot in prompt.shots]
    last = _user(prompt, row, clean)
    answers = [prompt.answer_prefix + clean(shot.answer) for shot in prompt.shots]
    if prompt.format == "text":
        blocks = [prompt.system] if prompt.system else []
        blocks += [question + answer for question, answer in zip(asked, answers, strict=True)]
        return prompt.separator.join([*blocks, last])
    messages: list[Message] = [{"role": "system", "content": prompt.system}] if prompt.system is not None else []
    for question, answer in zip(asked, answers, strict=True):
        messages.append({"role": "user", "content": clean(question)})
        messages.append({"role": "assistant", "content": answer})
    # Cleaned once more as a whole: two values side by side must not form a control token.
    return [*messages, {"role": "user", "content": clean(last)}]


def _user(prompt: Prompt, row: Mapping[str, str], clean: Callable[[str], str]) -> str:
    values = dict(row)
    for name, words in prompt.truncate.items():
        if name in values:
            values[name] = " ".join(values[name].split()[:words])
    return template.fill(prompt.user, {name: clean(value) for name, value in values.items()})


def defuse(tokenizer: Any, text: str) -> str:
    """Return `text` with a space put into each control token's spelling, so that data cannot end a turn."""
    for token in _control_tokens(tokenizer):
        if token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def _control_tokens(tokenizer: Any) -> list[str]:
    added = [str(token.content) for token in tokenizer.added_tokens_decoder.values() if token.special]
    return sorted({token for token in [*added, *tokenizer.all_special_tokens] if len(token) > 1})


def encode_prompt(tokenizer: Any, prompt: Prompt, row: Mapping[str, str]) -> list[int]:
    """Return the token ids that come before the answer, the generation prompt of a chat included.

    Raises:
        template.TemplateFault: the template cannot be filled from this row.
        ValueError: a chat prompt with a tokenizer that has no chat template.
    """
    rendered = render(prompt, row, lambda text: defuse(tokenizer, text))
    if isinstance(rendered, str):
        return _leading_ids(tokenizer) + _ids(tokenizer, rendered)
    if not tokenizer.chat_template:
        raise ValueError("a chat prompt needs a tokenizer with a chat template")
    # transformers 5 returns a BatchEncoding unless told otherwise, so ask for it and take the ids.
    encoded = tokenizer.apply_chat_template(rendered, add_generation_prompt=True, tokenize=True, return_dict=True)
    return [int(token) for token in encoded["input_ids"]]


def encode_answer(tokenizer: Any, prompt: Prompt, answer: str) -> list[int]:
    """Return the token ids of an answer (prefix included, end-of-turn excluded), as trained and as scored."""
    return _ids(tokenizer, prompt.answer_prefix + defuse(tokenizer, answer))


def encode_example(tokenizer: Any, prompt: Prompt, row: Mapping[str, str], answer: str) -> EncodedExample:
    """Return the training ids of a row: `encode_prompt`, then `encode_answer`, then the end-of-turn id."""
    before = encode_prompt(tokenizer, prompt, row)
    after = [*encode_answer(tokenizer, prompt, answer), end_of_turn(tokenizer, prompt)]
    return EncodedExample([*before, *after], [0] * len(before) + [1] * len(after))


def conversation(tokenizer: Any, prompt: Prompt, turns: Sequence[Shot], system: str | None = None) -> Prompt:
    """Return the prompt that goes on after the turns of a conversation: they stand behind its own shots.

    Args:
        tokenizer: its control tokens are defused in `system`.
        prompt: how each question is put; the answers of `turns` follow it as they do in shots.
        turns: what was asked and answered before, in order.
        system: the conversation's own system text, which takes the place of the prompt's.
    """
    if not turns and system is None:
        return prompt
    said = prompt.system if system is None else defuse(tokenizer, system)
    return replace(prompt, system=said, shots=(*prompt.shots, *turns))


def encode_conversation(
    tokenizer: Any, prompt: Prompt, turns: Sequence[Shot], system: str | None = None
) -> list[EncodedExample]:
    """Return the training ids of a conversation, with every answer of `turns` in the completion mask.

    Each answer follows exactly the ids that `encode_prompt` gives after the turns before it. Where these go on from
    the example of the answer before, both are one example; a template that treats earlier turns otherwise (it may
    leave out old reasoning) makes further examples.
    """
    made: list[EncodedExample] = []
    for place, turn in enumerate(turns):
        before = conversation(tokenizer, prompt, turns[:place], system)
        next_ = encode_example(tokenizer, before, turn.row, turn.answer)
        last = made[-1] if made else None
        if last is not None and next_.input_ids[: len(last.input_ids)] == last.input_ids:
            mask = last.completion_mask + next_.completion_mask[len(last.input_ids) :]
            made[-1] = EncodedExample(next_.input_ids, mask)
        else:
            made.append(next_)
    return made


def end_of_turn(tokenizer: Any, prompt: Prompt) -> int:
    """Return the id that ends an answer: what the chat template puts after it, else the end-of-sequence id.

    Raises:
        ValueError: the tokenizer has neither.
    """
    if prompt.format == "chat" and tokenizer.chat_template:
        mark = "\u2603"
        talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": mark}]
        tail = tokenizer.apply_chat_template(talk, tokenize=False).rpartition(mark)[2]
        ids = _ids(tokenizer, tail)
        if ids and tokenizer.convert_ids_to_tokens(ids[0]) in _control_tokens(tokenizer):
            return ids[0]
    if tokenizer.eos_token_id is None:
        raise ValueError("the tokenizer has no end-of-sequence token")
    return int(tokenizer.eos_token_id)


def static_prefix(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Return the ids that rows seem to share (system text, shots), found by encoding probe rows.

    A row whose ids do not start with them is possible (a template may branch on a value; text may merge with what
    follows): the decoder compares them for each row and goes without the prefix there.
    """
    names = sorted(template.variables(prompt.user))
    rows = [encode_prompt(tokenizer, prompt, dict.fromkeys(names, value)) for value in PROBES]
    shared = 0
    for column in zip(*rows, strict=False):
        if len(set(column)) > 1:
            break
        shared += 1
    # At least one id has to be left for the forward pass that yields the first logits.
    return rows[0][: min(shared, min(map(len, rows)) - 1)]


def _ids(tokenizer: Any, text: str) -> list[int]:
    return [int(token) for token in tokenizer.encode(text, add_special_tokens=False)]


def _leading_ids(tokenizer: Any) -> list[int]:
    """Return what the tokenizer puts before a text; what it would append (an end-of-sequence id) is left out."""
    bare, framed = _ids(tokenizer, "a"), [int(token) for token in tokenizer.encode("a")]
    for start in range(len(framed) - len(bare) + 1):
        if framed[start : start + len(bare)] == bare:
            return framed[:start]
    return []
