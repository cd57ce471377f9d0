"""Versions by the names of metadata folders agree with what the packages say of themselves."""

import sys
from importlib.metadata import distributions, version
from pathlib import Path

import pytest

from lcspec import installed


def test_every_installed_package_has_the_version_that_it_says() -> None:
    names = sorted({found.metadata["Name"] for found in distributions() if found.metadata["Name"]})
    assert len(names) > 20
    differing = [name for name in names if (installed.installed_version(name) or "").lower() != version(name).lower()]
    assert differing == []


def test_what_is_not_installed_has_no_version() -> None:
    assert installed.installed_version("no-such-package-anywhere") is None


def test_names_are_compared_as_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "My_Odd.Name-1.2.post1+cpu.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    installed._folders.cache_clear()
    assert installed.installed_version("my-odd-name") == "1.2.post1+cpu"
    monkeypatch.undo()
    installed._folders.cache_clear()
