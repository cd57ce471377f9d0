"""Whole applies, with real steps, on machines that share one remote store."""

from pathlib import Path

import pytest

from lcspec.run.remote.chosen import open_remote
from lcspec.run.remote.remote import blob_name
from lcspec.run.store import Store
from lcspec.run.verify import verify
from tests.faults.store_ok import assert_store_ok
from tests.run import harness
from tests.run.remote import servers


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        request.getfixturevalue("s3")
    return servers.url(request.param, tmp_path)


def run(folder: Path, url: str, *names: str, **options) -> dict:
    folder.mkdir(exist_ok=True)
    return harness.run(folder, *names, options={"remote": url, **options})


def told(made: dict) -> tuple:
    return made["status"], made["ran"], made["reused"], made["failures"], made["warnings"], made["unpushed"]


def steps(folder: Path) -> list[str]:
    """The steps whose results are in the local store."""
    return sorted(record.step for record in Store.peek(folder / ".lcspec").records.values())


WRITE, OTHER, NEW = "write", "other+write", "write2+other+write"


def test_the_second_machine_runs_nothing_and_fetches_just_what_a_new_step_needs(tmp_path: Path, url: str) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert told(run(one, url, WRITE, OTHER)) == ("ok", 2, 0, [], [], None)
    assert told(run(other, url, WRITE, OTHER)) == ("ok", 0, 2, [], [], None)
    assert steps(other) == []
    assert told(run(other, url, WRITE, OTHER, NEW)) == ("ok", 1, 2, [], [], None)
    assert steps(other) == [OTHER, NEW]
    assert told(run(one, url, WRITE, OTHER, NEW)) == ("ok", 0, 3, [], [], None)
    assert steps(one) == [OTHER, WRITE]
    harness.assert_sound(other)
    assert_store_ok(other / ".lcspec")
    assert verify(other / ".lcspec").notes == []


def test_what_a_release_is_made_of_is_here_at_the_end(tmp_path: Path, url: str) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    run(one, url, WRITE, OTHER)
    made = run(other, url, WRITE, OTHER, wanted=OTHER)
    assert told(made) == ("ok", 0, 2, [], [], None)
    assert [event["data"]["message"] for event in made["events"] if event["event"] == "log"] == [
        f"fetching its result from {url}"
    ]
    assert steps(other) == [OTHER]


def test_a_damaged_result_is_made_again_and_heals_the_remote_store(tmp_path: Path, url: str) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    run(one, url, WRITE, OTHER)
    store = Store.peek(one / ".lcspec")
    [record] = [record for record in store.records.values() if record.step == WRITE]
    blob = store.tree(record.outputs["out"])["answer.json"]["blake3"]
    open_remote(url, one).objects.replace(blob_name(blob), b"43")
    assert told(run(other, url, WRITE, OTHER, wanted=WRITE)) == ("ok", 1, 2, [], ["LC1127"], None)
    assert steps(other) == [WRITE]
    assert told(run(tmp_path / "third", url, WRITE, OTHER, wanted=WRITE)) == ("ok", 0, 2, [], [], None)
    assert_store_ok(tmp_path / "third" / ".lcspec")
