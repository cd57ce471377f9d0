"""The index of what each step last finished with: it grows by a line a finish, and forgives what is torn."""

from pathlib import Path

import pytest

from lcspec.run.rebuild import rebuild
from lcspec.run.store import Store
from lcspec.run.store.records import ROOM
from tests.faults.machine import key, publish


def heads(root: Path) -> dict[str, str]:
    return dict(Store.peek(root).heads.keys_by_step())


def test_a_finish_adds_a_line_and_rewrites_nothing(tmp_path: Path) -> None:
    store, path = Store.open(tmp_path), tmp_path / "heads.jsonl"
    for number in range(5):
        before = path.read_bytes() if number else b""
        store.heads.set(f"step:{number}", key(number))
        assert path.read_bytes().startswith(before)
    store.heads.set("step:0", key(9))
    store.heads.set("step:0", key(9))
    assert len(path.read_text().splitlines()) == 6
    assert heads(tmp_path) == {**{f"step:{number}": key(number) for number in range(5)}, "step:0": key(9)}


@pytest.mark.parametrize("share", [0.9, 0.75, 0.5, 0.0])
def test_a_torn_end_is_passed_over_and_the_next_line_is_whole(tmp_path: Path, share: float) -> None:
    store, path = Store.open(tmp_path), tmp_path / "heads.jsonl"
    store.heads.set("step:1", key(1))
    whole = path.stat().st_size
    store.heads.set("step:2", key(2))
    with path.open("r+b") as file:
        file.truncate(whole + int((path.stat().st_size - whole) * share))
    assert heads(tmp_path) == {"step:1": key(1)}
    Store.open(tmp_path).heads.set("step:3", key(3))
    assert heads(tmp_path) == {"step:1": key(1), "step:3": key(3)}


def test_many_finishes_of_few_steps_do_not_grow_for_ever(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    for number in range(ROOM + 200):
        store.heads.set(f"step:{number % 3}", key(number))
    assert len((tmp_path / "heads.jsonl").read_text().splitlines()) < ROOM
    assert heads(tmp_path) == {f"step:{number % 3}": key(number) for number in range(ROOM + 197, ROOM + 200)}


@pytest.mark.parametrize("how", ["gone", "torn"])
def test_a_rebuild_restores_it_from_the_ledger(tmp_path: Path, how: str) -> None:
    Store.open(tmp_path)
    for number in (1, 2, 1):
        publish(tmp_path, number)
    known = heads(tmp_path)
    path = tmp_path / "heads.jsonl"
    path.write_bytes(path.read_bytes()[:40]) if how == "torn" else path.unlink()
    assert heads(tmp_path) != known
    rebuild(tmp_path)
    assert heads(tmp_path) == known == {"step:1": key(1), "step:2": key(2)}
