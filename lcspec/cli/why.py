"""`lcspec why STEP`: the fields that moved, with the lines that say so, down to the root."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from lcspec import plans
from lcspec.cli.common import (
    color_option,
    emit_json,
    fail,
    format_option,
    load,
    settings_options,
    spec_argument,
    wants_color,
)
from lcspec.cli.planview.steps import estimate_text
from lcspec.cli.planview.style import AGAIN, BOLD, DIM, LEGEND, Paint, Places, field_name, fill, painter, short, symbol
from lcspec.cli.planview.text import places
from lcspec.compile.compose import Settings
from lcspec.compile.why import NOT_YET, Moved, Why, flat
from lcspec.diag.model import LcspecError

HEADS = {
    "run": "would run",
    "conditional": "would run if its condition holds",
    "reuse-if-unchanged": "waits for another step",
    "reuse": "would be reused",
    "skip": "is not needed",
}


@click.command("why")
@click.argument("step")
@spec_argument
@settings_options
@click.option("--parts", "everything", is_flag=True, help="List every part of the step's key.")
@format_option()
@color_option
def command(step: str, spec: Path | None, settings: Settings, everything: bool, form: str, color: str) -> None:
    """Say why STEP would run, or would be reused.

    The step's key is held against the nearest record: of all records of its kind, the one with most equal parts. An
    input that moved is followed to the step that makes it, and so on down to what somebody changed.
    """
    loaded = load(spec, form, settings)
    try:
        why, plan = plans.why(loaded, step)
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)
    if form == "json":
        emit_json(plans.why_json(loaded, why, plan))
        return
    painted = wants_color(sys.stdout, color)
    width = shutil.get_terminal_size((120, 40)).columns
    lines = why_lines(why, places(loaded, plan), painter(painted), width, everything=everything)
    click.echo("\n".join(lines), color=painted)


def why_lines(why: Why, where: Places, paint: Paint, width: int, *, everything: bool = False) -> list[str]:
    """The explanation as lines."""
    planned = why.planned
    mark = symbol(planned)
    head = f"{paint(mark, LEGEND[mark][0])} {paint(planned.step.id, BOLD)} {HEADS[planned.action]}"
    lines = [head + (f": {planned.reason}" if planned.reason != "unchanged" else "")]
    if planned.action not in ("reuse", "skip"):
        lines.append(f"  {paint(estimate_text(planned.estimate), DIM)}")
    lines += ["", *(line for part in _nearest(why) for line in fill(f"  {part}", width, 4))]
    if why.moved:
        lines += ["", *_tree(why.moved, where, paint, "  ")]
        lines += ["", "Root cause:" if len(why.roots) == 1 else "Root causes:"]
        lines += [f"  {_root(root, where, paint)}" for root in why.roots]
    if everything:
        lines += ["", f"Parts of its key{'' if planned.key else ', as far as they are known'}:"]
        lines += [f"  {field_name(name)}: {short(value, 80)}" for name, value in flat(why.parts)]
    elif not why.moved:
        lines += ["", paint("  `--parts` lists what its key holds", DIM)]
    return lines


def _nearest(why: Why) -> list[str]:
    if why.nearest is None:
        return ["no record of its kind is there yet"]
    record = why.nearest
    when = f", finished {record.finished}" if record.finished else ""
    by = "" if record.step == why.planned.step.id else f", made by `{record.step}`"
    if why.planned.action == "reuse":
        return [f"record {record.key[:12]}…{by}{when}"]
    return [f"nearest record {record.key[:12]}…{by}{when}: {why.equal} of {why.total} parts are equal"]


def _tree(moved: tuple[Moved, ...], where: Places, paint: Paint, indent: str) -> Iterator[str]:
    mark = paint(AGAIN, LEGEND[AGAIN][0])
    for one in moved:
        yield f"{indent}{mark} {_change(one, where, paint)}"
        if one.maker is None:
            continue
        note = f"  {paint(one.note, DIM)}" if one.note else ""
        before = f" (before: `{one.was}`)" if one.was else ""
        yield f"{indent}    made by {one.maker}{before}{note}"
        yield from _tree(one.below, where, paint, indent + "    ")


def _change(one: Moved, where: Places, paint: Paint) -> str:
    new = NOT_YET if one.new == NOT_YET else short(one.new)
    line = where.of_step(one.step, one.field)
    return f"{field_name(one.field)}: {short(one.old)} → {new}" + (f"   {paint(line, DIM)}" if line else "")


def _root(one: Moved, where: Places, paint: Paint) -> str:
    return f"{_change(one, where, paint)}   in {one.maker or one.step}"
