"""`lcspec chat`: ask the released model from the terminal."""

import signal
import sys
from pathlib import Path

import click

from lcspec.cli.common import BEHIND, behind_of, fail, find_spec, show, store_option
from lcspec.diag.model import LcspecError
from lcspec.project import Project


@click.command("chat")
@click.argument("spec", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--release", "number", type=int, default=None, help="Which release; default: promoted, else newest.")
@store_option(BEHIND)
@click.option("-m", "--message", default=None, help="Ask this once, print the answer and exit.")
def command(spec: Path | None, number: int | None, store: str | None, message: str | None) -> None:
    """Ask a release questions; each is answered on its own, as the service would."""
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
            process = start(folder, host="127.0.0.1", port=0, quiet=True)
            try:
                address = wait_ready(process)
                if message is not None:
                    click.echo(_ask(address, message))
                else:
                    _talk(address, f"{manifest['name']} {manifest['number']}")
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, "text")


def _ask(address: str, text: str) -> str:
    from openai import APIStatusError, OpenAI

    client = OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
    model = client.models.list().data[0].id
    try:
        reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
    except APIStatusError as error:
        return f"[refused: {error.message}]"
    return reply.choices[0].message.content or ""


def _talk(address: str, name: str) -> None:
    click.echo(f"{name} is ready; an empty line or Ctrl-D ends.", err=True)
    while True:
        click.echo("> ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line.strip():
            return
        click.echo(_ask(address, line.strip()))
