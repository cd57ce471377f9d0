"""`lcspec serve`: run the released service."""

import signal
from pathlib import Path

import click

from lcspec.cli.common import BEHIND, behind_of, fail, find_spec, show, store_option
from lcspec.diag.model import LcspecError
from lcspec.project import Project


@click.command("serve")
@click.argument("spec", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--release", "number", type=int, default=None, help="Which release; default: promoted, else newest.")
@store_option(BEHIND)
@click.option("--host", default=None, help="Address; default: what the target says.")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Default: the target's; 0 picks a free one.")
def command(spec: Path | None, number: int | None, store: str | None, host: str | None, port: int | None) -> None:
    """Serve a release on an OpenAI-compatible address until Ctrl-C."""
    from lcspec.launch import start
    from lcspec.serving import laid_out, released_service, wait_ready

    project = Project(find_spec(spec))
    try:
        behind = behind_of(project, store)
        service = released_service(project, number, behind)
        manifest = service.manifest
        if service.warning is not None:
            show([service.warning], {}, "text", err=True)
        with laid_out(project, service, behind) as folder:
            process = start(folder, host=host, port=port)
            signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGTERM))
            address = wait_ready(process)
            click.echo(f"{manifest['name']} {manifest['number']} ({manifest['candidate']}) answers at {address}/v1")
            try:
                code = process.wait()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGTERM)
                code = process.wait()
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, "text")
    raise click.exceptions.Exit(0 if code in (0, -signal.SIGTERM) else 4)
