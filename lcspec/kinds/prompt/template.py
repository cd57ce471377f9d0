"""A prompt: a template over the columns of a row, optionally with shots, for chat models or as plain text.

`format: chat` goes through the tokenizer's own chat template, `format: text` is completed as it stands. Shots are
examples shown before the row; they come from train and are chosen once, so every row sees the same ones and their
share of the work is cached.
"""

import json
import random
import re
from collections.abc import Mapping
from typing import Any, Literal

from lcspec.diag.model import Diagnostic
from lcspec.kinds.api import Body, Bound, Context, Estimate, Kind, Lowered, Output, Step, StepIO, option, plain
from lcspec.rowset import Row, read_rows

_VARIABLE = re.compile(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}")
_PLAIN = re.compile(r"\{\{-?\s*[A-Za-z_][A-Za-z0-9_]*\s*-?\}\}|\{(?![{%#])|[^{]")


class Shots(Body):
    """Examples shown before the row."""

    count: int = option(
        doc="How many examples.",
        ge=1,
        le=64,
        effect="Gains fall off after a few; the order and the choice of few examples matter.",
        source="Zhao et al. 2021, arXiv:2102.09690",
    )
    from_: str = option(doc="Where they come from: `data.train` of an entry, say `reuters.train`.", refers="data.split")
    select: Literal["first", "random", "per-label"] = option(
        "random",
        doc="`random`: seeded; `per-label`: seeded, one of each label in turn; `first`: as they stand.",
        effect="`per-label` shows every label as often; `random` follows their frequency.",
    )
    seed: int = option(
        0,
        doc="Seed of the selection.",
        effect="Another seed shows other examples, which alone can move results by some points.",
    )


class TemplateBody(Body):
    """A prompt."""

    extends: str | None = option(
        None,
        doc="A prompt whose fields are taken where this one is silent.",
        key=False,
        refers="prompt",
        effect="A change there reaches every prompt that extends it.",
    )
    format: Literal["chat", "text"] = option(
        "chat",
        doc="Through the chat template, or as plain text.",
        effect="`chat` is how instruction models were trained; `text` suits base models, which go on with a text.",
    )
    system: str | None = option(
        None,
        doc="Instruction before everything; plain text.",
        effect="Its tokens are read once and cached; what they say holds for every row.",
    )
    user: str | None = option(
        None,
        doc="Template over the columns of a row, and `context` with retrieval.",
        effect="Decides what the model is told of a row; longer texts take time and context.",
    )
    answer_prefix: str = option(
        "",
        doc="Text between the prompt and the answer, say one space in text format.",
        effect="Tokens join differently with and without a space: training, evaluation and service use the same.",
    )
    truncate: dict[str, int] = option(
        {},
        doc="Column to the number of words that are kept.",
        unit="words",
        effect="Shorter texts are faster and always fit; what is cut cannot be answered.",
    )
    shots: Shots | None = option(
        None,
        doc="Examples shown before the row.",
        effect="Examples show the form of answers and the labels; each takes tokens of every prompt.",
        source="Brown et al. 2020, arXiv:2005.14165",
    )


def resolved(ctx: Context, name: str) -> dict[str, Any]:
    """The fields of a prompt after `extends`, innermost first."""
    body = ctx.body("prompt", name)
    own = plain(body, unset=False)
    if body.shots:
        own["shots"] = plain(body.shots)
    base = resolved(ctx, body.extends) if body.extends else {}
    merged = {**base, **own}
    merged.pop("extends", None)
    return merged


def variables(text: str) -> frozenset[str]:
    """The variables of a template; jinja2 is loaded only for what a plain `{{ name }}` does not cover.

    Raises:
        ValueError: the text is not a template that the runtime would take.
    """
    if _PLAIN.sub("", text) == "":
        return frozenset(_VARIABLE.findall(text))
    from lcspec.runtime.template import variables as parsed

    return parsed(text)


def check(entry: Bound, spec: Any) -> list[Diagnostic]:
    """A `user` that is not a template; the names in it are checked by a rule."""
    try:
        variables(entry.body.user or "")
    except ValueError as error:
        return [Diagnostic("LC0412", f"`user`: {error}", help="see Jinja2's syntax; only some filters are available")]
    return []


def lower(ctx: Context, entry: Bound) -> Lowered:
    """One step that chooses the shots and writes the prompt as the runtime reads it."""
    # Defaults are filled in, so that spelling one out moves no key.
    fields = {**plain(TemplateBody(), leave_out=("extends",)), **resolved(ctx, entry.name)}
    shots = fields.pop("shots", None)
    inputs = {}
    if shots:
        data, _, split = shots["from"].partition(".")
        inputs["rows"] = ctx.slots("data", data)["rows"]
        shots = {**shots, "split": split or "train"}
        shots.pop("from")
    step = Step(
        id=f"resolve:prompts.{entry.name}",
        kind=entry.kind_id,
        action="resolve",
        version=KIND.version,
        params={"prompt": fields, "shots": shots, "labels": list(ctx.scope.labels)},
        inputs=inputs,
        estimate=Estimate((0.02, 0.5), 50 << 20, "constant", (0, 1 << 20)),
        source=entry.path,
    )
    return Lowered((step,), {"prompt": Output(step.id, "prompt")})


def resolve(io: StepIO) -> None:
    """Writes `prompt.json`."""
    shots = io.params["shots"]
    rows = read_rows(io.input("rows"), shots["split"]) if shots else []
    prompt = written(io.params, rows)
    if shots:
        if len(prompt["shots"]) < shots["count"]:
            io.warn(f"only {len(prompt['shots'])} of {shots['count']} shots could be chosen")
        io.metric("shots", len(prompt["shots"]))
    text = json.dumps(prompt, ensure_ascii=False, indent=1, sort_keys=True)
    (io.output("prompt") / "prompt.json").write_text(text + "\n", encoding="utf-8")


def written(params: Mapping[str, Any], rows: list[Row]) -> dict[str, Any]:
    """The prompt as the runtime reads it, from the params of its step and the rows that shots come from."""
    fields, shots = params["prompt"], params["shots"]
    chosen = choose(rows, shots, params["labels"]) if shots else []
    return {
        "format": fields.get("format", "chat"),
        "system": fields.get("system"),
        "user": fields.get("user") or "",
        "answer_prefix": fields.get("answer-prefix", ""),
        "truncate": fields.get("truncate", {}),
        "shots": [{"row": dict(row.variables), "answer": row.target or row.accepted[0]} for row in chosen],
    }


def choose(rows: list[Row], shots: dict[str, Any], labels: list[str]) -> list[Row]:
    """The shots: rows with an answer, in the order in which they are shown."""
    known = [row for row in rows if row.target or row.accepted]
    count, select = shots["count"], shots["select"]
    if select == "first":
        return known[:count]
    shuffled = sorted(known, key=lambda row: row.id)  # the seed decides, not the order of the file
    random.Random(shots["seed"]).shuffle(shuffled)
    if select == "random":
        return shuffled[:count]
    groups = [[row for row in shuffled if row.target == label] for label in labels]
    turns = [group[turn] for turn in range(count) for group in groups if turn < len(group)]
    return turns[:count]


EXAMPLE = '{user: "News: {{ text }}", system: "Name the topic."}'
KIND = Kind(
    family="prompt",
    name="template",
    version=1,
    body=TemplateBody,
    lower=lower,
    summary="a template with optional shots",
    example=EXAMPLE,
    actions=("resolve",),
    check=check,
)
