"""The text of a first spec: commented, and clean under `lcspec check`."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import Any

from lcspec.firstspec.guess import Roles, labels_of
from lcspec.firstspec.look import Inputs, Look
from lcspec.firstspec.model import ModelLine
from lcspec.firstspec.propose import MOST_TO_TRAIN, Proposal
from lcspec.yamlout import flow, scalar

WIDTH = 110
SUITE, GATE = "answers", "good-enough"


@dataclass(frozen=True)
class First:
    """All that goes into the text."""

    name: str
    data: str  # the name of the data entry
    folder: Path  # where the spec will lie
    seen: Look
    roles: Roles
    inputs: Inputs
    proposal: Proposal
    model: ModelLine


def write(first: First) -> str:
    """The spec."""
    sections = (_head, _scope, _data, _models, _prompts, _tuning, _evaluation, _ladder, _deployment)
    return "\n".join("\n".join(section(first)) + "\n" for section in sections)


def _note(text: str, indent: str = "") -> list[str]:
    return [f"{indent}# {line}" for line in textwrap.wrap(" ".join(text.split()), WIDTH - len(indent))]


def _listed(key: str, items: list[str], indent: str) -> list[str]:
    """A list in flow style, wrapped."""
    whole = f"{indent}{key}: [{', '.join(map(scalar, items))}]"
    if len(whole) <= WIDTH:
        return [whole]
    return [f"{indent}{key}:", *(f"{indent}  - {scalar(item)}" for item in items)]


def _head(first: First) -> Iterator[str]:
    yield "# yaml-language-server: $schema=.lcspec-schema.json"
    yield from _note(f"A first spec for `{first.seen.path.name}`: {first.seen.rows:,} rows. " + _columns(first))
    yield from _note("Everything here is a proposal: `lcspec explain SECTION.KIND` tells what else can be said.")
    yield "lcspec: 1"
    yield f"name: {first.name}"
    yield "description: Say in one sentence what this system is for."


def _columns(first: First) -> str:
    words = first.seen.columns[first.roles.input]
    lengths = f"{words.quantile(0.5)} words at the median, {words.quantile(0.95)} at 95 %"
    others = [f"`{name}`" for name in first.seen.columns if name not in (first.roles.input, first.roles.answer)]
    more = f" Not used: {', '.join(others[:12])}{', …' if len(others) > 12 else ''}." if others else ""
    return f"`{first.roles.input}` is read ({lengths}), `{first.roles.answer}` is the right answer.{more}"


def _scope(first: First) -> Iterator[str]:
    labels = labels_of(first.seen, first.roles)
    yield "scope:"
    yield f"  task: {first.roles.task}"
    if labels:
        counts = ", ".join(f"{label} {count:,}" for label, count in list(labels.items())[:12])
        yield from _note(f"rows of each label: {counts}{', …' if len(labels) > 12 else ''}", "  ")
        yield from _listed("labels", list(labels), "  ")
    yield "  languages: [en]              # of input and answers; say which ones"
    yield "  # requires:                  # limits that a candidate must fit, say"
    yield "  #   memory: {max: 2 GiB}"
    yield "  #   latency-p95: {max: 300 ms}"


def _data(first: First) -> Iterator[str]:
    seen, roles, proposal = first.seen, first.roles, first.proposal
    columns = {"input": roles.input, **({"target": roles.target} if roles.target else {"accepted": roles.accepted})}
    yield "data:"
    if first.inputs.repeated:
        text = f"{first.inputs.repeated:,} rows repeat the input of an earlier row"
        text += f", {first.inputs.contradicting:,} of them with another answer" if first.inputs.contradicting else ""
        yield from _note(f"{text}; what would leak between splits is left out when the data is prepared.", "  ")
    yield f"  {first.data}:"
    yield f"    kind: {seen.kind}"
    for key, value in seen.options.items():
        yield f"    {key}: {scalar(value)}"
    yield f"    path: {scalar(Path(relpath(seen.path.resolve(), first.folder.resolve())).as_posix())}"
    yield f"    columns: {flow(columns)}"
    labels = labels_of(seen, roles)
    if labels and all(label.lstrip("-").isdigit() for label in labels):
        yield from _note('Numbers tell a model little; give the labels names: `labels: {"0": negative}`.', "    ")
    yield from _note(
        f"Selection reads validation, test judges once; {proposal.train:,} rows are left for shots and training.",
        "    ",
    )
    yield f"    split: {{validation: {proposal.validation}, test: {proposal.test}, seed: 1}}"
    yield "    # license: …               # who may use these rows; needed under `commercial: true`"


def _models(first: First) -> Iterator[str]:
    yield "models:"
    yield f"  {first.model.name}:"
    if first.model.comment:
        yield from _note(first.model.comment, "    ")
    for key, value in first.model.fields.items():
        yield f"    {key}: {flow(value)}"
    if "license" not in first.model.fields:
        yield "    # license: …               # SPDX identifier; needed under `commercial: true`"


def _prompts(first: First) -> Iterator[str]:
    roles, proposal = first.roles, first.proposal
    shown = "".join(f"{_title(name)}: {{{{ {name} }}}}\n" for name in (*roles.more, roles.input))
    yield "prompts:"
    yield "  zero-shot:"
    yield "    format: text               # completed as it stands; `chat` goes through the model's chat template"
    yield f"    user: {scalar(shown + _title(roles.answer) + ':')}"
    yield '    answer-prefix: " "'
    if proposal.truncate:
        yield f"    truncate: {{{roles.input}: {proposal.truncate}}}      # words; some rows are much longer"
    if proposal.shots:
        select = "per-label" if roles.task == "classification" else "random"
        shots = {"count": proposal.shots, "from": f"{first.data}.train", "select": select, "seed": 1}
        yield "  few-shot:"
        yield "    extends: zero-shot"
        yield f"    shots: {flow(shots)}"
    else:
        yield from _note(proposal.notes["shots"], "  ")


def _title(column: str) -> str:
    text = column.replace("_", " ").strip() or column
    return text[:1].upper() + text[1:]


def _tuning(first: First) -> Iterator[str]:
    tuning = first.proposal.tuning
    if tuning is None:
        yield from _note(first.proposal.notes["tuning"])
        return
    yield "tuning:"
    yield "  lora:"
    yield f"    data: {first.data}.train"
    for key, value in tuning.items():
        comment = f"          # of {first.proposal.train:,}: keeps first tries short" if key == "rows" else ""
        yield f"    {key}: {flow(value)}{comment if value == MOST_TO_TRAIN else ''}"


def _evaluation(first: First) -> Iterator[str]:
    proposal = first.proposal
    suite: dict[str, Any] = {"data": first.data, "metrics": list(proposal.metrics)}
    if first.roles.task != "classification":
        suite |= {"scoring": "generation", "max-tokens": proposal.max_tokens}
        suite |= {"stop": ["\n"]} if proposal.one_line else {}
    yield "evaluation:"
    yield "  suites:"
    yield f"    {SUITE}: {flow(suite)}"
    if proposal.gate is None:
        yield from _note(proposal.notes["gates"], "  ")
        return
    gate = proposal.gate
    yield "  gates:"
    yield from _note(gate.why, "    ")
    said = {"metric": f"{SUITE}.{gate.metric}", "at-least": gate.at_least, "confidence": gate.confidence}
    yield f"    {GATE}: {flow(said)}"


def _ladder(first: First) -> Iterator[str]:
    prompts = ["zero-shot", *(["few-shot"] if first.proposal.shots else [])]
    yield "ladder:                        # cheapest first; stops at the first rung that passes its gates"
    yield f"  - {{prompts: {flow(prompts)}}}"
    if first.proposal.tuning is not None:
        yield "  - {tuning: lora}"


def _deployment(first: First) -> Iterator[str]:
    asked = min(100, first.proposal.test)
    target: dict[str, Any] = {"kind": "openai-server", "port": 8000} | ({"ask": asked} if asked < 100 else {})
    yield "deployment:"
    yield "  optimize:                    # smaller forms are measured again; the smallest that keeps the gates wins"
    yield "    int8: {kind: quantize, bits: 8}"
    yield "  targets:"
    yield f"    api: {flow(target)}"
