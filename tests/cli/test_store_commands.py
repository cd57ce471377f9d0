"""`verify` and `gc` on the command line: output, exit codes, and what they say where there is nothing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from lcspec.cli.main import group, main
from lcspec.ir.record import StepRecord
from lcspec.run.ledger import Ledger
from lcspec.run.store import Store
from lcspec.schema import BUILDERS
from tests.cli.test_bad_input import GOOD, SPEC


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
    blob = store.blob(store.tree(store.records["ab" * 32].outputs["out"])["file.txt"]["blake3"])
    blob.chmod(0o644)
    blob.write_text("hellp")


READERS = ("plan", "apply", "status", "verify", "gc", "gc --yes", "report", "serve", "release list", "release show")


@pytest.mark.parametrize("command", READERS)
def test_every_command_refuses_a_store_of_an_older_format(
    project: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = project / "spec.yaml"
    spec.write_text(SPEC)
    (project / "rows.jsonl").write_text(GOOD)
    (project / "model").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (project / "model" / name).write_text("{}")
    (project / ".lcspec" / "store.json").write_text('{"format_version": 2}')
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    where = {"v": [str(project)], "g": [str(project)], "rel": ["--spec", str(spec)]}
    named = next((where[start] for start in where if command.startswith(start)), [str(spec)])
    monkeypatch.setattr("sys.argv", ["lcspec", *command.split(), *named])
    with pytest.raises(SystemExit) as ended:
        main()
    told = "".join(capsys.readouterr())
    assert (ended.value.code, "LC1122" in told) == (7, True), told
    assert "the store `.lcspec` has format 2; lcspec" in told
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


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


@pytest.mark.parametrize("command", ["verify", "gc"])
def test_without_a_store_there_is_nothing_to_do(tmp_path: Path, command: str) -> None:
    (tmp_path / "lcspec.toml").touch()
    done = run(command, str(tmp_path))
    assert done.exit_code == 2
    assert "there is no store" in done.output


def test_while_an_apply_runs_nothing_is_repaired(project: Path) -> None:
    from lcspec.run.lock import StoreLock

    with StoreLock.acquire(project / ".lcspec"):
        done = run("verify", str(project), "--repair")
    assert done.exit_code == 6
    assert "LC1101" in done.output
    assert run("verify", str(project)).exit_code == 0


def test_gc_says_what_it_would_free_and_frees_it_when_told(project: Path) -> None:
    said = run("gc", str(project), "--keep-runs", "0", "--older-than", "0 s")
    assert said.exit_code == 0, said.output
    assert "1 " in said.output
    assert "nothing was removed: `lcspec gc --yes` does it" in said.output
    done = run("gc", str(project), "--keep-runs", "0", "--older-than", "0 s", "--yes", "--format", "json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    Draft202012Validator(BUILDERS["gc"]()).validate(told)
    assert told["removed"]
    assert {name: one["count"] for name, one in told["categories"].items() if one["count"]} == {
        "records": 1,
        "blobs": 2,
        "work": 1,
    }
    assert dict(Store.peek(project / ".lcspec").records) == {}
    assert run("verify", str(project)).exit_code == 0


def test_gc_keeps_what_a_saved_plan_names(project: Path) -> None:
    plan = {"choices": [], "steps": [{"id": "step:one", "key": "ab" * 32}]}
    (project / "reviewed.json").write_text(json.dumps(plan))
    assert run("gc", str(project), "--keep-runs", "0", "--older-than", "0 s", "--yes").exit_code == 0
    assert "ab" * 32 in Store.peek(project / ".lcspec").records


def test_gc_keeps_everything_when_a_spec_cannot_be_planned(project: Path) -> None:
    (project / "broken.yaml").write_text("lcspec: 1\nname: broken\nscope: {task: nonsense}\n")
    done = run("gc", str(project), "--keep-runs", "0", "--older-than", "0 s", "--yes")
    assert "`broken.yaml` cannot be planned" in done.output
    assert "ab" * 32 in Store.peek(project / ".lcspec").records


def test_gc_refuses_a_time_without_a_unit(project: Path) -> None:
    done = run("gc", str(project), "--older-than", "7")
    assert done.exit_code == 2
    assert "say `12 h` or `7 d`" in done.output
