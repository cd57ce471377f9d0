"""Versions of installed packages, from the names of their metadata folders: `importlib.metadata` would read each."""

import os
import re
import sys
from contextlib import suppress
from functools import cache

_SUFFIX = ".dist-info"


def installed_version(name: str) -> str | None:
    """The version of an installed package, as its folder says it; None when it is not installed."""
    found = _folders().get(_plain(name))
    if found is not None:
        return found
    from importlib.metadata import PackageNotFoundError, version

    try:  # an egg, or something else than a folder
        return version(name)
    except PackageNotFoundError:
        return None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _folders() -> dict[str, str]:
    """Name to version of every `NAME-VERSION.dist-info` on the path; the first one counts, as for an import."""
    found: dict[str, str] = {}
    for place in dict.fromkeys(sys.path):
        with suppress(OSError), os.scandir(place or ".") as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith(_SUFFIX):
                    name, dash, version = entry.name.removesuffix(_SUFFIX).partition("-")
                    if dash and version:
                        found.setdefault(_plain(name), version)
    return found
