"""The store: what is published is whole, what is published first stands, and damage is seen."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from lcspec.content import hash_file
from lcspec.diag.model import LcspecError
from lcspec.ir.record import StepRecord
from lcspec.run.garbage import Keep
from lcspec.run.gc import collect
from lcspec.run.store import NonDeterminism, Store
from lcspec.run.store.layout import snapshot
from lcspec.run.verify import verify

KEEP = Keep(frozenset(), None, 0, 0.0)
PUBLISH = """
import sys
import threading
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
    with pytest.raises(NonDeterminism) as caught:
        publish(store, tmp_path / "s" / "work" / "z", "two")
    told = caught.value.diagnostic()
    assert (told.code, told.severity) == ("LC1205", "warning")
    other = caught.value.made.outputs["out"]
    assert first.outputs["out"][:12] in told.message
    assert other[:12] in told.message
    assert [note.partition(":")[0] for note in told.notes] == ["out/file.txt"]
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
    blob = store.blob(store.tree(record.outputs["out"])["file.txt"]["blake3"])
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

    entry = {"blake3": "0" * 64, "size": 1, "executable": False}
    digest = store.blobs.add_bytes(canonical({"format_version": 1, "files": {"../../evil": entry}}))
    with pytest.raises(LcspecError):
        store.tree(digest)


