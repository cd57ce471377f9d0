"""Rows and documents become token ids to learn from, as `runtime/prompt.py` renders them for evaluation and service."""

import json
import random
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from lcspec.kinds.api import StepIO
from lcspec.rowset import Row, read_rows


def load_prompt(io: StepIO) -> Any:
    """The prompt that rows are put through."""
    from lcspec.runtime.prompt import Prompt

    return Prompt.from_json(json.loads((io.input("prompt") / "prompt.json").read_text(encoding="utf-8")))


def rows_of(io: StepIO) -> list[Row]:
    """The rows of the split that the recipe names."""
    try:
        return read_rows(io.input("rows"), io.params["split"])
    except FileNotFoundError:
        help = "name a split that the data has, or let `split` carve one out"
        io.fail(f"the data has no split `{io.params['split']}`", help=help, code="LC1230")


def pick(rows: Sequence[Row], count: int | None, seed: int, sampling: str = "random") -> list[Row]:
    """`count` rows in the order of a seeded shuffle; `balanced` takes labels in turn."""
    shuffled = sorted(rows, key=lambda row: row.id)
    random.Random(seed).shuffle(shuffled)
    if sampling == "balanced":
        groups: dict[str, list[Row]] = {}
        for row in shuffled:
            groups.setdefault(row.target or "", []).append(row)
        longest = max(map(len, groups.values()), default=0)
        shuffled = [g[turn] for turn in range(longest) for _, g in sorted(groups.items()) if turn < len(g)]
    return shuffled[:count]


def short_enough(io: StepIO, made: Sequence[Any], lengths: Sequence[int], context: int | None) -> list[Any]:
    """The examples that fit `max-length` and the model; what is left out is counted.

    Ends the step when nothing is left to learn from.
    """
    limit = min(io.params["max-length"], context or io.params["max-length"])
    kept = [one for one, length in zip(made, lengths, strict=True) if length <= limit]
    if not made:
        help = "check that the rows have what this method learns from: an answer, pairs, or judged completions"
        io.fail("the data has no row to learn from", help=help, code="LC1230")
    if len(kept) < len(made):
        io.warn(f"{len(made) - len(kept)} of {len(made)} rows are longer than {limit} tokens and were left out")
    if not kept:
        help = "raise `max-length`, or cut the input with the prompt's `truncate`"
        io.fail(f"none of {len(made)} rows is as short as {limit} tokens", help=help, code="LC1230")
    return kept


def answers(io: StepIO, loaded: Any, prompt: Any) -> list[dict[str, list[int]]]:
    """Token ids and labels of each row with an answer, as the runtime renders it; -100 where the loss does not look.

    In a conversation the loss is on every answer of the assistant.
    """
    from lcspec.runtime.prompt import encode_conversation

    usable = [row for row in rows_of(io) if row.target or row.accepted]
    rows = pick(usable, io.params["rows"], io.seed, io.params["sampling"])
    made = []
    for row in rows:
        turns = [*turns_of(io, row), shot(row.variables, row.target or row.accepted[0])]
        made += encode_conversation(loaded.tokenizer, prompt, turns, row.system)
    kept = short_enough(io, made, [len(one.input_ids) for one in made], loaded.context)
    return [{"input_ids": one.input_ids, "labels": labels(one)} for one in kept]


def pairs(io: StepIO, loaded: Any, prompt: Any) -> list[dict[str, list[int]]]:
    """Token ids of question, better and worse answer of each row that has both."""
    usable = [row for row in rows_of(io) if row.chosen and row.rejected]
    made: list[dict[str, list[int]]] = [
        {
            "prompt_ids": question(io, loaded.tokenizer, prompt, row),
            "chosen_ids": answer(loaded.tokenizer, prompt, str(row.chosen)),
            "rejected_ids": answer(loaded.tokenizer, prompt, str(row.rejected)),
        }
        for row in pick(usable, io.params["rows"], io.seed)
    ]
    sizes = [len(one["prompt_ids"]) + max(len(one["chosen_ids"]), len(one["rejected_ids"])) for one in made]
    return short_enough(io, made, sizes, loaded.context)


def judged(io: StepIO, loaded: Any, prompt: Any) -> list[dict[str, Any]]:
    """Token ids of question and answer of each row whose answer was judged, and the judgement."""
    usable = [row for row in rows_of(io) if row.completion and row.desirable is not None]
    made: list[dict[str, Any]] = [
        {
            "prompt_ids": question(io, loaded.tokenizer, prompt, row),
            "completion_ids": answer(loaded.tokenizer, prompt, str(row.completion)),
            "label": bool(row.desirable),
        }
        for row in pick(usable, io.params["rows"], io.seed)
    ]
    return short_enough(io, made, [len(o["prompt_ids"]) + len(o["completion_ids"]) for o in made], loaded.context)


def blocks(io: StepIO, tokenizer: Any, context: int | None) -> Any:
    """Documents end to end, each with its end-of-sequence id, cut into blocks of `max-length`, as a `Dataset`.

    What is left over at the end is left out, unless it is all there is.
    """
    import numpy
    from datasets import Dataset

    size = min(io.params["max-length"], context or io.params["max-length"])
    texts = documents(io)
    random.Random(io.seed).shuffle(texts)
    stream = array("i")
    for text in texts[: io.params.get("rows")]:
        stream.extend(tokenizer.encode(text, add_special_tokens=False))
        stream.append(tokenizer.eos_token_id)
    size = min(size, len(stream))
    if size < 2:
        io.fail("the documents have no text to learn from", help="check the data entry's files", code="LC1230")
    made = numpy.frombuffer(stream, dtype="int32")[: len(stream) // size * size].reshape(-1, size)
    return Dataset.from_dict({"input_ids": made, "labels": made})


def documents(io: StepIO) -> list[str]:
    """The texts of the documents, in an order that does not depend on their files; of rows, the train rows' input."""
    if io.has("rows"):
        return sorted(row.variables[io.params["input"]] for row in rows_of(io))
    with (io.input("documents") / "documents.jsonl").open(encoding="utf-8") as lines:
        return sorted(json.loads(line)["text"] for line in lines)


def question(io: StepIO, tokenizer: Any, prompt: Any, row: Row) -> list[int]:
    """Token ids of what comes before an answer of this row, earlier turns included."""
    from lcspec.runtime.prompt import conversation, encode_prompt

    whole = conversation(tokenizer, prompt, turns_of(io, row), row.system)
    return list(encode_prompt(tokenizer, whole, dict(row.variables)))


def answer(tokenizer: Any, prompt: Any, text: str) -> list[int]:
    """Token ids of an answer and its end."""
    from lcspec.runtime.prompt import encode_answer, end_of_turn

    return [*encode_answer(tokenizer, prompt, text), end_of_turn(tokenizer, prompt)]


def turns_of(io: StepIO, row: Row) -> list[Any]:
    """The turns before a row's input; other columns have in them the values that they have in the row."""
    return [shot({**row.variables, io.params["input"]: user}, assistant) for user, assistant in row.history]


def shot(variables: Mapping[str, str], answer: str) -> Any:
    """A question and its answer, as prompts hold them."""
    from lcspec.runtime.prompt import Shot

    return Shot(dict(variables), answer)


def labels(example: Any) -> list[int]:
    """The ids that count for the loss; -100 elsewhere. TRL refuses mask columns on data that is tokenised already."""
    pairs = zip(example.input_ids, example.completion_mask, strict=True)
    return [token if counts else -100 for token, counts in pairs]
