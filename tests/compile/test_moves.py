"""`moved`: renamed entries keep their results, reasons, histories and evidence."""

from pathlib import Path
from typing import Any

import pytest

from lcspec import api
from lcspec.compile.facts import Facts
from lcspec.compile.moves import Moves, moved_evidence, moved_facts, moved_models, named
from lcspec.ir.plan import Estimate, Step
from lcspec.ir.spec import Move
from tests.world import QUICKSTART, World, learns

RENAMED = (
    QUICKSTART.replace("smollm2:  ", "small:  ")
    .replace("reuters:  ", "news:  ")
    .replace("reuters.train", "news.train")
    .replace("data: reuters", "data: news")
    .replace("few-shot", "shown")
    .replace("lora: {kind", "adapt: {kind")
    .replace("tuning: lora}", "tuning: adapt}")
)
PAIRS = (
    ("models.smollm2", "models.small"),
    ("data.reuters", "data.news"),
    ("prompts.few-shot", "prompts.shown"),
    ("tuning.lora", "tuning.adapt"),
)


def moved(*pairs: tuple[str, str]) -> str:
    return "moved:\n" + "".join(f"  - {{from: {old}, to: {new}}}\n" for old, new in pairs)


def moves(*pairs: tuple[str, str]) -> Moves:
    return Moves([Move(from_=old, to=new) for old, new in pairs])


def codes(folder: Path, text: str) -> list[str]:
    World(folder, text)
    return [found.code for found in api.load(folder / "spec.yaml").diagnostics if found.severity == "error"]


def test_renaming_a_model_data_prompt_and_recipe_runs_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(learns)
    world.write(RENAMED + moved(*PAIRS))
    plan = world.plan()
    assert {step.action for step in plan.steps} == {"reuse"}
    by_id = {step.step.id: step.moved_from for step in plan.steps}
    assert by_id["train:rung-1.winner/adapt"] == "train:rung-1.winner/lora"
    assert by_id["predict:topics.validation:small/shown"] == "predict:topics.validation:smollm2/few-shot"
    assert by_id["prepare:data.news"] == "prepare:data.reuters"
    assert by_id["optimize:finalist/int8"] is None
    assert plan.moves == PAIRS


def test_reasons_after_a_rename_say_what_changed_and_without_a_move_they_cannot(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(learns)
    changed = RENAMED.replace("rank: 8", "rank: 16")
    for text, cause in ((changed + moved(*PAIRS), "changed"), (changed, "first")):
        world.write(text)
        step = next(step for step in world.plan().steps if step.step.id == "train:rung-1.winner/adapt")
        assert (step.action, step.cause) == ("run", cause)
        assert [name for name, _, _ in step.moved] == (["params.rank"] if cause == "changed" else [])


@pytest.mark.parametrize(
    ("step", "former"),
    [
        ("convert:models.c", ["convert:models.b", "convert:models.a"]),
        ("predict:s.test:c/p/-/r", ["predict:s.test:b/p/-/r", "predict:s.test:a/p/-/r"]),
        ("compare:int9-keeps:validation:finalist/int9", ["compare:int8-keeps:validation:finalist/int8"]),
        ("score:quiz.validation:release", ["score:topics.validation:release"]),
        ("train:rung-1.winner/c.rank-8", []),
        ("resolve:prompts.c", []),
    ],
)
def test_an_id_is_taken_back_through_every_move(step: str, former: list[str]) -> None:
    known = moves(
        ("models.b", "models.c"),
        ("models.a", "models.b"),
        ("deployment.optimize.int8", "deployment.optimize.int9"),
        ("evaluation.suites.topics", "evaluation.suites.quiz"),
    )
    assert list(known.former(step)) == former


def test_history_and_facts_and_evidence_follow_a_rename(tmp_path: Path) -> None:
    known = moves(("models.a", "models.b"), ("evaluation.suites.s", "evaluation.suites.t"))

    def history(step: Step) -> Estimate | None:
        return Estimate((1.0, 2.0), 3, "history", runs=4) if step.id == "convert:models.a" else None

    spec: Any = World(tmp_path, RENAMED + moved(*PAIRS)).load().spec
    assert moved_facts(Facts(), spec).former("prepare:data.news") == ("prepare:data.reuters",)
    from lcspec.compile.moves import moved_history

    found = moved_history(history, known)(Step("convert:models.b", "model.folder", "convert", 1, {}))
    assert found is not None
    assert found.runs == 4
    assert moved_models({"a": {"parameters": 7}}, [Move(from_="models.a", to="models.b")])["b"] == {"parameters": 7}
    evidence = moved_evidence({"s.test": "1", "model": "2"}, known, ["t"])
    assert evidence == {"s.test": "1", "t.test": "1", "model": "2"}


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([("prompts.old", "prompts.few-sho")], "LC0250"),
        ([("prompts.zero-shot", "prompts.few-shot")], "LC0251"),
        ([("prompts.a", "prompts.b"), ("prompts.b", "prompts.a")], "LC0252"),
        ([("prompts.a", "prompts.few-shot"), ("prompts.b", "prompts.few-shot")], "LC0252"),
        ([("prompts.a", "prompts.few-shot"), ("prompts.a", "prompts.zero-shot")], "LC0252"),
        ([("prompts.a", "prompts.a")], "LC0252"),
        ([("few", "prompts.few-shot")], "LC0253"),
        ([("models.few", "prompts.few-shot")], "LC0253"),
    ],
)
def test_a_wrong_move_is_one_error(tmp_path: Path, pairs: list[tuple[str, str]], code: str) -> None:
    assert codes(tmp_path, QUICKSTART + moved(*pairs)) == [code]


def test_moves_may_follow_each_other(tmp_path: Path) -> None:
    chain = [("prompts.a", "prompts.b"), ("prompts.b", "prompts.few-shot")]
    assert codes(tmp_path, QUICKSTART + moved(*chain)) == []


def test_names_with_dots_keep_their_section() -> None:
    assert named("tuning.lora.rank-8") == ("tuning", "lora.rank-8")
    assert named("evaluation.suites.topics") == ("suite", "topics")
    assert named("models.") is None
    assert named("ladder.x") is None
