"""Estimates from past runs: they narrow with use, scale with the size, and say what they rest on."""

import sqlite3
from contextlib import closing
from pathlib import Path

from lcspec.ir.plan import Estimate, Step
from lcspec.run.history import History, estimate_from, quantile
from lcspec.run.ledger import Ledger, Taken
from lcspec.run.store import Store

GUESS = Estimate((1.0, 500.0), 1 << 30, "formula", (10, 20), size=100)


def step(id: str, size: float = 100) -> Step:
    return Step(id, "suite.rows", "predict", 1, {}, estimate=Estimate((1.0, 500.0), 5, "formula", size=size))


def ledger(folder: Path) -> Ledger:
    Store.open(folder)
    return Ledger.open(folder)


def ran(ledger: Ledger, id: str, seconds: float, size: float = 100, status: str = "ok") -> None:
    ledger.attempt(
        1, step=id, kind="suite.rows", key="k", status=status, seconds=seconds, peak=77, size=size, disk=1000
    )


def test_an_estimate_narrows_with_each_run() -> None:
    widths = []
    for runs in (1, 2, 5, 20):
        low, high = estimate_from([Taken(50.0, 1, 100, 9)] * runs, GUESS).seconds
        assert low <= 50.0 <= high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 4


def test_a_run_of_another_size_brackets_the_time() -> None:
    low, high = estimate_from([Taken(50.0, 1, 50, 9)] * 20, GUESS).seconds  # twice as large now
    assert low <= 50.0
    assert high >= 100.0
    assert high < 110.0


def test_one_outlier_among_many_runs_does_not_decide() -> None:
    runs = [Taken(50.0, 1, 100, 9)] * 19 + [Taken(5000.0, 1, 100, 9)]
    assert estimate_from(runs, GUESS).seconds[1] < 60


def test_disk_and_memory_fall_back_to_the_guess_where_runs_do_not_tell() -> None:
    made = estimate_from([Taken(1.0, 0, 0, 0)], GUESS)
    assert (made.disk, made.memory, made.runs, made.basis) == ((10, 20), 1 << 30, 1, "history")


def test_a_step_that_never_ran_takes_from_its_kind_and_says_so(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    ran(book, "predict:a", 40.0)
    ran(book, "score:a", 0.1)
    ran(book, "predict:b", 900.0, status="failed")
    made = History(Ledger.peek(tmp_path)).estimate(step("predict:new"))
    assert made is not None
    assert (made.runs, made.like, made.memory, made.disk) == (1, True, 77, (1000, 1000))
    own = History(Ledger.peek(tmp_path)).estimate(step("predict:a"))
    assert own is not None
    assert own.like is False


def test_steps_whose_size_is_unknown_are_not_compared_with_others(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    ran(book, "predict:a", 40.0)
    assert History(Ledger.peek(tmp_path)).estimate(step("predict:new", size=0)) is None


def test_an_index_without_its_tables_tells_nothing(tmp_path: Path) -> None:
    Store.open(tmp_path)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as strange:
        strange.execute("create table attempts (run, step)")
    assert History(Ledger.peek(tmp_path)).estimate(step("predict:a")) is None


def test_quantiles_lie_between_neighbours() -> None:
    assert [quantile([1, 2, 3, 4, 5], share) for share in (0, 0.5, 1)] == [1, 3, 5]
    assert quantile([0, 10], 0.1) == 1
