"""`lcspec verify`: is everything in the store what was written."""

from pathlib import Path

import click

from lcspec.cli.common import emit_json, fail, format_option, project_argument, project_of, show
from lcspec.diag.model import LcspecError
from lcspec.units import format_bytes


@click.command("verify")
@project_argument
@format_option()
@click.option("--rebuild", is_flag=True, help="Make the ledger anew from its files and the records.")
@click.option("--repair", is_flag=True, help="Set what is damaged aside, so that apply makes it again.")
def command(where: Path | None, form: str, rebuild: bool, repair: bool) -> None:
    """Read the whole store, and say what is damaged and which steps make it again. Exit 7 when something is.

    Without `--rebuild` and `--repair` it writes nothing and may run beside an apply. Nothing is deleted: what is set
    aside lies under `.lcspec/aside/`.
    """
    from lcspec.run.findings import Report, summary
    from lcspec.run.lock import StoreLock
    from lcspec.run.repair import rebuild_ledger
    from lcspec.run.repair import repair as mend
    from lcspec.run.store import Store
    from lcspec.run.verify import verify

    root = project_of(where, form).store
    done: list[str] = []
    try:
        if not (rebuild or repair):
            report = verify(root)
        else:
            store = Store.open(root)
            with StoreLock.acquire(root) as lock:
                lock.tell({"verify": {}})
                done = rebuild_ledger(root) if rebuild else []
                report: Report = verify(root)  # type: ignore[no-redef]
                if repair and report.findings:
                    report = mend(store, report)
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
            show([summary(report.findings, report.rerun)], {}, "text", err=True)
        raise click.exceptions.Exit(7)
