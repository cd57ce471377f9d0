"""For all tests: nothing may reach a hub. Set before anything is imported."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as on most machines: a step must not write byte code into its input
os.environ["OMP_NUM_THREADS"] = "1"  # of models this small, threads only wait for one another
os.environ["LCSPEC_REPLAY"] = "off"  # a test means the command itself; tests/test_replay.py turns it on
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)  # a change is judged by its own faults
# `CI` makes apply refuse to write a lock; a test that means that says so.
settings.load_profile("ci" if os.environ.pop("CI", None) else "default")
# A shell that started this in the background may have made it deaf to signals; the processes of tests must hear them.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, str(Path(__file__).parents[1]))  # `from tests.tiny import …`


def whole_suite(config: pytest.Config) -> bool:
    """Whether no file and no test was named."""
    return bool(config.args == config.getini("testpaths"))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes for the whole suite, none for a file or a test that was named."""
    return 2 if whole_suite(config) else 0


def pytest_configure(config: pytest.Config) -> None:
    """Of the whole suite the core: what imports torch is a group of its own, unless it was named or asked for."""
    if whole_suite(config) and config.option.markexpr == "not slow":
        config.option.markexpr = "not slow and not ml"


LONG = ("e2e", "kinds/tuning", "codegen", "faults", "run/remote", "test_replay", "run/", "report")  # in turn


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first, so that neither of two processes is left alone with one at the end."""
    places = [f"tests/{name}" for name in LONG]

    def turn(item: pytest.Item) -> int:
        return next((at for at, place in enumerate(places) if item.nodeid.startswith(place)), len(places))

    items.sort(key=turn)
