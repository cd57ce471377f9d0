"""`verify` and `gc` on the command line: output, exit codes, and what they say where there is nothing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from lcspec.cli.main import group
from lcspec.ir.record import StepRecord
from lcspec.run.ledger import Ledger
from lcspec.run.store import Store
from lcspec.schema import BUILDERS


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, list(arguments))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "lcspec.toml").touch()
    root = tmp_path / ".lcspec"
    store, ledger = Store.open(root), Ledger.open(root)
    number = ledger.start_run("spec", "d", [])
    folder = store.work("x")
    folder.mkdir()
    (folder / "file.txt").write_text("hello")
    record = store.publish(StepRecord("ab" * 32, "step:one", "k/a", {}, {}), {"out": folder})
    ledger.attempt(number, step=record.step, kind="k", key=record.key, status="ok", seconds=1.0, peak=1, record=record)
    ledger.close()
    return tmp_path


def damage(project: Path) -> None:
    store = Store.peek(project / ".lcspec")
    blob = store.blob(store.tree(store.records["ab" * 32].outputs["out"])["file.txt"]["sha256"])
    blob.chmod(0o644)
    blob.write_text("hellp")


def test_verify_says_what_it_read(project: Path) -> None:
    done = run("verify", str(project))
    assert done.exit_code == 0, done.output
    assert done.output.startswith("2 blobs (")
    assert "all is as it was written" in done.output


def test_verify_names_fault_file_and_step_and_exits_7(project: Path) -> None:
    damage(project)
    done = run("verify", str(project))
    assert done.exit_code == 7
    assert "`file.txt` is not what it was  (rerun step:one)" in done.output
    assert "LC1104" in done.output


def test_verify_json_fits_its_schema(project: Path) -> None:
    damage(project)
    done = run("verify", str(project), "--format", "json")
    assert done.exit_code == 7
    told = json.loads(done.stdout)
    Draft202012Validator(BUILDERS["verify"]()).validate(told)
    assert told["rerun"] == ["step:one"]


def test_verify_repair_then_all_is_well(project: Path) -> None:
    damage(project)
    done = run("verify", str(project), "--repair")
    assert done.exit_code == 0, done.output
    assert "repaired: set `records/ab/" in done.output
    assert "ab" * 32 not in Store.peek(project / ".lcspec").records


def test_verify_rebuild_makes_the_ledger_anew(project: Path) -> None:
    (project / ".lcspec" / "journal.jsonl").unlink()
    assert run("verify", str(project)).exit_code == 7
    done = run("verify", str(project), "--rebuild")
    assert done.exit_code == 0, done.output
    assert "repaired: rebuilt the ledger: 2 entries" in done.output


@pytest.mark.parametrize("command", ["verify"])
def test_without_a_store_there_is_nothing_to_do(tmp_path: Path, command: str) -> None:
    (tmp_path / "lcspec.toml").touch()
    done = run(command, str(tmp_path))
    assert done.exit_code == 2
    assert "there is no store" in done.output


@pytest.mark.parametrize("command", ["verify"])
def test_while_an_apply_runs_nothing_is_repaired(project: Path, command: str) -> None:
    from lcspec.run.lock import StoreLock

    with StoreLock.acquire(project / ".lcspec"):
        done = run(command, str(project), "--repair")
    assert done.exit_code == 6
    assert "LC1101" in done.output
    assert run("verify", str(project)).exit_code == 0
