"""The dry run: what would run and why, under records that are made up and keys that are not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lcspec.ir.record import StepRecord
from tests.world import QUICKSTART, ROOT, World, learns


def test_a_fresh_spec_runs_its_first_rung_and_the_rest_is_conditional(tmp_path: Path) -> None:
    actions = World(tmp_path).actions()
    assert actions["predict:topics.validation:smollm2/few-shot"] == "run"
    assert actions["train:rung-1.winner/lora"] == "conditional"
    assert actions["contract:targets.api"] == "conditional"


def test_after_a_run_everything_is_reused(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(learns)
    assert set(world.actions().values()) == {"reuse"}
    plan = world.plan()
    assert plan.decisions["rung-1"].passed is False
    assert plan.decisions["release"].winner in ("finalist/int8", "finalist/int4")


def test_a_rung_that_passes_ends_the_climb(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(lambda step: 0.97)
    actions = world.actions()
    assert actions["train:rung-1.winner/lora"] == "skip"
    assert actions["contract:targets.api"] == "reuse"
    assert world.plan().decisions["finalist"].winner == "smollm2/zero-shot"


def test_a_failed_ladder_releases_nothing_and_never_looks_at_test(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(lambda step: 0.3)
    assert not any(".test:" in step for step in world.heads)
    assert world.plan().decisions["finalist"].winner is None
    assert world.actions()["contract:targets.api"] == "skip"


def test_a_failed_test_gate_stops_before_optimising(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(lambda step: 0.5 if ".test:" in step else learns(step))
    assert world.actions()["optimize:finalist/int8"] == "skip"
    assert world.plan().decisions["release"].winner is None


def test_a_threshold_moves_no_key_and_can_change_the_outcome(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(learns)
    keys = {step.step.id: step.key for step in world.plan().steps}
    world.write(QUICKSTART.replace("at-least: 0.88", "at-least: 0.99"))
    plan = world.plan()
    assert [step.step.id for step in plan.steps if step.action == "run"] == []
    assert plan.decisions["rung-2"].passed is False
    assert all(step.key in (None, keys[step.step.id]) for step in plan.steps)


@pytest.mark.parametrize(
    "change",
    [
        ("# cheapest first; stop at the first rung that passes", "# another comment"),
        ("description: Names the topic", "description: Finds the topic"),
        ("license: research use (Reuters-21578)", "license: unknown"),
        ("confidence: 0.95", "confidence: 0.9"),
    ],
    ids=["comment", "description", "licence", "confidence"],
)
def test_what_changes_no_result_moves_no_key(tmp_path: Path, change: tuple[str, str]) -> None:
    world = World(tmp_path)
    world.run(learns)
    world.write(QUICKSTART.replace(*change))
    assert set(world.actions().values()) == {"reuse"}


@pytest.mark.parametrize(
    ("change", "field", "first"),
    [
        (("rank: 8", "rank: 16"), "rank", "train:rung-1.winner/lora"),
        (("rows: 600", "rows: 601"), "rows", "train:rung-1.winner/lora"),
        (("seed: 7", "seed: 8"), "split.seed", "prepare:data.reuters"),
        (("bits: 4", "bits: 4, group: 64"), "group", "optimize:finalist/int4"),
        (("port: 8000", "port: 8080"), "settings.port", "generate:targets.api"),
        (("test: 500", "test: 400"), "limit", "predict:topics.test:finalist"),
        (("select: per-label", "select: random"), "shots.select", "resolve:prompts.few-shot"),
    ],
)
def test_a_field_that_matters_moves_its_step_with_old_and_new(
    tmp_path: Path, change: tuple[str, str], field: str, first: str
) -> None:
    world = World(tmp_path)
    world.run(learns)
    world.write(QUICKSTART.replace(*change))
    moved = [step for step in world.plan().steps if step.action not in ("reuse", "skip")]
    assert moved[0].step.id == first
    assert moved[0].action == "run"
    assert moved[0].moved[0][0] == f"params.{field}"
    assert field.split(".")[-1] in moved[0].reason


def test_what_waits_for_a_rerun_is_reused_if_that_comes_out_unchanged(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(learns)
    world.write(QUICKSTART.replace("select: per-label", "select: random"))
    actions = world.actions()
    assert actions["resolve:prompts.few-shot"] == "run"
    assert actions["predict:topics.validation:smollm2/few-shot"] == "reuse-if-unchanged"
    assert actions["predict:topics.validation:smollm2/zero-shot"] == "reuse"


def test_an_upstream_rerun_with_the_same_content_stops_there(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(learns)
    before = dict(world.heads)
    world.write(QUICKSTART.replace("select: per-label", "select: random"))
    step = next(s for s in world.plan().steps if s.action == "run")
    same = before["resolve:prompts.few-shot"].outputs
    world.records[step.key or ""] = StepRecord(step.key or "", step.step.id, step.step.kind, step.parts or {}, same)
    assert set(world.actions().values()) == {"reuse"}


def test_without_a_lock_keys_are_unknown(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "spec.lock.json").unlink()
    plan = world.plan()
    assert {step.key for step in plan.steps} == {None}
    assert "unknown until locked" in {step.reason for step in plan.steps}


def test_plan_bytes_do_not_depend_on_hash_seed_or_folder(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    for name in ("quickstart.yaml", "quickstart.lock.json"):
        (tmp_path / "specs" / name).write_text((ROOT / "specs" / name).read_text())
    told = set()
    for seed in ("0", "1", "77"):
        command = [sys.executable, "-m", "lcspec", "plan", "specs/quickstart.yaml", "--format", "json"]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        told.add(subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True).stdout)
    assert len(told) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["specs"]
