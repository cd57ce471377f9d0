"""`--store` on the command line: where it comes from, what it says, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import fsspec  # noqa: F401
import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from lcspec.cli.main import group
from lcspec.run.remote.remote import blob_name
from lcspec.schema import BUILDERS
from tests.run.remote.machine import Machine, file_of, key
from tests.world import ROOT

SECRET = "hunter2"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, list(arguments))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "lcspec.toml").write_text(f'[store]\nremote = "file://{tmp_path}/remote"\n')
    for name in ("quickstart.yaml", "quickstart.lock.json"):
        (tmp_path / name).write_text((ROOT / "specs" / name).read_text())
    machine(tmp_path).finish(1)
    return tmp_path


def machine(project: Path) -> Machine:
    return Machine(project / ".lcspec", f"file://{project}/remote")


@pytest.mark.parametrize("command", ["plan", "apply", "status"])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "`nonsense` is no URL of a store"),
        ("s3://", "`s3://` names no place"),
        ("file://relative/folder", "`file://relative/folder` names no place"),
        ("https://example.org/x", "`https://` cannot be written to"),
        ("nosuch://x/y", "nothing is known of `nosuch://`"),
        (f"s3://me:{SECRET}@bucket/x", "the URL of the remote store (`s3://`) holds a name or password"),
        (f"S3://me:{SECRET}@bucket/x", "`S3://…@bucket/x` is no URL of a store"),
    ],
)
def test_what_is_no_store_is_refused_and_no_password_is_shown(project: Path, command: str, url: str, says: str) -> None:
    done = run(command, str(project / "quickstart.yaml"), "--store", url)
    assert done.exit_code == 2, done.output
    assert "LC1125" in done.output
    assert says in done.output
    assert SECRET not in done.output
    assert all(SECRET not in path.read_text(errors="ignore") for path in project.rglob("*") if path.is_file())


def test_a_missing_client_is_named_with_its_remedy(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(
        sys.modules["fsspec.registry"]._registry, "s3", raising=False
    )  # an earlier test may have loaded it
    done = run("plan", str(project / "quickstart.yaml"), "--store", "s3://bucket/x")
    assert done.exit_code == 2
    assert "pip install 'lcspec[s3]'" in done.output


def test_the_store_of_lcspec_toml_counts_unless_another_or_none_is_said(project: Path) -> None:
    spec = str(project / "quickstart.yaml")
    assert f"file://{project}/remote: 1 results; 0 of this plan are there only" in run("plan", spec).output
    assert f"remote:   file://{project}/remote: 1 results" in run("status", spec).output
    assert "results;" not in run("plan", spec, "--store", "none").output
    assert "file:///tmp/elsewhere: no store yet" in run("plan", spec, "--store", "file:///tmp/elsewhere").output
    assert not Path("/tmp/elsewhere").exists()
    assert "1 results" in run("plan", spec, "--store", "remote").output
    (project / "lcspec.toml").write_text("[run]\njobs = 2\n")
    assert "results;" not in run("plan", spec).output
    done = run("plan", spec, "--store", "remote")
    assert (done.exit_code, "names no remote store" in done.output) == (2, True)


@pytest.mark.parametrize("text", ["[store]\nremote = 3\n", '[store]\nurl = "s3://x/y"\n', "store = 1\n"])
def test_a_wrong_table_is_told(project: Path, text: str) -> None:
    (project / "lcspec.toml").write_text(text)
    done = run("plan", str(project / "quickstart.yaml"))
    assert done.exit_code == 2, done.output
    assert "LC1212" in done.output


def test_plan_with_a_remote_store_writes_nothing(project: Path) -> None:
    def state() -> set[tuple[str, int]]:
        return {(str(path), path.stat().st_mtime_ns) for path in project.rglob("*")}

    before = state()
    assert run("plan", str(project / "quickstart.yaml")).exit_code == 0
    assert state() == before


def test_verify_and_gc_look_at_the_store_that_is_named(project: Path) -> None:
    one = machine(project)
    done = run("verify", str(project), "--store", "remote", "--full")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("3 blobs (")
    one.remote.objects.replace(blob_name(file_of(one, 1)), b"content of 2")
    assert run("verify", str(project)).exit_code == 0
    assert run("verify", str(project), "--store", "remote").exit_code == 0
    done = run("verify", str(project), "--store", "remote", "--full", "--format", "json")
    assert done.exit_code == 7
    told = json.loads(done.stdout)
    Draft202012Validator(BUILDERS["verify"]()).validate(told)
    assert told["rerun"] == ["step:1"]
    done = run("verify", str(project), "--store", "remote", "--full")
    assert "rerun step:1" in done.output
    assert "LC1127" in done.output
    done = run("verify", str(project), "--store", "remote", "--full", "--repair")
    assert (done.exit_code, "repaired: uploaded `store/" in done.output) == (0, True)
    done = run("gc", str(project), "--store", "remote", "--older-than", "2 d", "--format", "json")
    assert done.exit_code == 0, done.output
    Draft202012Validator(BUILDERS["gc"]()).validate(json.loads(done.stdout))
    assert json.loads(done.stdout)["items"] == []
    assert key(1) in machine(project).records


def test_repair_fetches_from_the_store_of_lcspec_toml(project: Path) -> None:
    one = machine(project)
    blob = one.store.blob(file_of(one, 1))
    blob.chmod(0o644)
    blob.write_text("broken")
    done = run("verify", str(project), "--repair")
    assert done.exit_code == 0, done.output
    assert "from the remote store" in done.output
    assert blob.read_text() == "content of 1"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gc", "--store", "remote", "--older-than", "1 h"], "a day is the least"),
        (["gc", "--store", "none"], "names no store to free"),
        (["verify", "--store", "none"], "names no store to look at"),
        (["verify", "--full"], "a local store is always read whole"),
        (["verify", "--store", "remote", "--rebuild"], "a remote store has no ledger"),
    ],
)
def test_wrong_usage_is_told(project: Path, arguments: list[str], says: str) -> None:
    command, *more = arguments
    done = run(command, str(project), *more)
    assert done.exit_code == 2
    assert says in done.output


def test_without_a_remote_store_nothing_of_one_is_imported(project: Path) -> None:
    (project / "lcspec.toml").write_text("[run]\njobs = 2\n")
    code = (
        "import sys\nfrom lcspec.cli.main import group\n"
        f"group(['plan', {str(project / 'quickstart.yaml')!r}], standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith(('fsspec', 's3fs', 'lcspec.run.remote'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
