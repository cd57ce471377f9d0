"""Faults around whole applies: each has its exit code and names cause and step, and the next apply converges."""

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lcspec.run.ledger import Ledger
from tests.faults.project import STEPS, apply, assert_converges, lcspec, make, outputs, undisturbed
from tests.faults.store_ok import assert_store_ok
from tests.run.harness import finish, run, start, wait_for, wait_until_nothing_runs

pytestmark = pytest.mark.slow

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="LOUD: not root, so no file system can be mounted")
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
FAKED = pytest.mark.skipif(FAKETIME is None, reason="LOUD: libfaketime is not installed: no clock is set wrong")
DAYS = ("-3d", "+3d")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path / "project")


# --- the clock -------------------------------------------------------------------------------------------------------


def shifted(shift: str) -> dict[str, str]:
    """The environment of processes whose clocks are wrong, the monotonic one among them."""
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": shift}


@FAKED
@pytest.mark.parametrize("shift", DAYS)
def test_under_a_wrong_clock_the_same_is_made_and_nothing_runs_twice(project: Path, shift: str) -> None:
    told = apply(project, **shifted(shift))
    assert (told.code, told.ran) == (0, STEPS)
    assert outputs(project) == undisturbed()
    assert apply(project).ran == set()
    assert_converges(project)
    ledger = Ledger.peek(project / ".lcspec")
    assert all(seconds >= 0 for (seconds,) in ledger._rows("select seconds from attempts"))


@FAKED
@pytest.mark.parametrize("shift", DAYS)
def test_a_clock_that_jumps_between_applies_reruns_nothing(project: Path, shift: str) -> None:
    assert apply(project).ran == STEPS
    told = apply(project, **shifted(shift))
    assert (told.code, told.ran) == (0, set())
    (project / "rows.jsonl").write_text((project / "rows.jsonl").read_text().replace("t7", "u7"))
    assert apply(project, **shifted(shift)).ran >= {"fetch:data.d", "prepare:data.d"}
    assert apply(project).ran == set()
    assert_store_ok(project / ".lcspec")


@FAKED
@pytest.mark.parametrize("shift", DAYS)
def test_a_wrong_clock_does_not_open_a_held_store(tmp_path: Path, shift: str) -> None:
    process = start(tmp_path, "sleep")
    wait_for(tmp_path / "pid")
    told = run(tmp_path, "write", **shifted(shift))
    assert (told["exit_code"], told["codes"]) == (6, [(None, "LC1101")])
    process.send_signal(signal.SIGINT)
    finish(process)
    assert run(tmp_path, "write", **shifted(shift))["ran"] == 1


