"""`lcspec verify`: is everything in the store what was written."""

from pathlib import Path

import click

from lcspec.cli.common import (
    behind_of,
    emit_json,
    fail,
    format_option,
    project_argument,
    project_of,
    show,
    store_option,
)
from lcspec.diag.model import LcspecError
from lcspec.units import format_bytes


@click.command("verify")
@project_argument
@format_option()
@click.option("--rebuild", is_flag=True, help="Make the ledger anew from its files and the records.")
@click.option("--repair", is_flag=True, help="Set what is damaged aside, so that apply makes it again.")
@click.option("--full", is_flag=True, help="With --store: read every byte, not only records, lists and sizes.")
@store_option("Look at a remote store instead, say `s3://bucket/prefix`; `remote` for the one of lcspec.toml.")
def command(where: Path | None, form: str, rebuild: bool, repair: bool, full: bool, store: str | None) -> None:
    """Read the whole store, and say what is damaged and which steps make it again. Exit 7 when something is.

    Without `--rebuild` and `--repair` it writes nothing and may run beside an apply. Nothing is deleted: what is set
    aside lies under `.lcspec/aside/`. What a remote store of lcspec.toml has is fetched by `--repair`; with `--store`,
    that store is looked at, and `--repair` uploads what the local store has.
    """
    from lcspec.run.findings import summary
    from lcspec.run.lock import StoreLock
    from lcspec.run.repair import rebuild_ledger
    from lcspec.run.repair import repair as mend
    from lcspec.run.store import Store
    from lcspec.run.verify import verify

    project = project_of(where, form)
    root = project.store
    done: list[str] = []
    if store and rebuild:
        raise click.UsageError("a remote store has no ledger; leave `--rebuild` out")
    if full and not store:
        raise click.UsageError("a local store is always read whole; leave `--full` out")
    try:
        behind = behind_of(project, store) if store or repair else None
        if store and behind is None:
            raise click.UsageError("`--store none` names no store to look at")
        if store and behind is not None:
            from lcspec.run.remote.inspect import look

            report = look(behind.remote, Store.peek(root), full=full, repair=repair)
        elif not (rebuild or repair):
            report = verify(root)
        else:
            local = Store.open(root)
            if behind is not None:
                behind.lend(local)
            with StoreLock.acquire(root) as lock:
                lock.tell({"verify": {}})
                done = rebuild_ledger(root) if rebuild else []
                report = verify(root)
                if repair and report.findings:
                    report = mend(local, report)
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)
    report.repaired = [*done, *report.repaired]
    if form == "json":
        emit_json(report.to_json())
    else:
        checked = report.checked
        click.echo(
            f"{checked['blobs']:,} blobs ({format_bytes(checked['bytes'])}), {checked['records']:,} records, "
            f"{checked['releases']:,} releases, {checked['entries']:,} entries of the ledger"
        )
        for line in report.repaired:
            click.echo(f"repaired: {line}")
        for one in report.findings:
            users = [f"rerun {step}" for step in one.steps] + [f"release {name}" for name in one.releases]
            click.echo(f"{one.fault:<8} {one.path}: {one.message}" + (f"  ({', '.join(users)})" if users else ""))
        for note in report.notes:
            click.echo(f"note:    {note}")
        if not report.findings:
            click.echo("all is as it was written")
    if report.findings:
        if form != "json":
            show([summary(report.findings, report.rerun, store)], {}, "text", err=True)
        raise click.exceptions.Exit(7)
