"""`--target`, `--exclude`, `--replace`: which steps they mean, and what a plan makes of them."""

from pathlib import Path

import pytest

from lcspec.compile.select import Wish, needed_by, select
from lcspec.diag.model import LcspecError
from tests.world import World, learns

SCORE = "score:topics.validation:smollm2/few-shot"
TRAIN = "train:rung-1.winner/lora"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def only(world: World, **wish: tuple[str, ...]) -> set[str]:
    graph = world.plan().graph
    chosen = select(graph, Wish(**wish)).only
    return {step.id for step in graph.steps} if chosen is None else set(chosen)


def test_a_target_pulls_in_what_it_needs_and_nothing_else(world: World) -> None:
    assert only(world, target=(SCORE,)) == {
        SCORE,
        "predict:topics.validation:smollm2/few-shot",
        "resolve:prompts.few-shot",
        "prepare:data.reuters",
        "fetch:data.reuters",
        "convert:models.smollm2",
        "fetch:models.smollm2",
    }


def test_a_target_behind_a_choice_pulls_in_all_that_decides_it(world: World) -> None:
    wished = only(world, target=(TRAIN,))
    assert {"score:topics.validation:smollm2/zero-shot", SCORE, "resolve:prompts.zero-shot"} < wished
    assert not any(step.startswith(("optimize:", "generate:")) or ".test:" in step for step in wished)


def test_a_target_at_the_end_needs_everything_before_it(world: World) -> None:
    assert only(world, target=("contract:targets.api",)) == {step.step.id for step in world.plan().steps}


def test_an_exclusion_drops_what_needs_it(world: World) -> None:
    ids = {step.step.id for step in world.plan().steps}
    dropped = ids - only(world, exclude=("optimize:finalist/int4",))
    assert {
        "optimize:finalist/int4",
        "predict:topics.validation:finalist/int4",
        "score:topics.validation:finalist/int4",
        "compare:int4-keeps:validation:finalist/int4",
        "predict:topics.test:release",
        "generate:targets.api",
    } < dropped
    assert "score:topics.validation:finalist/int8" not in dropped


def test_patterns_name_many_steps_and_exclusion_wins_over_what_a_target_pulls_in(world: World) -> None:
    assert only(world, target=("resolve:*",)) == {
        "resolve:prompts.few-shot",
        "resolve:prompts.zero-shot",
        "prepare:data.reuters",
        "fetch:data.reuters",
    }
    wished = only(world, target=("resolve:*",), exclude=("score:*zero-shot",))
    assert "resolve:prompts.zero-shot" in wished


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish(target=("train:rung-1.winner/lor",)), "did you mean `train:rung-1.winner/lora`?"),
        (Wish(exclude=("zzz*",)), "there is no step `zzz*`"),
        (Wish(replace=("",)), "there is no step ``"),
        (Wish(target=(SCORE,), exclude=("fetch:data.reuters",)), "wished by --target and left out at once"),
        (Wish(target=("resolve:*",), replace=(TRAIN,)), "wished by --replace and left out at once"),
    ],
)
def test_a_wrong_wish_is_told(world: World, wish: Wish, words: str) -> None:
    with pytest.raises(LcspecError) as caught:
        select(world.plan().graph, wish)
    told = "; ".join(f"{found.code} {found.message} {found.help}" for found in caught.value.diagnostics)
    assert (caught.value.exit_code, "LC1109" in told, words in told) == (2, True, True)


def test_every_wrong_name_is_told_at_once(world: World) -> None:
    with pytest.raises(LcspecError) as caught:
        select(world.plan().graph, Wish(("a",), ("b",), ("c",)))
    assert len(caught.value.diagnostics) == 3


def test_needs_cover_every_input_and_stay_inside_the_graph(world: World) -> None:
    graph = world.plan().graph
    needs = needed_by(graph)
    ids = {step.id for step in graph.steps}
    assert set(needs) == ids
    assert all(needed <= ids and step not in needed for step, needed in needs.items())


def test_what_is_left_out_does_not_run_and_what_is_done_is_still_used(world: World) -> None:
    actions = {step.step.id: step.action for step in world.plan(Wish(target=(SCORE,))).steps}
    assert actions[SCORE] == "run" or actions[SCORE] == "conditional"
    assert actions["score:topics.validation:smollm2/zero-shot"] == "left-out"
    assert actions[TRAIN] == "left-out"
    world.run(learns)
    assert {step.action for step in world.plan(Wish(target=(SCORE,))).steps} == {"reuse"}


def test_replace_runs_again_and_what_follows_waits_for_the_outcome(world: World) -> None:
    world.run(learns)
    plan = world.plan(Wish(replace=(TRAIN,)))
    actions = {step.step.id: (step.action, step.cause) for step in plan.steps}
    assert actions[TRAIN] == ("run", "requested")
    assert actions["predict:topics.validation:rung-1.winner/lora"][0] == "reuse-if-unchanged"
    assert actions["prepare:data.reuters"][0] == "reuse"
    key = next(step.key for step in plan.steps if step.step.id == TRAIN)
    assert key == world.heads[TRAIN].key
