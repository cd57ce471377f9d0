"""Which confinement is taken, what is told of it, and what a step says of a function that does not do its work."""

import hashlib
from pathlib import Path
from typing import Any, NoReturn

import pytest

from lcspec import customcode
from lcspec.confine import bubble
from lcspec.confine.process import LEVELS, Confined, Dead
from lcspec.confine.settings import CodeSettings
from lcspec.diag.model import LcspecError
from lcspec.ir.scored import Scored
from lcspec.run.settings import read_settings
from tests.confine.boxes import levels
from tests.faults import project as faults
from tests.lmeval import project as tasks

BROKEN = "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n"
BOXED = levels("bubblewrap")[0].marks
LANDED = levels("landlock")[0].marks


class Step:
    """The world of a step, as far as a function needs it."""

    seed = 3

    def __init__(self, root: Path, code: str, settings: CodeSettings) -> None:
        self.root, self.code = root, settings
        (root / "in").mkdir(exist_ok=True)
        (root / "in" / "m.py").write_text(code)
        self.params: dict[str, Any] = {"capabilities": {"python:m.py": [hashlib.sha256(code.encode()).hexdigest()]}}
        self.measured: dict[str, Any] = {}
        self.warnings: list[str] = []

    def input(self, name: str) -> Path:
        return self.root / "in"

    def measure(self, name: str, value: Any) -> None:
        self.measured[name] = value

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def fail(self, message: str, *, help: str, code: str = "") -> NoReturn:
        raise Failed(code, message, help)


class Failed(Exception):
    """How a step ended."""


def row(number: int = 0) -> Scored:
    return Scored(id=str(number), row={}, target="a", answer="a b c")


def ask(folder: Path, code: str, *, rows: int = 1, **settings: Any) -> tuple[list[Any], Step]:
    io: Any = Step(folder, code, CodeSettings(**settings))
    with customcode.opened(io, "code.m", "m.py", "f") as asked:
        return asked.many([row(n) for n in range(rows)], [f"row {n + 1}" for n in range(rows)]), io


def path_with(folder: Path, monkeypatch: pytest.MonkeyPatch, bwrap: str | None) -> None:
    """A PATH with no `bwrap`, or with this one."""
    (folder / "bin").mkdir()
    if bwrap is not None:
        (folder / "bin" / "bwrap").write_text(bwrap)
        (folder / "bin" / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"))


ONE = "def f(row):\n    return len(row['answer'].split())\n"


@pytest.mark.skipif(bool(BOXED), reason="LOUD: no bubblewrap here")
def test_the_strongest_is_taken_and_measured(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    values, io = ask(tmp_path, ONE, rows=3)
    assert values == [3, 3, 3]
    assert io.measured["confinement:m.py:f"].startswith("bubblewrap")
    assert io.warnings == []
    assert "lcspec: `f` of `m.py` is confined by bubblewrap" in capfd.readouterr().err


@pytest.mark.skipif(bool(LANDED), reason="LOUD: no Landlock here")
@pytest.mark.parametrize(
    ("bwrap", "why"), [(None, "there is no `bwrap`"), (BROKEN, "No permissions"), ("#!/bin/sh\nsleep 60\n", "")]
)
def test_a_bubblewrap_that_does_not_start_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], bwrap: str | None, why: str
) -> None:
    monkeypatch.setattr("lcspec.confine.process.STARTS_WITHIN", 2.0)
    path_with(tmp_path, monkeypatch, bwrap)
    _, io = ask(tmp_path, ONE)
    assert io.measured["confinement:m.py:f"].startswith("landlock")
    assert why in capfd.readouterr().err
    with pytest.raises(Failed) as caught:
        ask(tmp_path, ONE, confine="sandbox")
    assert caught.value.args[0] == "LC1239"
    assert why in caught.value.args[1]


def test_the_hook_alone_is_warned_of_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customcode, "LEVELS", LEVELS[2:])
    values, io = ask(tmp_path, ONE)
    assert values == [3]
    assert io.measured["confinement:m.py:f"].startswith("audit-hook")
    assert "WITHOUT A SANDBOX" in io.warnings[0]


@pytest.mark.skipif(bool(BOXED), reason="LOUD: no bubblewrap here")
def test_a_bubblewrap_of_former_years_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = bubble.bubblewrap()
    old = f'#!/bin/sh\n[ "$1" = --help ] && exit 0\nfor one; do [ "$one" = --size ] && exit 1; done\nexec {real} "$@"\n'
    path_with(tmp_path, monkeypatch, old)
    code = "import ctypes\ndef f(row):\n    return ctypes.CDLL(None).unshare(0x10000000)\n"
    values, io = ask(tmp_path, code, confine="sandbox")
    assert values == [-1]
    assert io.measured["confinement:m.py:f"].startswith("bubblewrap")


