"""Finds kinds: built-ins by file name, third parties by the entry-point group `lcspec.kinds`.

A kind's module is imported when a spec names it, not before: `plan` pays for what it uses.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.kinds.api import FAMILIES, Kind

_HERE = Path(__file__).parent


@cache
def names(family: str) -> tuple[str, ...]:
    """The names of all kinds of `family`, sorted."""
    own = {path.stem.replace("_", "-") for path in (_HERE / family).glob("[a-z]*.py")}
    return tuple(sorted(own | set(_plugins(family))))


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
    if family in FAMILIES and (_HERE / family / f"{name.replace('-', '_')}.py").is_file():
        return import_module(f"lcspec.kinds.{family}.{name.replace('-', '_')}")
    plugins = _plugins(family)
    if name not in plugins:
        raise KeyError(f"{family}.{name}")
    try:
        return import_module(plugins[name])
    except (ImportError, SyntaxError) as error:
        raise _broken(family, name, str(error)) from error


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

    Reading entry points scans every installed package (tens of milliseconds), so it is left for names that no
    built-in has and for listings.
    """
    from importlib.metadata import entry_points

    found = {}
    for point in entry_points(group="lcspec.kinds"):
        of, _, name = point.name.partition(".")
        if of == family:
            found[name] = point.value
    return found
