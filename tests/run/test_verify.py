"""Verify finds every fault, names the steps that mend it, and repair makes the next apply rerun just those."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from lcspec.ir.record import StepRecord
from lcspec.run.findings import Report
from lcspec.run.ledger import Ledger
from lcspec.run.lock import StoreLock
from lcspec.run.release import Releases
from lcspec.run.repair import repair, set_aside
from lcspec.run.store import Damaged, Store
from lcspec.run.verify import verify
from tests.faults.store_ok import assert_store_ok

STEPS = 4


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four steps of two files, one file shared by all; a release of the first step, promoted."""
    root = tmp_path_factory.mktemp("made") / "store"
    store, ledger = Store.open(root), Ledger.open(root)
    run = ledger.start_run("spec", "d", [])
    records = [publish(store, ledger, run, number) for number in range(STEPS)]
    ledger.finish_run(run, "ok")
    ledger.close()
    release(root, records[0])
    Releases.local(root, "spec").promote(1)
    assert_store_ok(root)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "store")


def publish(store: Store, ledger: Ledger, run: int, number: int) -> StepRecord:
    folder = store.work(str(number))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own.txt").write_text(f"step {number} " * 20)
    (folder / "shared.txt").write_text("shared")
    record = StepRecord(f"{number:064x}", f"step:{number}", "k/a", {}, {}, measured={"seconds": 1.0})
    record = store.publish(record, {"out": folder})
    ledger.attempt(run, step=record.step, kind="k", key=record.key, status="ok", seconds=1.0, peak=1, record=record)
    return record


def release(root: Path, record: StepRecord) -> None:
    parts = {"model": record.outputs["out"]}
    Releases.local(root, "spec").make(
        candidate="c", parts=parts, evidence={}, verdicts=[], spec_sha256="0" * 64, lock_sha256="0" * 64, looks=0
    )


def flip(path: Path, place: float = 0.5) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    rewrite(path, bytes(data))


def rewrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def blobs(root: Path) -> list[Path]:
    return sorted(path for path in (root / "store").rglob("*") if path.is_file())


def blob(root: Path, step: int, name: str) -> Path:
    store = Store.peek(root)
    return store.blob(store.tree(store.records[f"{step:064x}"].outputs["out"])[name]["blake3"])


def found(report: Report) -> list[tuple[str, str]]:
    return [(one.fault, one.path) for one in report.findings]


@pytest.mark.parametrize(
    ("fault", "damage"),
    [
        ("altered", flip),
        ("altered", lambda path: flip(path, 0.0)),
        ("altered", lambda path: flip(path, 1.0)),
        ("altered", lambda path: rewrite(path, path.read_bytes()[:-1])),
        ("altered", lambda path: rewrite(path, b"")),
        ("altered", lambda path: rewrite(path, path.read_bytes() + b"more")),
        ("missing", lambda path: path.unlink()),
    ],
)
def test_each_damaged_blob_is_found(root: Path, fault: str, damage: Callable[[Path], None]) -> None:
    everything = blobs(root)
    assert len(everything) == 2 * STEPS + 1  # own file and list of files of each step, and the shared file
    for path in everything:
        data = path.read_bytes()
        damage(path)
        report = verify(root)
        assert found(report) == [(fault, path.relative_to(root).as_posix())]
        assert report.rerun
        path.unlink(missing_ok=True)
        path.write_bytes(data)
    assert_store_ok(root)


def test_swapped_blobs_are_both_found_with_their_steps(root: Path) -> None:
    one, two = blob(root, 1, "own.txt"), blob(root, 2, "own.txt")
    first = one.read_bytes()
    rewrite(one, two.read_bytes())
    rewrite(two, first)
    assert verify(root).rerun == ["step:1", "step:2"]


def test_a_shared_blob_names_every_step_and_release_that_needs_it(root: Path) -> None:
    flip(blob(root, 0, "shared.txt"))
    (finding,) = verify(root).findings
    assert finding.steps == tuple(f"step:{number}" for number in range(STEPS))
    assert finding.releases == ("spec 1",)
    assert "shared.txt" in finding.message


def test_a_flip_anywhere_in_a_record_a_release_or_the_journal_is_found(root: Path) -> None:
    paths = [*(root / "records").rglob("*.json"), *(root / "releases").rglob("*.json"), root / "journal.jsonl"]
    assert len(paths) == STEPS + 3
    for path in paths:
        data = path.read_bytes()
        for place in range(0, 100, 4):
            flip(path, place / 100)
            assert found(verify(root)) == [("altered", path.relative_to(root).as_posix())]
            path.write_bytes(data)
    assert_store_ok(root)


def test_each_deleted_record_and_release_is_found(root: Path) -> None:
    paths = [*(root / "records").rglob("*.json"), *(root / "releases").rglob("*.json")]
    for path in paths:
        data = path.read_bytes()
        path.unlink()
        assert found(verify(root)) == [("missing", path.relative_to(root).as_posix())]
        path.write_bytes(data)
    assert len(paths) == STEPS + 2


