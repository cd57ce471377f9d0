"""`lcspec lsp`: the language server for editors."""

import click


@click.command("lsp")
@click.option("--stdio", is_flag=True, help="Talk on standard input and output; what it does without --port.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Wait for an editor on this local port.")
def command(stdio: bool, port: int | None) -> None:
    """Serve an editor: diagnostics, hover, completion, definitions, references, rename, outline, form, fixes."""
    if stdio and port is not None:
        raise click.UsageError("either --stdio or --port")
    try:
        from lcspec.editor.server import start
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise click.UsageError("the language server needs pygls: `pip install 'pygls>=2,<3'`") from None
    start(port=port)
