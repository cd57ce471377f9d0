"""What commands share: options, loading a spec, printing diagnostics and leaving with the right code."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from lcspec.diag.model import Diagnostic, LcspecError, has_errors
from lcspec.ir.source import SourceFile

F = TypeVar("F", bound=Callable[..., Any])

MACHINE = ("json", "sarif", "github")  # forms that go to stdout, whatever they tell

SPEC = click.Path(path_type=Path, dir_okay=False)


def spec_argument(function: F) -> F:
    """The spec file; without one, the only `*.yaml` in `specs/` or here."""
    return click.argument("spec", type=SPEC, required=False)(function)


def project_argument(function: F) -> F:
    """A spec or a folder of the project, as `where`; without one, the project that is here."""
    return click.argument("where", type=click.Path(path_type=Path, exists=True), required=False)(function)


def project_of(where: Path | None, form: str) -> Any:
    """The project of a spec or folder; exits with 2 when it has no store yet."""
    from lcspec.project import Project

    here = where or Path()
    project = Project(here / "spec.yaml" if here.is_dir() else here)
    if not project.store.is_dir():
        help = "`lcspec apply` makes one"
        fail([Diagnostic("LC1105", f"there is no store in `{project.root}`", help=help)], {}, 2, form)
    return project


def spec_option(function: F) -> F:
    """`--spec`, for commands whose argument is something else."""
    return click.option("--spec", type=SPEC, default=None, help="The spec whose project is meant.")(function)


def find_store(spec: Path | None) -> Path:
    """The store of a project, without reading the spec: of the one given, else of the project that we stand in."""
    from lcspec.project import Project

    places = [spec] if spec is not None else [Path("spec.yaml"), Path("specs", "spec.yaml")]
    stores = [Project(place).store for place in places]
    return next((store for store in stores if store.is_dir()), stores[0])


def settings_options(function: F) -> F:
    """`--set` and `--var-file`; the command takes them as `settings`."""

    @wraps(function)
    def command(*args: Any, sets: tuple[str, ...], var_files: tuple[Path, ...], **kwargs: Any) -> Any:
        from lcspec.compile.compose import Settings
        from lcspec.project import read_source

        try:
            settings = Settings(sets, tuple(map(read_source, var_files)))
        except LcspecError as error:
            fail(error.diagnostics, {}, error.exit_code, kwargs.get("form", "text"))
        return function(*args, settings=settings, **kwargs)

    path = click.Path(path_type=Path, dir_okay=False)
    help = "Values for the spec's `variables:`, as YAML."
    command = click.option("--var-file", "var_files", type=path, multiple=True, help=help)(command)
    help = "Set a value of the spec, say `tuning.lora.rank=16`."
    return click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help=help)(command)  # type: ignore[return-value]


def store_option(help: str) -> Callable[[F], F]:
    """`--store`; the command takes it as `store`."""
    return click.option("--store", metavar="URL", default=None, help=help)


BEHIND = "A store behind the local one, say `s3://bucket/prefix`; `none` for none (default: of lcspec.toml)."


def behind_of(project: Any, said: str | None) -> Any:
    """What lies behind the store of a project (`run/behind.py`); None without a remote store, which costs no import.

    Raises:
        LcspecError: LC1125 (exit 2), it cannot be a store; LC1212 (exit 2), `lcspec.toml` is wrong.
    """
    if said is None:
        if not (project.root / "lcspec.toml").exists():
            return None
        from lcspec.run.settings import remote_of

        if remote_of(project.root) is None:
            return None
    from lcspec.run.behind import NOTHING
    from lcspec.run.remote.chosen import behind_of as find

    found = find(project.root, project.store, said)
    return None if found is NOTHING else found


COLORS = ("auto", "always", "never")


def color_option(function: F) -> F:
    """`--color`; the command takes it as `color`."""
    help = "Colours: on a terminal (unless NO_COLOR is set), always or never."
    return click.option("--color", type=click.Choice(COLORS), default="auto", help=help)(function)


def wants_color(stream: Any, choice: str = "auto") -> bool:
    """Whether to colour what goes to `stream`: as chosen, else on a terminal where NO_COLOR is unset or empty."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or bool(stream.isatty())


def wish_options(function: F) -> F:
    """`--target`, `--exclude` and `--replace`; the command takes them as `wish`."""

    @wraps(function)
    def command(
        *args: Any, target: tuple[str, ...], exclude: tuple[str, ...], replace: tuple[str, ...], **kwargs: Any
    ) -> Any:
        from lcspec.compile.select import Wish

        return function(*args, wish=Wish(target, exclude, replace), **kwargs)

    step: dict[str, Any] = {"multiple": True, "metavar": "STEP"}
    command = click.option("--replace", **step, help="Run STEP again though its result is there.")(command)
    command = click.option("--exclude", **step, help="Leave STEP out, and all that needs it.")(command)
    return click.option(  # type: ignore[return-value]
        "--target", **step, help="Run only STEP and what it needs; a name or a pattern with `*`. May be repeated."
    )(command)


def format_option(*choices: str) -> Callable[[F], F]:
    """`--format`, text first."""
    names = choices or ("text", "json")
    return click.option("--format", "form", type=click.Choice(names), default=names[0], help="Form of the output.")


def find_spec(given: Path | None) -> Path:
    """The spec that is meant: the given one, or the only one that can be meant."""
    if given is not None:
        return given
    found = [path for folder in (Path(), Path("specs")) for path in sorted(folder.glob("*.y*ml")) if is_spec(path)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(map(str, found))
    raise click.UsageError(f"name a spec: {listed}" if found else "there is no spec here; `lcspec init` writes one")


def is_spec(path: Path) -> bool:
    """Whether a file says `lcspec:` at the start of a line."""
    try:
        with path.open(encoding="utf-8") as file:
            return any(line.startswith("lcspec:") for line in file)
    except (OSError, UnicodeDecodeError):
        return False


def load(given: Path | None, form: str, settings: Any = None) -> Any:
    """The loaded spec; prints its diagnostics, and exits with 1 when they hold errors."""
    from lcspec import api

    try:
        loaded = api.load(find_spec(given), *([settings] if settings else []))
    except LcspecError as error:
        fail(error.diagnostics, {}, error.exit_code, form)
    if not loaded.ok:
        fail(loaded.diagnostics, loaded.sources, 1, form)
    if loaded.diagnostics:
        show(loaded.diagnostics, loaded.sources, "text", err=True)
    return loaded


def show(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile], form: str, *, err: bool = False) -> None:
    """Prints diagnostics: text for people; JSON, SARIF or GitHub's annotations for machines."""
    if form == "json":
        from lcspec.diag.render_json import to_json

        click.echo(json.dumps(to_json(diagnostics, sources), indent=2, ensure_ascii=False))
    elif form == "sarif":
        from lcspec.diag.render_sarif import to_sarif

        click.echo(json.dumps(to_sarif(diagnostics, sources), indent=2, ensure_ascii=False))
    elif form == "github":
        from lcspec.diag.render_github import to_github

        click.echo(to_github(diagnostics, sources), nl=False)
    else:
        from lcspec.diag.render_text import render

        stream = sys.stderr if err else sys.stdout
        click.echo(render(diagnostics, sources, color=wants_color(stream)), err=err, nl=False)


def fail(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile], code: int, form: str) -> NoReturn:
    """Prints diagnostics and exits: machine forms on stdout, text on stderr."""
    listed = list(diagnostics)
    show(listed, sources, form, err=form not in MACHINE)
    raise click.exceptions.Exit(code if has_errors(listed) else 0)


def emit_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True))
