"""Files inside wheels: downloaded by pip's own configuration, pinned, verified, never installed."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SPEC = """
lcspec: 1
name: wheels
scope: {task: classification, labels: [a, b]}
data:
  rows:
    kind: jsonl
    from: {kind: pypi, package: some-data, version: "1.0"}
    path: some_data/rows.jsonl
    columns: {input: text, target: label}
    split: {validation: 2, test: 2}
models: {m: {kind: folder, path: model}}
prompts: {p: {user: "{{ text }}"}}
evaluation: {suites: {s: {data: rows, metrics: [accuracy]}}, gates: {g: {metric: s.accuracy, at-least: 0.5}}}
"""
ROWS = "".join(json.dumps({"text": f"x{n}", "label": "ab"[n % 2]}) + "\n" for n in range(8))


def write_wheel(folder: Path, rows: str = ROWS) -> Path:
    """A wheel whose import would leave a trace, with one data file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "some_data-1.0-py3-none-any.whl"
    info = "some_data-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("some_data/__init__.py", "open('/tmp/imported', 'w')\nraise SystemExit('imported')\n")
        archive.writestr("some_data/rows.jsonl", rows)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: some-data\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_wheel(tmp_path / "index")
    (tmp_path / "wheels.yaml").write_text(SPEC)
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "model").mkdir(exist_ok=True)
        (tmp_path / "model" / name).write_text("{}")
    return tmp_path


def lcspec(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_") and k != "CI"}
    environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(project / "index"), "PIP_CONFIG_FILE": os.devnull}
    command = [sys.executable, "-m", "lcspec", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_locking_pins_the_wheel_and_the_member(project: Path) -> None:
    done = lcspec(project, "lock", "wheels.yaml")
    assert done.returncode == 0, done.stderr
    pin = json.loads((project / "wheels.lock.json").read_text())["sources"]["pypi:some-data==1.0"]
    wheel = project / "index" / "some_data-1.0-py3-none-any.whl"
    assert pin == {"wheels": [sha256(wheel.read_bytes())], "members": {"some_data/rows.jsonl": sha256(ROWS.encode())}}


@pytest.mark.slow
def test_a_wheel_with_another_digest_is_refused_and_nothing_is_kept(project: Path) -> None:
    assert lcspec(project, "lock", "wheels.yaml").returncode == 0
    for cached in (project / ".lcspec" / "cache" / "downloads").glob("*.whl"):
        cached.unlink()
    write_wheel(project / "index", ROWS.replace("x1", "evil"))
    done = lcspec(project, "apply", "wheels.yaml")
    assert done.returncode == 4
    assert "LC1004" in done.stderr
    assert "fetch:data.rows" in done.stderr
    kept = [json.loads(path.read_text())["step"] for path in (project / ".lcspec").glob("records/*/*.json")]
    assert "fetch:data.rows" not in kept


@pytest.mark.slow
def test_a_member_with_another_digest_is_refused(project: Path) -> None:
    assert lcspec(project, "lock", "wheels.yaml").returncode == 0
    lock = json.loads((project / "wheels.lock.json").read_text())
    lock["sources"]["pypi:some-data==1.0"]["members"]["some_data/rows.jsonl"] = "0" * 64
    (project / "wheels.lock.json").write_text(json.dumps(lock))
    done = lcspec(project, "apply", "wheels.yaml")
    assert done.returncode == 4
    assert "LC1004" in done.stderr


def test_a_file_that_the_wheel_lacks_is_named_with_the_nearest(project: Path) -> None:
    (project / "wheels.yaml").write_text(SPEC.replace("some_data/rows.jsonl", "data/rows.jsonl"))
    done = lcspec(project, "lock", "wheels.yaml")
    assert done.returncode == 1
    assert "LC1005" in done.stderr
    assert "some_data/rows.jsonl" in done.stderr
    assert not (project / "wheels.lock.json").exists()


def test_a_package_that_is_not_there_is_a_diagnostic(project: Path) -> None:
    (project / "wheels.yaml").write_text(SPEC.replace("some-data", "no-such-data"))
    done = lcspec(project, "lock", "wheels.yaml")
    assert done.returncode == 4
    assert "LC1005" in done.stderr


@pytest.mark.slow
def test_apply_without_a_lock_writes_one_and_locked_refuses(project: Path) -> None:
    assert lcspec(project, "apply", "wheels.yaml", "--locked").returncode == 1
    assert not (project / "wheels.lock.json").exists()
    done = lcspec(project, "apply", "wheels.yaml", "--keep-going")  # past the model, whose files are no model
    assert done.returncode == 4
    assert (project / "wheels.lock.json").exists()
    steps = {json.loads(path.read_text())["step"] for path in (project / ".lcspec").glob("records/*/*.json")}
    assert "prepare:data.rows" in steps
