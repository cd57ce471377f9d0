"""The store: what is published is whole, what is published first stands, and damage is seen."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.ir.record import StepRecord
from lcspec.run.store import NonDeterminism, Store

PUBLISH = """
import sys
from pathlib import Path
from lcspec.ir.record import StepRecord
from lcspec.run.store import Store
store = Store.open(Path("store"))
out = Path("out"); (out / "deep").mkdir(parents=True, exist_ok=True)
(out / "a.txt").write_text("a" * 1000); (out / "deep" / "b.txt").write_text("b")
store.publish(StepRecord("ab" * 32, "s", "k", {}, {}), {"rows": out})
"""


def publish(store: Store, folder: Path, text: str, key: str = "ab" * 32) -> StepRecord:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "file.txt").write_text(text)
    return store.publish(StepRecord(key, "step", "kind", {}, {}), {"out": folder})


def consistent(store: Store) -> bool:
    """Every record that can be read has all its blobs, intact."""
    for key in store.records:
        for digest in store.records[key].outputs.values():
            store.verify_tree(digest)
    return True


def test_what_is_published_can_be_read_back(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    record = publish(store, tmp_path / "s" / "work" / "x", "hello")
    assert store.records[record.key] == record
    store.materialize(record.outputs["out"], tmp_path / "seen")
    assert (tmp_path / "seen" / "file.txt").read_text() == "hello"


def test_peeking_creates_nothing(tmp_path: Path) -> None:
    store = Store.peek(tmp_path / "absent")
    assert dict(store.records) == {}
    assert dict(store.heads) == {}
    assert not (tmp_path / "absent").exists()


def test_the_first_writer_wins_and_a_different_output_is_reported(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    first = publish(store, tmp_path / "s" / "work" / "x", "one")
    assert publish(store, tmp_path / "s" / "work" / "y", "one").outputs == first.outputs
    with pytest.raises(NonDeterminism):
        publish(store, tmp_path / "s" / "work" / "z", "two")
    assert Store.peek(tmp_path / "s").records[first.key].outputs == first.outputs


def test_links_are_refused(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    folder = tmp_path / "s" / "work" / "x"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="link"):
        store.add_tree(folder)


@pytest.mark.parametrize("damage", ["flip", "cut", "delete"])
def test_damage_is_seen_and_named(tmp_path: Path, damage: str) -> None:
    store = Store.open(tmp_path / "s")
    record = publish(store, tmp_path / "s" / "work" / "x", "hello")
    blob = store.blob(store.tree(record.outputs["out"])["file.txt"]["sha256"])
    blob.chmod(0o644)
    {"flip": lambda: blob.write_text("hellp"), "cut": lambda: blob.write_text("he"), "delete": blob.unlink}[damage]()
    with pytest.raises(LcspecError) as caught:
        store.verify_tree(record.outputs["out"])
    assert caught.value.exit_code == 7
    assert "file.txt" in caught.value.diagnostics[0].message
    with pytest.raises(LcspecError):
        store.export(record.outputs["out"], tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


def test_a_tree_that_points_outside_is_refused(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    from lcspec.canon import canonical

    entry = {"sha256": "0" * 64, "size": 1, "executable": False}
    digest = store._add_bytes(canonical({"format_version": 1, "files": {"../../evil": entry}}))
    with pytest.raises(LcspecError):
        store.tree(digest)


def test_killed_at_every_publish_point_nothing_partial_is_visible(tmp_path: Path) -> None:
    points = 0
    for number in range(1, 60):
        folder = tmp_path / str(number)
        folder.mkdir()
        environment = {**os.environ, "LCSPEC_KILL_AT": str(number)}
        done = subprocess.run([sys.executable, "-c", PUBLISH], cwd=folder, env=environment, check=False)
        assert consistent(Store.peek(folder / "store"))
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        points += 1
        again = subprocess.run([sys.executable, "-c", PUBLISH], cwd=folder, check=False)
        assert again.returncode == 0
        made = Store.peek(folder / "store")
        assert consistent(made)
        assert [made.records[key].outputs["rows"] for key in made.records] != []
    assert points >= 11


def test_a_torn_record_counts_as_absent(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    record = publish(store, tmp_path / "s" / "work" / "x", "hello")
    path = next((tmp_path / "s").glob("records/*/*.json"))
    path.write_text(path.read_text()[:40])
    assert record.key not in Store.peek(tmp_path / "s").records
    assert publish(Store.open(tmp_path / "s"), tmp_path / "s" / "work" / "y", "hello").outputs == record.outputs


def test_exported_files_are_copies(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    record = publish(store, tmp_path / "s" / "work" / "x", "hello")
    store.export(record.outputs["out"], tmp_path / "build")
    (tmp_path / "build" / "file.txt").write_text("edited by hand")
    store.verify_tree(record.outputs["out"])
    store.export(record.outputs["out"], tmp_path / "build")
    assert (tmp_path / "build" / "file.txt").read_text() == "hello"


def test_records_are_json_that_a_person_can_read(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    publish(store, tmp_path / "s" / "work" / "x", "hello")
    told = json.loads(next((tmp_path / "s").glob("records/*/*.json")).read_text())
    assert told["format_version"] == 1