@pytest.mark.parametrize(
    "name",
    [
        "store/ab/note.txt",
        "store/extra",
        "store/zz/" + "0" * 64,
        "store/ab/" + "cd" * 32,
        "records/notes.json",
        "records/ab/x.json",
        "records/ab/" + "ab" * 32,
        "releases/spec/7.json",
        "releases/readme",
    ],
)
def test_extra_files_are_found_and_set_aside(root: Path, name: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("extra")
    (finding,) = verify(root).findings
    assert name.startswith(finding.path)
    report = mended(root)
    assert report.findings == []
    assert [path.read_text() for path in (root / "aside").rglob("*") if path.is_file()] == ["extra"]


def test_a_record_copied_over_another_is_found(root: Path) -> None:
    one, two = sorted((root / "records").rglob("*.json"))[:2]
    shutil.copy(one, two)
    assert found(verify(root)) == [("altered", two.relative_to(root).as_posix())]


def test_a_damaged_index_is_found(root: Path) -> None:
    for damage in (
        lambda path: rewrite(path, b""),
        lambda path: rewrite(path, bytes(4096)),
        lambda path: path.unlink(),
    ):
        kept = (root / "ledger.db").read_bytes()
        damage(root / "ledger.db")
        assert [(one.what, one.path) for one in verify(root).findings] == [("ledger", "ledger.db")]
        (root / "ledger.db").write_bytes(kept)


def test_a_row_of_the_index_that_was_edited_is_found(root: Path) -> None:
    import sqlite3

    with sqlite3.connect(root / "ledger.db") as database:
        database.execute("update attempts set seconds=9 where step='step:2'")
    (finding,) = verify(root).findings
    assert "attempts" in finding.message


def test_repair_makes_just_the_damaged_steps_rerun(root: Path) -> None:
    flip(blob(root, 1, "own.txt"))
    blob(root, 2, "own.txt").unlink()
    before = {key: record.outputs for key, record in Store.peek(root).records.items()}
    assert verify(root).rerun == ["step:1", "step:2"]
    assert mended(root).findings == []
    left = Store.peek(root).records
    assert sorted(left[key].step for key in left) == ["step:0", "step:3"]
    store, ledger = Store.open(root), Ledger.open(root)
    for number in (1, 2):
        publish(store, ledger, 1, number)
    assert {key: record.outputs for key, record in Store.peek(root).records.items()} == before
    ledger.close()
    assert_store_ok(root)


def test_repair_of_a_damaged_record_and_a_lost_one(root: Path) -> None:
    one, two = sorted((root / "records").rglob("*.json"))[:2]
    flip(one)
    two.unlink()
    assert mended(root).findings == []
    assert len(Store.peek(root).records) == STEPS - 2


def test_a_damaged_blob_of_a_release_stays_a_fault_until_its_step_ran_again(root: Path) -> None:
    flip(blob(root, 0, "own.txt"))
    report = mended(root)
    assert [(one.fault, one.releases) for one in report.findings] == [("missing", ("spec 1",))]
    with StoreLock.acquire(root):
        publish(Store.open(root), Ledger.open(root), 1, 0)
    assert_store_ok(root)


def test_damage_met_in_use_sets_the_steps_aside_that_make_it_again(root: Path) -> None:
    path = blob(root, 3, "own.txt")
    flip(path)
    store, ledger = Store.open(root), Ledger.open(root)
    store.blobs.aside = lambda digest: set_aside(store, ledger, digest)
    with pytest.raises(Damaged, match=r"own\.txt") as caught:
        store.materialize(store.records[f"{3:064x}"].outputs["out"], root / "work" / "in")
    assert "it reruns `step:3`" in caught.value.diagnostics[0].help
    ledger.close()
    assert_store_ok(root)
    assert f"{3:064x}" not in Store.peek(root).records


def test_what_a_kill_leaves_is_a_note_and_no_fault(root: Path) -> None:
    folder = root / "work" / "x"
    folder.mkdir(parents=True)
    (folder / "file.txt").write_text("published, and killed before the ledger's row")
    Store.open(root).publish(StepRecord("ef" * 32, "late", "k/a", {}, {}), {"out": folder})
    (root / "tmp" / "99999999-aa").write_text("half")
    report = verify(root)
    assert report.findings == []
    assert len(report.notes) == 2


def test_the_report_is_plain_data(root: Path) -> None:
    flip(blob(root, 1, "own.txt"))
    told = json.loads(json.dumps(verify(root).to_json()))
    assert (told["ok"], told["rerun"]) == (False, ["step:1"])


def mended(root: Path) -> Report:
    store = Store.open(root)
    with StoreLock.acquire(root):
        return repair(store, verify(root))


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_a_record_that_was_made_again_stays_when_the_journal_forgets_it(tmp_path: Path, share: float) -> None:
    """The index knows of the second record; by the journal alone it would count as altered, and be set aside."""
    store = Store.open(tmp_path)
    with closing(Ledger.open(tmp_path)) as ledger:
        run = ledger.start_run("spec", "digest", [])
        first = publish(store, ledger, run, 1)
        ledger.append("removed", {"keys": [first.key], "files": [], "why": "gc"})
        (tmp_path / "records" / first.key[:2] / f"{first.key}.json").unlink()
        store.records.forget(first.key)
        folder = store.work("again")
        folder.mkdir()
        (folder / "own.txt").write_text("step 1 " * 20)
        (folder / "shared.txt").write_text("shared")
        second = store.publish(replace(first, outputs={}, finished="2026-01-01T00:00:00+00:00"), {"out": folder})
        ledger.attempt(run, step="step:1", kind="k", key=second.key, status="ok", seconds=1, peak=1, record=second)
    journal = tmp_path / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: 1 + int(share * (len(lines) - 1))]))
    report = verify(tmp_path)
    assert {finding.path for finding in report.findings} == {"journal.jsonl"}
    with StoreLock.acquire(tmp_path):
        assert repair(Store.open(tmp_path), report).findings == []
    assert Store.peek(tmp_path).records[first.key] == second
    assert_store_ok(tmp_path)
