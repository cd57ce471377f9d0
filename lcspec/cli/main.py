"""Entry point: finds the command's file, runs it, and turns every outcome into an exit code."""

import sys
from importlib import import_module
from pathlib import Path

import click

from lcspec import __version__

BUG = 70
HIDDEN = {"main", "common", "diffs", "progress", "__init__"}


class Commands(click.Group):
    """One file per command in this folder, imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of a lifecycle."""
        names = [path.stem.removesuffix("_") for path in Path(__file__).parent.glob("*.py") if path.stem not in HIDDEN]
        return sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command `cmd_name`, or None."""
        stem = cmd_name if (Path(__file__).parent / f"{cmd_name}.py").exists() else f"{cmd_name}_"
        if stem in HIDDEN or not (Path(__file__).parent / f"{stem}.py").exists():
            return None
        command: click.Command = import_module(f"lcspec.cli.{stem}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Adds a suggestion to click's message for an unknown command."""
        from lcspec.diag.suggest import did_you_mean

        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(f"no such command `{args[0]}`; {did_you_mean(args[0], self.list_commands(ctx), 'commands')}")
        return super().resolve_command(ctx, args)


_ORDER = [
    "init",
    "lsp",
    "check",
    "fmt",
    "show",
    "lock",
    "plan",
    "why",
    "graph",
    "diff",
    "apply",
    "status",
    "logs",
    "runs",
    "compare",
    "report",
    "release",
    "verify",
    "gc",
    "serve",
    "chat",
    "explain",
    "schema",
]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lcspec")
def group() -> None:
    """Compile and run the lifecycle of a generative-AI project from one reviewed spec."""


def main() -> None:
    """Runs the command line and exits: 0 ok, 1 spec, 2 usage, 3 gate, 4 step, 5 stale, 6 busy, 7 store, 70 our bug."""
    try:
        # Outside standalone mode click returns the code of an Exit instead of raising it.
        code = group(standalone_mode=False)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nothing can be told
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the edge of the program: what arrives here is our bug
        _report_bug(error)
        sys.exit(BUG)
    sys.exit(code if isinstance(code, int) else 0)


def _report_bug(error: Exception) -> None:
    import traceback

    from lcspec.diag.model import LcspecError

    if isinstance(error, LcspecError):
        from lcspec.cli.common import show

        show(error.diagnostics, {}, "text", err=True)
        sys.exit(error.exit_code)
    traceback.print_exception(error, file=sys.stderr)
    click.echo("\nThis is a bug of lcspec, not of your spec: please report it with the lines above.", err=True)
