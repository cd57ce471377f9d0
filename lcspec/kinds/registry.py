"""Finds kinds: built-ins by file name, third parties by the entry-point group `lcspec.kinds`.

A kind's module is imported when a spec names it, not before: `plan` pays for what it uses.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.kinds.api import FAMILIES, Kind

_HERE = Path(__file__).parent
GROUP = "lcspec.kinds"


@cache
def names(family: str) -> tuple[str, ...]:
    """The names of all kinds of `family`, sorted."""
    return tuple(sorted(_own(family) | set(_plugins(family))))


@cache
def _own(family: str) -> frozenset[str]:
    """The names of the built-in kinds of `family`."""
    if family not in FAMILIES:
        return frozenset()
    return frozenset(path.stem.replace("_", "-") for path in (_HERE / family).glob("[a-z]*.py"))


@cache
def load(family: str, name: str) -> Kind:
    """The kind called `name`.

    Raises:
        KeyError: there is none.
    """
    kind = getattr(module(family, name), "KIND", None)
    if not isinstance(kind, Kind) or (kind.family, kind.name) != (family, name):
        raise _broken(family, name, "its module does not define that kind")
    return kind


@cache
def module(family: str, name: str) -> ModuleType:
    """The module of the kind `name`; KeyError when there is none."""
    if name in _own(family):  # what a spec says is looked up and never becomes a path
        return import_module(f"lcspec.kinds.{family}.{name.replace('-', '_')}")
    plugins = _plugins(family)
    if name not in plugins:
        raise KeyError(f"{family}.{name}")
    try:
        return import_module(plugins[name])
    except (ImportError, SyntaxError) as error:
        raise _broken(family, name, str(error)) from error


def home(family: str, name: str) -> tuple[Path, ...]:
    """What must be importable for a kind's module to be, and no more: lcspec, the kind's package, its metadata."""
    ours = _HERE.parent
    if name in _own(family):
        return (ours,)
    file = Path(str(module(family, name).__file__))
    top = _plugins(family)[name].partition(".")[0]
    package = next((parent for parent in file.parents if parent.name == top), file)
    points = f"{family}.{name}".encode()
    listed = [folder for folder in _mentioning() if points in (folder / "entry_points.txt").read_bytes()]
    return (ours, package, *listed)


def preload(kinds: Iterable[str]) -> None:
    """Imports the built-in ones among `kinds`, and looks for those of third parties, which are imported when used."""
    for kind in kinds:
        family, _, name = kind.partition(".")
        if name in _own(family):
            module(family, name)
        else:
            _plugins(family)


def _broken(family: str, name: str, why: str) -> LcspecError:
    help = "update or remove the package that registers it under `lcspec.kinds`"
    return LcspecError([Diagnostic("LC1901", f"the kind `{family}.{name}` cannot be loaded: {why}", help=help)])


def every() -> Iterator[Kind]:
    """All kinds of all families, for schemas, documentation and the contract suite."""
    for family in FAMILIES:
        for name in names(family):
            yield load(family, name)


@cache
def _plugins(family: str) -> dict[str, str]:
    """Names to module paths of third-party kinds of one family.

    Reading entry points parses every installed package (tens of milliseconds), so packages that do not mention the
    group are passed over.
    """
    found = {}
    for folder in _mentioning():
        from importlib.metadata import PathDistribution

        for point in PathDistribution(folder).entry_points.select(group=GROUP):
            of, _, name = point.name.partition(".")
            if of == family:
                found[name] = point.value
    return found


@cache
def _mentioning() -> tuple[Path, ...]:
    """The metadata folders on the path whose entry points mention our group."""
    found = []
    for place in dict.fromkeys(sys.path):
        with suppress(OSError), os.scandir(place or ".") as entries:
            for entry in entries:
                if entry.name.endswith((".dist-info", ".egg-info")):
                    points = Path(entry.path, "entry_points.txt")
                    with suppress(OSError):
                        if GROUP.encode() in points.read_bytes():
                            found.append(Path(entry.path))
    return tuple(sorted(found))
