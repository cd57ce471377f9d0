"""`why`: the nearest record, the fields that moved with their lines, and the root of what moved."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lcspec import plans
from lcspec.cli.planview.style import painter
from lcspec.cli.planview.text import places
from lcspec.cli.why import why_lines
from lcspec.compile.why import NOT_YET, Why
from lcspec.diag.model import LcspecError
from lcspec.schema import BUILDERS
from tests.world import QUICKSTART, World, learns

TRAIN = "train:rung-1.winner/lora"
VALIDATE = Draft202012Validator(BUILDERS["why"]()).validate


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.run(learns)
    return made


def ask(world: World, step: str) -> tuple[Why, str]:
    loaded = world.load()
    why, plan = plans.why(loaded, step, world.facts())
    VALIDATE(json.loads(json.dumps(plans.why_json(loaded, why, plan))))
    text = "\n".join(why_lines(why, places(loaded, plan), painter(False), 120, everything=False))
    return why, text.replace(f"{world.folder}/", "")


def test_a_finished_step_would_be_reused_and_shows_its_key(world: World) -> None:
    why, text = ask(world, TRAIN)
    assert (why.planned.action, why.moved, why.equal) == ("reuse", (), why.total)
    assert "would be reused" in text
    assert f"record {why.planned.key or ''}"[:19] in text


def test_a_changed_field_is_shown_with_old_new_and_line(world: World) -> None:
    world.write(QUICKSTART.replace("rank: 8", "rank: 16"))
    why, text = ask(world, TRAIN)
    assert [(one.field, one.old, one.new) for one in why.moved] == [("params.rank", 8, 16)]
    assert why.roots == why.moved
    line = world.load().source.text.splitlines().index(next(x for x in why_line(world) if "rank: 16" in x)) + 1
    assert f"rank: 8 → 16   spec.yaml:{line}" in text
    assert (why.equal, why.total - why.equal) == (why.total - 1, 1)


def why_line(world: World) -> list[str]:
    return world.load().source.text.splitlines()


def test_the_nearest_record_is_sought_among_all_not_only_the_last(world: World) -> None:
    first = world.heads[TRAIN]
    world.write(QUICKSTART.replace("rank: 8", "rank: 32").replace("rows: 600", "rows: 700"))
    world.run(learns)
    assert world.heads[TRAIN].key != first.key
    world.write(QUICKSTART.replace("rank: 8", "rank: 9"))
    why, _ = ask(world, TRAIN)
    assert why.nearest is not None
    assert why.nearest.key == first.key
    assert [one.field for one in why.moved] == ["params.rank"]


def test_an_input_that_moved_is_followed_to_the_root(world: World) -> None:
    world.write(QUICKSTART.replace("seed: 7", "seed: 8"))
    why, text = ask(world, "resolve:prompts.few-shot")
    assert [one.field for one in why.moved] == ["inputs.rows"]
    assert why.moved[0].new == NOT_YET
    assert [(root.step, root.field, root.old, root.new) for root in why.roots] == [
        ("prepare:data.reuters", "params.split.seed", 7, 8)
    ]
    assert "made by prepare:data.reuters" in text
    assert "Root cause:\n  split.seed: 7 → 8   spec.yaml:" in text


def test_a_root_that_has_already_run_is_still_found(world: World) -> None:
    world.write(QUICKSTART.replace("count: 8", "count: 4"))
    step = next(step for step in world.plan().steps if step.action == "run")
    world.finish(step, learns)
    why, _ = ask(world, "predict:topics.validation:smollm2/few-shot")
    assert why.planned.action == "run"
    assert [(root.step, root.field) for root in why.roots] == [("resolve:prompts.few-shot", "params.shots.count")]


def test_another_winner_is_named_as_what_made_the_input_before(world: World) -> None:
    world.run(lambda step: 0.97 if "few-shot" in step else learns(step))
    world.heads.clear()
    world.write(QUICKSTART.replace("at-least: 0.88", "at-least: 0.99"))
    fresh = World(world.folder)  # the spec as it was, under records that pick the other prompt
    fresh.records.update(world.records)
    for key, record in list(fresh.records.items()):
        if record.step == "score:topics.validation:smollm2/few-shot":
            fresh.records[key] = type(record)(
                **{**as_dict(record), "metrics": fresh.metrics(record.step, lambda _: 0.3)}
            )
    why, text = ask(fresh, TRAIN)
    moved = {one.field: one for one in why.moved}
    assert moved["inputs.prompt"].maker == "resolve:prompts.few-shot"
    assert moved["inputs.prompt"].was == "resolve:prompts.zero-shot"
    assert "(before: `resolve:prompts.zero-shot`)" in text


def as_dict(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__slots__}  # type: ignore[attr-defined]


def test_a_step_of_a_kind_that_never_ran_says_so(tmp_path: Path) -> None:
    why, text = ask(World(tmp_path), TRAIN)
    assert why.nearest is None
    assert "no record of its kind is there yet" in text


def test_the_parts_of_a_key_are_all_listed(world: World) -> None:
    loaded = world.load()
    why, plan = plans.why(loaded, TRAIN, world.facts())
    text = "\n".join(why_lines(why, places(loaded, plan), painter(False), 120, everything=True))
    for name in ("rank: 8", "libraries.peft:", "inputs.rows:", "seed: 0", "device: 'cpu'", "kind: tuning.lora"):
        assert name.replace("'", "") in text.replace("'", "")


def test_an_unknown_step_is_refused_with_a_suggestion(world: World) -> None:
    with pytest.raises(LcspecError) as caught:
        plans.why(world.load(), "train:rung-1.winner/lor", world.facts())
    assert caught.value.exit_code == 2
    assert "did you mean `train:rung-1.winner/lora`?" in (caught.value.diagnostics[0].help or "")
    command = [sys.executable, "-m", "lcspec", "why", "nonsense", "spec.yaml"]
    done = subprocess.run(command, cwd=world.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, "LC1109" in done.stderr) == (2, True)
