"""The plan that is kept true while steps finish is, after each of them, the plan that is made anew."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from lcspec import api
from lcspec.compile.facts import Facts
from lcspec.compile.planner import Planning, plan_steps
from lcspec.ir.plan import Graph, Output, Selection, Step
from lcspec.ir.record import StepRecord
from lcspec.lock import Lock
from tests.world import QUICKSTART, World, learns


def run_beside(world: World, accuracy: Callable[[str], float], last: bool, again: frozenset[str] = frozenset()) -> int:
    """Runs the world by a kept plan and compares it with a new one after each step; how many ran."""
    loaded, facts = world.load(), world.facts()
    graph, _ = api.lower_loaded(loaded, facts)
    planning = Planning(graph, loaded.lock, facts, Selection(replace=again))
    planned, ran = {one.step.id: one for one in planning.steps()}, 0
    decided = {made.choice for made in planning.decided()}
    while ready := [one for one in planned.values() if one.action == "run" and one.key]:
        one = ready[-1 if last else 0]
        world.finish(one, accuracy)
        again -= {one.step.id}
        changed = planning.finished(one.key or "", one.step.id)
        planned |= {new.step.id: new for new in changed}
        decided |= {made.choice for made in planning.decided()}
        anew, chooser = plan_steps(graph, loaded.lock, facts, Selection(replace=again))
        assert [told(new) for new in planning.steps()] == [told(new) for new in anew]
        assert {key: (new.action, new.key) for key, new in planned.items()} == {
            new.step.id: (new.action, new.key) for new in anew
        }
        assert decided == chooser.decisions().keys()
        ran += 1
    return ran


def told(planned: object) -> tuple[object, ...]:
    return tuple(getattr(planned, name) for name in ("action", "key", "reason", "moved", "inputs"))


@pytest.mark.parametrize(
    ("accuracy", "last"),
    [
        (learns, False),
        (learns, True),
        (lambda step: 0.97, False),
        (lambda step: 0.3, True),
        (lambda step: 0.5 if ".test:" in step else learns(step), False),
    ],
    ids=["learns", "learns, last first", "first rung", "nothing passes", "fails on test"],
)
def test_a_kept_plan_is_the_plan_made_anew(tmp_path: Path, accuracy: Callable[[str], float], last: bool) -> None:
    assert run_beside(World(tmp_path), accuracy, last) > 10


@pytest.mark.parametrize(
    "change", [("rank: 8", "rank: 16"), ("seed: 7", "seed: 8"), ("at-least: 0.88", "at-least: 0.1")]
)
def test_a_kept_plan_of_an_edited_spec_is_the_plan_made_anew(tmp_path: Path, change: tuple[str, str]) -> None:
    world = World(tmp_path)
    world.run(learns)
    world.write(QUICKSTART.replace(*change))
    run_beside(world, learns, last=False)


def test_a_step_that_is_to_run_again_runs_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(learns)
    again = frozenset({"prepare:data.reuters", "train:rung-1.winner/lora"})
    assert run_beside(world, learns, last=False, again=again) == 2


class Counted(Mapping[str, StepRecord]):
    """Records that count how often one is looked for."""

    def __init__(self) -> None:
        self.made: dict[str, StepRecord] = {}
        self.asked = 0

    def __getitem__(self, key: str) -> StepRecord:
        self.asked += 1
        return self.made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.made)

    def __len__(self) -> int:
        return len(self.made)


@pytest.mark.parametrize("chained", [False, True])
def test_a_run_asks_for_each_record_a_few_times_however_many_steps_there_are(chained: bool) -> None:
    count, records = 300, Counted()
    steps = tuple(
        Step(
            id=f"s{number}",
            kind="k.k",
            action="a",
            version=1,
            params={"number": number},
            inputs={"in": Output(f"s{number - 1}", "out")} if chained and number else {},
        )
        for number in range(count)
    )
    planning = Planning(Graph(steps, {}, (), (), ("", "")), Lock(), Facts(records=records))
    ready = [one for one in planning.steps() if one.key]
    while ready:
        one = ready.pop()
        key = one.key or ""
        records.made[key] = StepRecord(key, one.step.id, "k", {}, {"out": key})
        ready += [new for new in planning.finished(key, one.step.id) if new.action == "run" and new.key]
    assert {one.action for one in planning.steps()} == {"reuse"}
    assert records.asked <= 2 * count
