"""`lcspec apply`: run the plan."""

import os
import sys
from pathlib import Path

import click

from lcspec.cli.common import (
    BEHIND,
    behind_of,
    fail,
    find_spec,
    format_option,
    settings_options,
    show,
    store_option,
    wish_options,
)
from lcspec.compile.compose import Settings
from lcspec.compile.select import Wish
from lcspec.diag.model import Diagnostic, LcspecError


@click.command("apply")
@click.argument("given", metavar="[SPEC|PLAN.json]", type=click.Path(path_type=Path, dir_okay=False), required=False)
@settings_options
@wish_options
@format_option()
@click.option("--locked/--no-locked", default=None, help="Refuse to change the lock (default when CI is set).")
@click.option("--wait", type=float, default=None, metavar="SECONDS", help="Wait for another apply to end.")
@click.option("--jobs", "-j", type=click.IntRange(1), default=None, help="Steps at a time (default: as many as fit).")
@click.option("--keep-going", "-k", is_flag=True, help="Go on with steps that do not need a failed one.")
@store_option(BEHIND)
def command(
    given: Path | None,
    settings: Settings,
    wish: Wish,
    form: str,
    locked: bool | None,
    wait: float | None,
    jobs: int | None,
    keep_going: bool,
    store: str | None,
) -> None:
    """Run what the plan of SPEC says, or exactly a saved PLAN.json.

    With `--target` or `--exclude` a part is run; a release is made only when nothing that it needs was left out.
    `--replace` runs a step again; the first result stands, and one that differs is reported. With `--store`, results
    that are there are fetched as far as they are needed, and what is finished here is pushed.
    """
    from lcspec.applying import apply_spec, load_target
    from lcspec.run.behind import NOTHING

    saved = given is not None and given.suffix == ".json"
    if saved and settings != Settings():
        raise click.UsageError("a saved plan has its own settings; leave `--set` and `--var-file` out")
    if saved and wish.said:
        raise click.UsageError("a saved plan has its own selection; leave `--target`, `--exclude`, `--replace` out")
    if saved and locked is False:
        raise click.UsageError("a saved plan is run under the lock that it was made with; leave `--no-locked` out")
    strict = saved or (bool(os.environ.get("CI")) if locked is None else locked)
    say = (lambda text: click.echo(text, err=True)) if form == "text" else (lambda text: None)
    try:
        target = load_target(find_spec(given), settings, wish, lambda project: behind_of(project, store) or NOTHING)
        loaded = target.loaded
        if not loaded.ok:
            fail(loaded.diagnostics, loaded.sources, 1, form)
        if loaded.diagnostics:
            show(loaded.diagnostics, loaded.sources, "text", err=True)
        result = apply_spec(
            loaded,
            locked=strict,
            wait=wait,
            jobs=jobs,
            keep_going=keep_going,
            form=form,
            say=say,
            argv=tuple(sys.argv[1:]),
            wish=target.wish,
            behind=target.behind,
        )
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)
    if result.applied.outcome.warnings:
        show(result.applied.outcome.warnings, loaded.sources, "text", err=True)
    failures = [diagnostic for _, diagnostic in result.applied.outcome.failures]
    if failures:
        show(failures, loaded.sources, "text", err=True)
    elif result.code == 3:
        help = f"read {result.report}; change the spec and apply again: finished steps are kept"
        show([Diagnostic("LC1301", result.applied.why_not or "", help=help)], {}, "text", err=True)
    if (unpushed := result.applied.outcome.unpushed) is not None:
        show([unpushed], {}, "text", err=True)
    if result.changed_nothing and target.behind is NOTHING:  # nothing tells that a remote store has moved
        from lcspec import replay

        made = [path for path in (result.report, result.service) if path is not None]
        replay.can_be_told_again(*loaded.project.probed(), *made, *result.applied.read)
    raise click.exceptions.Exit(result.code)
