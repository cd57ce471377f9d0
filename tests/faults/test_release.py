"""Every apply looks at what its release is made of, also one that runs nothing: what is damaged is made again."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lcspec.run.store import Store
from tests.faults.store_ok import assert_store_ok
from tests.run.harness import environment

pytestmark = pytest.mark.slow


def apply(folder: Path, *remote: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.faults.release_to_run", str(folder), *remote]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("what", "damage"),
    [("large.bin", flip), ("large.bin", Path.unlink), ("small.txt", cut), ("small.txt", flip), ("tree", flip)],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_an_idle_apply_notices_a_damaged_release_and_makes_it_again(
    tmp_path: Path, what: str, damage: Callable[[Path], None]
) -> None:
    first = apply(tmp_path)
    assert (first["exit_code"], first["ran"], first["release"]) == (0, ["write", "large"], 1)
    assert (apply(tmp_path)["ran"], apply(tmp_path)["read"]) == ([], 3)
    store = Store.peek(tmp_path / ".lcspec")
    tree = store.heads["large"].outputs["out"]
    damage(store.blob(tree if what == "tree" else store.tree(tree)[what]["blake3"]))
    told = apply(tmp_path)
    assert (told["exit_code"], told["ran"], told["release"]) == (0, ["large"], 1)
    [(code, message, help)] = told["warnings"]
    assert (code, "`large` runs again" in help) == ("LC1104", True)
    assert (what if what != "tree" else tree[:12]) in message
    assert_store_ok(tmp_path / ".lcspec")
    assert apply(tmp_path)["ran"] == []


def test_a_damaged_input_of_a_step_is_named_set_aside_and_made_again_by_the_next_apply(tmp_path: Path) -> None:
    apply(tmp_path)
    store = Store.peek(tmp_path / ".lcspec")
    write, large = store.heads["write"], store.heads["large"]
    flip(store.blob(store.tree(write.outputs["out"])["answer.json"]["blake3"]))
    (tmp_path / ".lcspec" / "records" / large.key[:2] / f"{large.key}.json").unlink()
    told = apply(tmp_path)
    assert told["exit_code"] == 7
    assert [(step, code) for step, code, _ in told["failures"]] == [("large", "LC1104")]
    again = apply(tmp_path)
    assert (again["exit_code"], again["ran"], again["release"]) == (0, ["write", "large"], 1)
    assert_store_ok(tmp_path / ".lcspec")