# --- the disk --------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(project: Path) -> Iterator[Path]:
    """The project's store on a disk of its own."""
    folder = project / ".lcspec"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False).returncode:
        pytest.skip("LOUD: this machine does not let root mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def full(folder: Path, free: int) -> Path:
    """Fills the disk but for `free` bytes."""
    space = os.statvfs(folder)
    fill = folder / "fill"
    fill.write_bytes(bytes(max(0, space.f_bavail * space.f_bsize - free)))
    return fill


@ROOT_ONLY
@pytest.mark.parametrize("free", [0, 8 << 10, 48 << 10, 128 << 10, 192 << 10])
def test_on_a_full_disk_the_cause_is_named_and_with_space_it_converges(
    project: Path, small_disk: Path, free: int
) -> None:
    assert lcspec(project, "lock", "spec.yaml").returncode == 0
    fill = full(small_disk, free)
    told = apply(project)
    assert_full(told.code, told.failed, told.stderr)
    fill.unlink()
    assert_converges(project)


def assert_full(code: int, failed: list[tuple[str | None, str, str]], stderr: str) -> None:
    """The store (LC1123, exit 7) or a step by its name (LC1214, exit 4) met the end of the disk; or it was enough."""
    if code == 0:
        assert failed == []
        return
    assert failed, stderr
    assert code == (7 if any(fault == "LC1123" for _, fault, _ in failed) else 4)
    for step, fault, message in failed:
        assert fault in ("LC1123", "LC1214"), (fault, message)
        assert step in STEPS or (step is None and fault == "LC1123")
        assert any(word in message for word in ("No space", "full", "File too large", "disk I/O")), message


@pytest.mark.parametrize("limit", [100, 2_000, 6_000, 20_000, 60_000])
def test_under_a_limit_on_the_size_of_files_the_cause_is_named_and_without_it_it_converges(
    project: Path, limit: int
) -> None:
    assert lcspec(project, "lock", "spec.yaml").returncode == 0
    told = apply(project, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert_full(told.code, told.failed, told.stderr)
    assert_converges(project)


@ROOT_ONLY
def test_a_read_only_store_is_said_to_be_one_before_any_step_and_can_be_planned_from(
    project: Path, small_disk: Path
) -> None:
    assert apply(project).ran == STEPS
    (project / "rows.jsonl").write_text((project / "rows.jsonl").read_text() * 2)
    wait_until_nothing_runs(project)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    told = apply(project)
    assert told.code == 7
    assert [(step, code) for step, code, _ in told.failed] == [(None, "LC1123")]
    assert "Read-only" in told.failed[0][2]
    planned = lcspec(project, "plan", "spec.yaml", "--all")
    assert (planned.returncode, "prepare:data.d" in planned.stdout) == (0, True)
    assert_store_ok(small_disk)
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert apply(project).ran >= {"fetch:data.d", "prepare:data.d"}
    make_rows_as_before(project)
    assert apply(project).code == 0
    assert_store_ok(small_disk)


def make_rows_as_before(project: Path) -> None:
    lines = (project / "rows.jsonl").read_text().splitlines(keepends=True)
    (project / "rows.jsonl").write_text("".join(lines[: len(lines) // 2]))


# --- the ledger ------------------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def half_a_line(path: Path) -> None:
    """What a kill leaves in the midst of an entry that was not acknowledged yet."""
    data = path.read_bytes()
    path.write_bytes(data + data.splitlines()[-1][:100])


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("ledger.db", cut),
        ("ledger.db", zero),
        ("ledger.db", Path.unlink),
        ("ledger.db-wal", cut),
        ("ledger.db-wal", torn),
        ("ledger.db-wal", Path.unlink),
        ("journal.jsonl", half_a_line),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_damaged_index_or_log_heals_in_the_next_apply_and_nothing_runs_again(
    tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    """The log is that of an apply that was killed: one that ends leaves none behind."""
    process = start(tmp_path, "write", "other", "held")
    wait_for(tmp_path / "pid")
    process.kill()
    process.wait()
    store = tmp_path / ".lcspec"
    assert (store / "ledger.db-wal").stat().st_size > 0
    damage(store / name)
    (tmp_path / "go").touch()
    told = run(tmp_path, "write", "other", "held")
    assert (told["status"], told["ran"], told["reused"]) == ("ok", 1, 2)
    assert_store_ok(store)
    assert len(Ledger.peek(store).recorded()) == 3


@pytest.mark.parametrize("damage", [cut, torn, zero, Path.unlink], ids=lambda damage: damage.__name__)
def test_a_journal_that_lost_what_its_index_has_stops_the_apply_and_is_rebuilt(
    project: Path, damage: Callable[[Path], None]
) -> None:
    assert apply(project).ran == STEPS
    damage(project / ".lcspec" / "journal.jsonl")
    (project / "rows.jsonl").write_text((project / "rows.jsonl").read_text().replace("t7", "u7"))
    told = apply(project)
    assert told.code == 7
    assert [(step, code) for step, code, _ in told.failed] == [(None, "LC1120")]
    assert lcspec(project, "verify", "--rebuild").returncode == 0
    assert apply(project).ran >= {"fetch:data.d", "prepare:data.d"}
    assert_store_ok(project / ".lcspec")


# --- checkpoints -----------------------------------------------------------------------------------------------------


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("file", ["state.bin", "checkpoint.json"])
def test_a_torn_checkpoint_is_passed_over_for_the_one_before(
    tmp_path: Path, file: str, damage: Callable[[Path], None]
) -> None:
    process = start(tmp_path, "learner")
    wait_for(tmp_path / "pid")
    process.kill()
    process.wait()
    [folder] = (tmp_path / ".lcspec" / "work").glob("*/checkpoint")
    newest, before = sorted(folder.glob("step-*"), reverse=True)[:2]
    damage(newest / file)
    (tmp_path / "go").touch()
    told = run(tmp_path, "learner")
    assert (told["status"], told["ran"]) == ("ok", 1)
    from lcspec.run.store import Store

    record = Store.peek(tmp_path / ".lcspec").heads["learner"]
    assert record.metrics == {"began": int(before.name.removeprefix("step-"))}
    assert any(newest.name in warning for warning in record.warnings)
    assert not folder.exists()
    assert_store_ok(tmp_path / ".lcspec")


# --- memory ----------------------------------------------------------------------------------------------------------


def test_a_step_that_meets_its_limit_of_memory_is_named_and_with_more_it_converges(tmp_path: Path) -> None:
    (tmp_path / "lcspec.toml").write_text('[limits]\nmemory = "120 MiB"\n')
    told = run(tmp_path, "write", "holds")
    assert told["codes"] == [("holds", "LC1206")]
    assert "its limit is 120 MiB" in told["failures"][0][2]
    (tmp_path / "lcspec.toml").write_text('[limits]\nmemory = "2 GiB"\n')
    again = run(tmp_path, "write", "holds")
    assert (again["status"], again["ran"], again["reused"]) == ("ok", 1, 1)
    assert_store_ok(tmp_path / ".lcspec")


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """The file through which a process enters a cgroup with little memory."""
    group = memory_group()
    if group is None:
        pytest.skip("LOUD: no memory cgroup is delegated to this process: the kernel's own OOM is not tried")
    try:
        yield group / "cgroup.procs"
    finally:
        for _ in range(100):
            try:
                group.rmdir()
                break
            except OSError:
                signal.sigtimedwait([], 0.1)


def memory_group() -> Path | None:
    """A new cgroup with 400 MiB and no swap, version 1 or 2; None where none can be made."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    ours = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    first = Path("/sys/fs/cgroup/memory") / ours.get("memory", "/").lstrip("/")
    second = Path("/sys/fs/cgroup") / ours.get("", "/").lstrip("/")
    for parent, name in ((first, "memory.limit_in_bytes"), (second, "memory.max")):
        group = parent / f"lcspec-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / name).write_text(str(400 << 20))
        except OSError:
            group.rmdir()
            continue
        return group
    return None


def test_a_step_that_the_kernel_ends_for_want_of_memory_is_said_to_be_so_and_with_more_it_converges(
    tmp_path: Path, small_memory: Path
) -> None:
    enter = tmp_path / "enter.sh"
    enter.write_text(f'echo $$ > {small_memory}\nexec "$@"\n')
    told = run(tmp_path, "write", "holds", through=("sh", str(enter)))
    assert told["codes"] == [("holds", "LC1206")]
    assert "the kernel ended it" in told["failures"][0][2]
    again = run(tmp_path, "write", "holds")
    assert (again["status"], again["ran"], again["reused"]) == ("ok", 1, 1)
    assert_store_ok(tmp_path / ".lcspec")
    shutil.rmtree(tmp_path / ".lcspec")