@pytest.mark.parametrize("answer", ["[1e999]", "[NaN]", "[[1]]", "[1,2]", "[]", "{}", "7", "[1" + "0" * 400 + "]", "["])
def test_a_forged_answer_is_no_number_either(tmp_path: Path, answer: str) -> None:
    code = f"""
import os, time
def f(row):
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b'{answer}\\n')
        except OSError:
            pass
    time.sleep(60)
"""
    with pytest.raises(Failed) as caught:
        ask(tmp_path, code)
    assert caught.value.args[0] == "LC1236"


def test_none_at_all_is_no_process(tmp_path: Path) -> None:
    with pytest.raises(Dead):
        Confined([tmp_path], 1 << 30, [])


@pytest.mark.parametrize(
    ("code", "settings", "words", "helped"),
    [
        ("import time\ndef f(row):\n    time.sleep(60)\n", {"time": 0.5}, "within 0.5 s, on row 1", "`time`"),
        ("def f(row):\n    return len(bytearray(1 << 30))\n", {"memory": 1 << 29}, "MemoryError", "`memory`"),
        ("import os\ndef f(row):\n    os._exit(3)\n", {}, "on row 1: it ended itself, with exit code 3", "logs"),
        ("def f(row):\n    return 10 ** 400\n", {}, "returned `1000", "finite"),
        (
            "class Odd(Exception):\n    def __str__(self):\n        return 1\ndef f(row):\n    raise Odd\n",
            {},
            "Odd",
            "",
        ),
        ("def f(row):\n    raise ValueError('a\\x1b[2J\\nb')\n", {}, "ValueError: a [2J b, on row 1", "logs"),
        ("def f(row):\n    return 1 if row['id'] == '0' else 'no'\n", {}, "`'no'` for row 2", "finite"),
        ("def f(row):\n    raise SystemExit(0)\n", {}, "SystemExit: 0", ""),
        ("raise SystemExit(0)\n", {}, "`m.py` cannot be run: SystemExit: 0", ""),
        ("import os\nos._exit(0)\n", {}, "it ended itself, with exit code 0", ""),
    ],
)
def test_a_function_that_does_not_do_its_work_ends_the_step(
    tmp_path: Path, code: str, settings: dict[str, Any], words: str, helped: str
) -> None:
    with pytest.raises(Failed) as caught:
        ask(tmp_path, code, rows=2 if "row 2" in words else 1, **settings)
    told, message, help = caught.value.args
    assert told == "LC1236"
    assert words in message
    assert helped in help
    assert message.isprintable()


def test_the_settings_say_what_it_may_take(tmp_path: Path) -> None:
    assert read_settings(tmp_path).code.settings() == CodeSettings()
    (tmp_path / "lcspec.toml").write_text('[code]\nconfine = "sandbox"\nmemory = "1 GiB"\ntime = "2 min"\n')
    assert read_settings(tmp_path).code.settings() == CodeSettings("sandbox", 1 << 30, 120.0)
    (tmp_path / "lcspec.toml").write_text('[code]\nconfine = "strong"\n')
    with pytest.raises(LcspecError, match="confine"):
        read_settings(tmp_path)


METRIC = faults.SPEC.replace("metrics: [accuracy]", "metrics: [accuracy, brevity]").replace(
    "  gates:", "  metrics: {brevity: {kind: python, path: m.py, function: f}}\n  gates:"
)


def test_an_apply_without_the_sandbox_that_is_demanded_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(ONE.encode()).hexdigest()
    folder = faults.make(tmp_path / "p", METRIC + f"allow: {{own: {{kind: python, path: m.py, sha256: {digest}}}}}\n")
    (folder / "m.py").write_text(ONE)
    (folder / "lcspec.toml").write_text('[code]\nconfine = "sandbox"\n')
    path_with(tmp_path, monkeypatch, BROKEN)
    told = faults.apply(folder, "--target", "score:*")
    assert told.code == 2, told
    assert told.ran == set()
    assert [code for _, code, _ in told.failed] == ["LC1239"]
    assert "No permissions" in told.failed[0][2]
    assert "`score:" in told.failed[0][2]
    told = faults.apply(folder)  # nothing of it runs code of the project's own
    assert (told.code, told.ran) == (0, faults.STEPS)


TASKS = """
lcspec: 1
name: one
scope: {task: generation}
models: {m: {kind: folder, path: model}}
prompts: {plain: {format: text, user: "{{ text }}"}}
evaluation:
  suites: {own: {kind: lm-eval, tasks: [tasks/colours.yaml], limit: 4}}
  gates: {some: {metric: own.acc, at-least: 0}}
ALLOW
"""


def test_functions_that_run_beside_the_model_are_refused_before_anything_runs(tmp_path: Path) -> None:
    folder = faults.make(tmp_path / "p")
    tasks.make(folder, TASKS, colours=tasks.CHOICES + "process_docs: !function helpers.shout\n")
    (folder / "lcspec.toml").write_text('[code]\nconfine = "sandbox"\n')
    told = faults.apply(folder, "--target", "*")
    assert told.code == 2, told
    assert told.ran == set()
    assert [code for _, code, _ in told.failed] == ["LC1239"]
    assert "beside the model" in told.failed[0][2]
