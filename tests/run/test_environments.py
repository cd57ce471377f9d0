"""Steps with libraries of their own: locked, built once of wheels, found again, built again when damaged."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from lcspec.diag.model import LcspecError
from lcspec.environments import FOLDER, MANIFEST, ensure, pinned, whole
from lcspec.run import processes
from lcspec.run.garbage import Keep
from lcspec.run.gc import collect
from lcspec.run.ledger import Ledger
from lcspec.run.repair import repair
from lcspec.run.store import Store
from lcspec.run.verify import verify

PIN = "PyYAML==0.1"
STEP = "convert:models.m"
SPEC = """
lcspec: 1
name: own
scope: {task: generation}
data:
  rows: {kind: jsonl, path: rows.jsonl, columns: {input: text, target: answer}, split: {validation: 4, test: 4}}
models: {m: {kind: conflicted}}
prompts: {p: {user: "{{ text }}"}}
evaluation:
  suites: {s: {data: rows, metrics: [exact-match]}}
  gates: {g: {metric: s.exact-match, at-least: 0.5}}
"""
KIND = '''
"""A model of a library that conflicts with lcspec's."""

from typing import Literal

from lcspec.kinds.api import Body, Environment, Kind, Lowered, Output, Step, option


class ConflictedBody(Body):
    role: Literal["generator"] = option("generator", doc="What it is for.", key=False)
    license: str | None = option(None, doc="Licence.", key=False)


def lower(ctx, entry):
    step = Step(id=f"convert:models.{entry.name}", kind=entry.kind_id, action="convert", version=1, params={},
                source=entry.path)
    return Lowered((step,), {"model": Output(step.id, "model")})


def convert(io):
    import importlib.util
    import json
    import os
    import subprocess
    import sys

    import tiny_dep
    import yaml

    child = [sys.executable, "-c", "import yaml; print(yaml.__version__)"]
    told = {
        "yaml": yaml.__version__,
        "dep": tiny_dep.VALUE,
        "child": subprocess.run(child, capture_output=True, text=True, check=True).stdout.strip(),
        "ours": [name for name in ("click", "pydantic", "torch", "numpy") if importlib.util.find_spec(name)],
        "prefix": sys.prefix,
        "secrets": sorted(name for name in os.environ if "CANARY" in name or name == "LCSPEC_JOB"),
        "pid": os.getpid(),
    }
    io.progress(1, 2)
    (io.output("model") / "told.json").write_text(json.dumps(told))


KIND = Kind(family="model", name="conflicted", version=1, body=ConflictedBody, lower=lower, summary="test",
            example="{kind: conflicted}", actions=("convert",),
            environment=Environment(requirements=("PyYAML==0.1",), actions=("convert",)))
