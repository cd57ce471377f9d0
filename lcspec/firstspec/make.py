"""From a data file to the files that `lcspec init` writes."""

from dataclasses import dataclass
from pathlib import Path

from lcspec.canon import pretty
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.firstspec.guess import Roles
from lcspec.firstspec.look import Inputs, Look
from lcspec.firstspec.model import model_line, slug
from lcspec.firstspec.propose import FEWEST_ROWS, propose
from lcspec.firstspec.write import First, write
from lcspec.specschema import spec

SCHEMA = ".lcspec-schema.json"


@dataclass(frozen=True)
class Made:
    """The text of the spec, and what it is called."""

    path: Path
    text: str
    first: First


def make(seen: Look, roles: Roles, *, path: Path | None, name: str | None, model: str | None) -> Made:
    """The spec for a data file, to lie at `path` (default: named after the file, in the current folder).

    Raises:
        LcspecError: there are too few rows, or the model is none.
    """
    if seen.rows < FEWEST_ROWS:
        message = f"`{seen.path}` has {seen.rows} rows; validation and test need one each, and some must be left"
        raise LcspecError([Diagnostic("LC0121", message, help=f"give it at least {FEWEST_ROWS}, better a few hundred")])
    stem = seen.path.name.split(".")[0]
    named = name or slug(stem)
    target = path or Path(f"{named}.yaml")
    line = model_line(model, target.parent)
    inputs = Inputs(seen, roles.input, roles.target)
    data = slug(stem)
    taken = {line.name, "zero-shot", "few-shot", "lora", "int8"}
    data = f"{data}-rows" if data in taken else data
    first = First(named, data, target.parent, seen, roles, inputs, propose(seen, roles, inputs), line)
    return Made(target, write(first), first)


def schema_text() -> str:
    """The JSON Schema of the kinds that are installed."""
    return pretty(spec())
