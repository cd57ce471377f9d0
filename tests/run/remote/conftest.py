"""One server for the whole session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.remote import servers
from tests.run.remote.machine import Machine, Named


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    with servers.moto() as endpoint:
        yield endpoint


@pytest.fixture(params=["memory", "file", pytest.param("s3", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A URL of each kind, with nothing there yet."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    return servers.url(request.param, tmp_path)


@pytest.fixture
def machine(tmp_path: Path, place: str) -> Named:
    """A machine by its name, that begins an apply now: the remote store is listed once, when it is first asked."""
    return lambda name: Machine(tmp_path / name / ".lcspec", place)