'''


def write_wheel(folder: Path, name: str, version: str, module: str, text: str, needs: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(module, text)
        requires = f"Requires-Dist: {needs}\n" if needs else ""
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")
        about = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", about)
        archive.writestr(f"{info}/RECORD", f"{module},,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def write_yaml(index: Path, extra: str = "") -> Path:
    return write_wheel(index, "PyYAML", "0.1", "yaml.py", f"__version__ = '0.1'\n{extra}", "tiny-dep>=1")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_yaml(tmp_path / "index")
    write_wheel(tmp_path / "index", "tiny_dep", "1.5", "tiny_dep/__init__.py", "VALUE = 1.5\n")
    rows = "".join(json.dumps({"text": f"{n}", "answer": f"a{n}"}) + "\n" for n in range(40))
    (tmp_path / "rows.jsonl").write_text(rows)
    (tmp_path / "own.yaml").write_text(SPEC)
    plugin = tmp_path / "plugin"
    (plugin / "conflicted-1.dist-info").mkdir(parents=True)
    (plugin / "conflicted_kind.py").write_text(KIND)
    (plugin / "conflicted-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: conflicted\nVersion: 1\n")
    points = "[lcspec.kinds]\nmodel.conflicted = conflicted_kind\n"
    (plugin / "conflicted-1.dist-info" / "entry_points.txt").write_text(points)
    return tmp_path


def arguments(project: Path, *more: str) -> dict[str, Any]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PIP_") and k != "CI"}
    kept |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(project / "index"), "PIP_CONFIG_FILE": os.devnull}
    kept |= {"PYTHONPATH": os.pathsep.join([str(project / "plugin"), *sys.path]), "CANARY": "x"}
    return {"args": [sys.executable, "-m", "lcspec", *more], "cwd": project, "env": kept, "text": True}


def lcspec(project: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(**arguments(project, *more), capture_output=True, check=False)


def apply(project: Path) -> subprocess.CompletedProcess[str]:
    return lcspec(project, "apply", "own.yaml", "--target", STEP)


def told(project: Path) -> dict[str, Any]:
    store = Store.peek(project / ".lcspec")
    for key in store.records:
        if store.records[key].step == STEP:
            made: dict[str, Any] = store.read_json(store.records[key].outputs["model"], "told.json")
            return made
    raise AssertionError("the step has no record")


def built(project: Path) -> list[Path]:
    return sorted(path for path in (project / ".lcspec" / FOLDER).iterdir() if path.is_dir())


def test_a_step_runs_with_its_own_libraries_and_nothing_else(project: Path) -> None:
    assert yaml.__version__ != "0.1"
    done = apply(project)
    assert done.returncode == 0, done.stdout + done.stderr
    made = told(project)
    assert (made["yaml"], made["dep"], made["child"]) == ("0.1", 1.5, "0.1")
    assert (made["ours"], made["secrets"]) == ([], [])
    (folder,) = built(project)
    assert made["prefix"] == str(folder)
    assert verify(project / ".lcspec").findings == []
    # found again, by content: neither the index nor pip takes part any more
    before = folder.stat().st_ino
    shutil.rmtree(project / "index")
    shutil.rmtree(project / ".lcspec" / "records")
    shutil.rmtree(project / ".lcspec" / "releases", ignore_errors=True)
    assert apply(project).returncode == 0
    assert [path.stat().st_ino for path in built(project)] == [before]


def test_the_lock_holds_every_wheel_and_the_plan_shows_the_build(project: Path) -> None:
    fresh = lcspec(project, "plan", "own.yaml")
    assert "build:environments.model.conflicted" in fresh.stdout
    assert lcspec(project, "lock", "own.yaml").returncode == 0
    pin = json.loads((project / "own.lock.json").read_text())["sources"][f"environment:{PIN}"]
    assert sorted(pin["wheels"]) == ["PyYAML-0.1-py3-none-any.whl", "tiny_dep-1.5-py3-none-any.whl"]
    steps = {s["id"]: s for s in json.loads(lcspec(project, "plan", "own.yaml", "--format", "json").stdout)["steps"]}
    assert steps["build:environments.model.conflicted"]["estimate"]["seconds"][1] > 0
    assert steps[STEP]["inputs"]["environment"] == "build:environments.model.conflicted#wheels"


def test_another_wheel_under_the_locked_name_is_refused(project: Path) -> None:
    assert lcspec(project, "lock", "own.yaml").returncode == 0
    shutil.rmtree(project / ".lcspec", ignore_errors=True)
    write_yaml(project / "index", "# another\n")
    done = apply(project)
    assert done.returncode == 4
    assert "LC1004" in done.stdout + done.stderr
    assert not (project / ".lcspec" / FOLDER).exists()


def test_a_wheel_that_is_gone_is_told(project: Path) -> None:
    next((project / "index").glob("tiny_dep*")).unlink()
    done = lcspec(project, "lock", "own.yaml")
    assert done.returncode != 0
    assert "LC1005" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", ["cut", pytest.param("gone", marks=pytest.mark.slow), pytest.param("no list", marks=pytest.mark.slow)]
)
def test_a_damaged_environment_is_built_again(project: Path, damage: str) -> None:
    assert apply(project).returncode == 0
    (folder,) = built(project)
    file = next(folder.rglob("yaml.py"))
    if damage == "cut":
        file.write_text("")
    elif damage == "gone":
        file.unlink()
    else:
        (folder / MANIFEST).unlink()
    assert not whole(folder)
    forget(project)
    assert apply(project).returncode == 0
    assert told(project)["yaml"] == "0.1"
    assert verify(project / ".lcspec").findings == []


@pytest.mark.slow
def test_a_wheel_damaged_in_the_cache_is_fetched_anew(project: Path) -> None:
    assert lcspec(project, "lock", "own.yaml").returncode == 0
    for path in (project / ".lcspec" / "cache" / "downloads").glob("*.whl"):
        path.write_bytes(b"no wheel")
    done = apply(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert told(project)["dep"] == 1.5


def test_a_wheel_that_cannot_be_installed_is_told(project: Path) -> None:
    wheel = next((project / "index").glob("tiny_dep*"))
    wheel.rename(wheel.with_name("tiny_dep-1.5-py2-none-any.whl"))
    root = project / "store"
    (root / "tmp").mkdir(parents=True)
    with pytest.raises(LcspecError) as refused:
        ensure(root, {"tiny_dep-1.5-py2-none-any.whl": "0" * 64}, project / "index")
    assert refused.value.diagnostics[0].code == "LC1012"
    assert list((root / "tmp").iterdir()) == []
    assert [path.suffix for path in (root / FOLDER).iterdir()] == [".lock"]


def forget(project: Path) -> None:
    """The step's record is lost, so that it runs again; that of the build stays."""
    for path in (project / ".lcspec" / "records").glob("*/*.json"):
        if json.loads(path.read_text())["step"] == STEP:
            path.unlink()


@pytest.mark.slow
def test_verify_finds_what_was_altered_and_repair_lets_it_be_built_again(project: Path) -> None:
    assert apply(project).returncode == 0
    (folder,) = built(project)
    file = next(folder.rglob("yaml.py"))
    file.write_text("__version__ = '6.6'\n"[: file.stat().st_size].ljust(file.stat().st_size))
    (folder / "more.py").write_text("")
    report = verify(project / ".lcspec")
    assert {(one.fault, one.what) for one in report.findings} == {("altered", "environment"), ("extra", "environment")}
    assert repair(Store.open(project / ".lcspec"), report).findings == []
    assert built(project) == []
    forget(project)
    assert apply(project).returncode == 0
    assert len(built(project)) == 1


@pytest.mark.slow
def test_gc_keeps_what_a_record_names_and_removes_it_with_that(project: Path) -> None:
    assert apply(project).returncode == 0
    root = project / ".lcspec"
    Ledger.open(root).close()
    keep = Keep(frozenset(), frozenset(Store.peek(root).records), 0, 0.0)
    assert collect(root, keep, remove=True).categories()["environments"] == (0, 0)
    assert len(built(project)) == 1
    gone = collect(root, Keep(frozenset(), frozenset(), 0, 0.0), remove=True).categories()["environments"]
    assert gone[0] >= 1
    assert gone[1] > 0
    assert built(project) == []


@pytest.mark.slow
@pytest.mark.parametrize("builder", ["the step that fetches", "the step that needs it"])
def test_a_build_that_is_killed_midway_leaves_nothing_and_the_next_apply_converges(project: Path, builder: str) -> None:
    assert lcspec(project, "lock", "own.yaml").returncode == 0
    if builder == "the step that needs it":
        assert apply(project).returncode == 0
        forget(project)
        shutil.rmtree(project / ".lcspec" / FOLDER)
    running = arguments(project, "apply", "own.yaml", "--target", STEP)
    process = subprocess.Popen(**running, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    root, deadline = project / ".lcspec", time.monotonic() + 60
    while not list((root / "tmp").glob("*-environment-*/lib")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while processes.marked(root):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not (root / FOLDER).exists() or built(project) == []
    done = apply(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert told(project)["yaml"] == "0.1"
    assert list((root / "tmp").iterdir()) == []
    assert verify(root).findings == []


def test_names_of_wheels_say_what_they_hold() -> None:
    assert pinned("torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl") == "torch==2.13.0+cpu"
    assert pinned("ml_dtypes-0.6.0-1-cp311-cp311-linux_x86_64.whl") == "ml-dtypes==0.6.0"
    with pytest.raises(ValueError, match="not the name"):
        pinned("setup.py")
