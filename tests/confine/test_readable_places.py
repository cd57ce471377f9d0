"""What a confined function can import and read: what is installed, wherever that lies, and nothing of the project."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lcspec.confine import places
from tests.confine.boxes import Box, levels


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path)
    yield made
    for child in made.opened:
        child.end()


def package(folder: Path, name: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text("VALUE = 4\n")


IMPORT = "def f(name):\n    return __import__(name).VALUE\n"


@pytest.mark.parametrize("level", levels())
def test_it_imports_what_is_installed(box: Box, level: str) -> None:
    code = "import numpy, yaml\ndef f(_):\n    return numpy.ones(3).sum()\n"
    assert box.ask(level, code) == 3.0


@pytest.mark.parametrize("level", levels())
def test_an_environment_in_the_project_and_editable_installs_are_there(
    box: Box, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = box.project / ".venv" / "lib" / "site-packages"
    package(installed, "in_the_environment")
    package(box.folder / "elsewhere" / "src", "editable")
    package(box.project / "src", "of_the_project")
    (installed / "e.pth").write_text(f"# comment\n{box.folder}/elsewhere/src\n{box.project}/src\nimport os\n")
    monkeypatch.setattr(sys, "path", [str(box.project), *sys.path, str(installed)])
    child = box.start(level, IMPORT)
    for name, found in (("in_the_environment", True), ("editable", True), ("of_the_project", False), ("helper", False)):
        answer = child.ask([name], 30)
        if found:
            assert answer == [4], (name, answer)
        else:
            assert answer["raised"].startswith("ModuleNotFoundError"), (name, answer)
            assert answer["absent"] == name


@pytest.mark.parametrize("level", levels())
def test_a_path_that_it_adds_itself_leads_nowhere(box: Box, level: str) -> None:
    code = "import sys\ndef f(path):\n    sys.path.insert(0, path)\n    return __import__('helper').VALUE\n"
    assert box.ask(level, code, str(box.project)).startswith(("ModuleNotFoundError", "PermissionError"))


def test_a_project_inside_a_folder_of_the_system_is_left_out_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, project = tmp_path / "usr", tmp_path / "usr" / "src" / "app"
    for folder in (project, system / "lib", system / "src" / "other"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(places, "SYSTEM", (str(system),))
    found = {path for path in places.readable([project]) if path.startswith(str(tmp_path))}
    assert found == {str(system / "lib"), str(system / "src" / "other")}


def test_an_environment_made_in_the_very_folder_of_the_project_does_not_open_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bin", "lib", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "spec.yaml").touch()
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    found = {path for path in places.readable([tmp_path]) if path.startswith(str(tmp_path))}
    assert found == {str(tmp_path / "bin"), str(tmp_path / "lib")}


@pytest.mark.parametrize("level", levels())
def test_sets_and_seeds_are_the_same_every_time(box: Box, level: str) -> None:
    code = "import random\ndef f(_):\n    return hash('a') % 1000 + random.random()\n"
    assert len({box.ask(level, code) for _ in range(2)}) == 1


@pytest.mark.parametrize("level", levels())
def test_its_environment_is_a_list(box: Box, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:canary@index")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"relative{os.pathsep}/opt/lib")
    code = "def f(names):\n    return len(set(os.environ) - set(names))\n"
    known = ["PATH", "LANG", "HOME", "TMPDIR", "TZ", "LCSPEC_STORE", "PYTHONHASHSEED", "PYTHONSAFEPATH", "LC_CTYPE"]
    known += ["PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PWD"]
    known += ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TOKENIZERS_PARALLELISM", "HF_HUB_OFFLINE"]
    assert box.ask(level, code, [*known, "LD_LIBRARY_PATH"]) == 0
    assert box.ask(level, "def f(_):\n    return os.environ['LD_LIBRARY_PATH'] == '/opt/lib'\n") is True