def test_killed_at_every_publish_point_nothing_partial_is_visible(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
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
    record_property("injected", points)


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


def test_publishing_again_heals_a_damaged_blob(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    record = publish(store, tmp_path / "s" / "work" / "x", "hello")
    blob = store.blob(store.tree(record.outputs["out"])["file.txt"]["blake3"])
    blob.chmod(0o644)
    blob.write_text("hellp")
    publish(store, tmp_path / "s" / "work" / "y", "hello", key="cd" * 32)
    store.verify_tree(record.outputs["out"])


def test_a_file_that_a_user_can_still_write_is_copied_in(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    folder = tmp_path / "s" / "work" / "x"
    folder.mkdir(parents=True)
    os.link(mine, folder / "file.txt")
    digest = store.add_tree(folder)
    mine.write_text("edited")
    store.verify_tree(digest)
    assert os.access(mine, os.W_OK)


def test_a_large_blob_is_hashed_once_and_again_when_it_was_touched(tmp_path: Path, monkeypatch) -> None:
    from lcspec.run.store import blobs

    store = Store.open(tmp_path / "s")
    record = publish(store, tmp_path / "s" / "work" / "x", "x" * (blobs.LARGE + 1))
    hashed = []
    real = blobs.hash_file
    monkeypatch.setattr(blobs, "hash_file", lambda path: hashed.append(path) or real(path))
    again = Store.peek(tmp_path / "s")
    again.materialize(record.outputs["out"], tmp_path / "one")
    assert hashed == []
    blob = store.blob(store.tree(record.outputs["out"])["file.txt"]["blake3"])
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        file.write(b"y")
    with pytest.raises(LcspecError, match="damaged"):
        again.materialize(record.outputs["out"], tmp_path / "two")
    assert hashed == [blob]


@pytest.mark.parametrize("meddle", ["change", "remove", "add", "change a large one"])
def test_a_step_that_writes_into_its_input_is_found_out(tmp_path: Path, meddle: str) -> None:
    store = Store.open(tmp_path / "s")
    size = 300_000 if "large" in meddle else 5
    record = publish(store, tmp_path / "s" / "work" / "x", "x" * size)
    folder = tmp_path / "in"
    store.materialize(record.outputs["out"], folder / "rows")
    before = snapshot(folder)
    assert store.written_inputs(before, folder, record.outputs) == []
    path = folder / "rows" / "file.txt"
    if meddle == "remove":
        path.unlink()
    elif meddle == "add":
        (folder / "rows" / "more.txt").write_text("more")
    else:
        path.chmod(0o644)
        path.write_text("y" * size)
    name = "rows/more.txt" if meddle == "add" else "rows/file.txt"
    assert store.written_inputs(before, folder, {"rows": record.outputs["out"]}) == [name]


def test_a_blob_that_another_step_published_again_is_not_a_write(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    record = publish(store, tmp_path / "s" / "work" / "x", "x" * 300_000)
    store.materialize(record.outputs["out"], tmp_path / "in" / "out")
    before = snapshot(tmp_path / "in")
    publish(store, tmp_path / "s" / "work" / "y", "x" * 300_000, key="cd" * 32)
    assert store.written_inputs(before, tmp_path / "in", record.outputs) == []


def of_format(root: Path, number: int) -> None:
    """A store as an older or newer lcspec left it: what it wrote, as far as this one looks at it."""
    store = Store.open(root)
    record = publish(store, root / "work" / "x", "hello")
    path, tree = next(root.glob("records/*/*.json")), store.blob(record.outputs["out"])
    if number == 1:
        path.write_text(json.dumps(record.to_json(), indent=2))
    if number < 3:
        tree.chmod(0o644)
        tree.write_text(json.dumps({"format_version": 1, "files": {}}))
    (root / "store.json").write_text(json.dumps({"format_version": number}))


@pytest.mark.parametrize(
    ("number", "mark"),
    [(99, "there"), *((number, mark) for number in (1, 2) for mark in ("there", "gone", "damaged"))],
)
def test_a_store_of_another_format_is_refused_by_its_version_and_left_alone(
    tmp_path: Path, number: int, mark: str
) -> None:
    root = tmp_path / "s"
    of_format(root, number)
    if mark == "gone":
        (root / "store.json").unlink()
    elif mark == "damaged":
        (root / "store.json").write_text("{")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    for use in (Store.peek, Store.open, verify, lambda root: collect(root, KEEP, remove=True)):
        with pytest.raises(LcspecError, match=rf"`s` has format {number}; lcspec .* reads and writes 3") as caught:
            use(root)
        assert (caught.value.exit_code, caught.value.diagnostics[0].code) == (7, "LC1122")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("mark", ["gone", "damaged"])
def test_a_store_whose_mark_is_lost_is_known_by_its_records(tmp_path: Path, mark: str) -> None:
    root = tmp_path / "s"
    of_format(root, 3)
    path = root / "store.json"
    path.unlink() if mark == "gone" else path.write_text("{")
    assert [one.what for one in verify(root).findings] == ["format"]
    assert next(iter(Store.open(root).records.values())).step
    assert json.loads(path.read_text()) == {"format_version": 3}


@pytest.mark.parametrize("place", [3, 40, 90, 400])
def test_a_flipped_bit_in_a_record_makes_it_absent(tmp_path: Path, place: int) -> None:
    store = Store.open(tmp_path / "s")
    record = publish(store, tmp_path / "s" / "work" / "x", "hello")
    path = next((tmp_path / "s").glob("records/*/*.json"))
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    assert record.key not in Store.peek(tmp_path / "s").records


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (8 << 20) + 1])
def test_a_file_is_copied_in_whole_under_the_digest_of_its_content(tmp_path: Path, size: int) -> None:
    store = Store.open(tmp_path / "s")
    data = os.urandom(1 << 10) * (size >> 10) + b"x" * (size & 1023)
    (tmp_path / "mine").write_bytes(data)
    os.link(tmp_path / "mine", tmp_path / "other")
    digest = store.blobs.add_file(tmp_path / "other")
    assert digest == blake3(data).hexdigest()
    assert store.blob(digest).read_bytes() == data == (tmp_path / "mine").read_bytes()


def test_a_file_that_changes_while_it_is_copied_gives_a_blob_that_is_what_its_name_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path / "s")
    (tmp_path / "mine").write_bytes(bytes(9 << 20))
    os.link(tmp_path / "mine", tmp_path / "other")
    copyfile = shutil.copyfile

    def copied(source: Path, target: Path) -> Path:
        made = copyfile(source, target)
        (tmp_path / "mine").write_text("after")
        return made

    monkeypatch.setattr(shutil, "copyfile", copied)
    digest = store.blobs.add_file(tmp_path / "other")
    assert store.blob(digest).read_bytes() == bytes(9 << 20)
    assert hash_file(store.blob(digest)) == digest


def test_a_copy_that_cannot_be_written_says_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path / "s")
    (tmp_path / "mine").write_bytes(bytes(20 << 20))
    os.link(tmp_path / "mine", tmp_path / "other")
    copyfile = shutil.copyfile
    monkeypatch.setattr(shutil, "copyfile", lambda source, target: copyfile(source, "/dev/full"))
    before = threading.active_count()
    with pytest.raises(OSError, match="No space"):
        store.blobs.add_file(tmp_path / "other")
    assert threading.active_count() == before
    assert (tmp_path / "other").exists()
    assert [path for name in ("tmp", "store") for path in (tmp_path / "s" / name).iterdir()] == []


def test_a_blob_that_is_cut_while_it_is_hashed_is_damaged_and_ends_no_process(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    blob = store.blob("ab" * 32)
    blob.parent.mkdir()
    with blob.open("wb") as file:
        file.truncate(1 << 30)
    cutting = threading.Timer(0.02, os.truncate, (blob, 100))
    cutting.start()
    with pytest.raises(LcspecError, match="`file` is damaged"):
        store.blobs.need("ab" * 32, "file")
    cutting.join()


def test_what_a_zombie_left_is_swept_and_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    living = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    for process in (zombie, living):
        (store.root / "tmp" / f"{process.pid}-x").write_text("half")
    left = [item.path for item in collect(store.root, KEEP, remove=False).items if item.category == "unfinished"]
    store.sweep()
    there = [path.name for path in (store.root / "tmp").iterdir()]
    living.communicate(b"\n")
    zombie.wait()
    assert left == [f"tmp/{zombie.pid}-x"]
    assert there == [f"{living.pid}-x"]
