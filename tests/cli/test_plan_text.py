"""What `plan` shows, as whole texts: `tests/golden/plan/*.txt`, remade by LCSPEC_UPDATE=1 and read line by line."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lcspec import api, plans
from lcspec.cli.planview.text import render_plan
from lcspec.compile.select import Wish
from lcspec.diag.render_text import render
from lcspec.ir.plan import Estimate
from lcspec.schema import BUILDERS
from tests.world import QUICKSTART, ROOT, World, learns

GOLDEN = ROOT / "tests" / "golden" / "plan"
RANK = QUICKSTART.replace("rank: 8", "rank: 16")
SPLIT = QUICKSTART.replace("seed: 7", "seed: 8").replace("rank: 8", "rank: 16")
TIGHT = QUICKSTART.replace("scope:\n", "scope:\n  budget: {time: 30 min, cost: 1 USD}\n")
FEW = QUICKSTART.replace("validation: 300, test: 500", "validation: 20, test: 60")
MANY = QUICKSTART.replace(
    "seed: 1}\n",
    "seed: 1}\n    matrix: {answer-prefix: [%s]}\n".replace("%s", ", ".join(f'"p{n} "' for n in range(16))),
)


MIB, WEIGHTS = 1 << 20, (269_030_016, 581_740_249)
FIXED = {  # what the steps of the golden texts take: the texts show forms, and no arithmetic of estimates
    "fetch": Estimate((1.0, 60.0), 100 * MIB, "constant"),
    "convert": Estimate((15.0, 90.0), 2048 * MIB, "constant", WEIGHTS),
    "resolve": Estimate((0.02, 0.5), 50 * MIB, "constant", (0, MIB)),
    "prepare": Estimate((0.1, 5.0), 200 * MIB, "constant"),
    "score": Estimate((0.05, 1.0), 50 * MIB, "constant", (0, MIB)),
    "train": Estimate((200.0, 580.0), 4_361_429_453, "formula", WEIGHTS),
    "compare": Estimate((0.05, 0.5), 50 * MIB, "constant", (0, 1024)),
    "generate": Estimate((0.5, 10.0), 100 * MIB, "constant"),
    "contract": Estimate((15.0, 120.0), 1500 * MIB, "formula", (0, MIB), 100),
}


def fixed(step: Any) -> Estimate:
    """The estimate that a golden text shows for a step, whatever the estimates of kinds are."""
    verb, rows = step.id.partition(":")[0], step.estimate.size
    if verb == "predict":
        seconds = (5 + 0.08 * rows, 10 + 0.4 * rows)
        return Estimate(seconds, 1500 * MIB, "formula", (int(200 * rows), int(8192 * rows)), rows)
    if verb == "optimize":
        disk = (134_515_008, 232_001_228) if "int8" in step.id else (67_257_504, 124_389_222)
        return Estimate((2.0, 20.0), 2048 * MIB, "constant", disk)
    made = FIXED[verb]
    return made if step.estimate.disk else replace(made, disk=None)


def shown(world: World, *, width: int = 120, wish: Wish | None = None, color: bool = False, **facts: Any) -> str:
    everything = facts.pop("everything", False)
    loaded = world.load()
    plan, chooser = api.make_plan(loaded, world.facts(**{"history": fixed, **facts}), wish)
    text = render_plan(loaded, plan, chooser, width=width, color=color, everything=everything)
    text += render(plans.warnings(loaded, plan), loaded.sources)
    return text.replace(f"{world.folder}/", "")


def fresh(world: World) -> str:
    return shown(world)


def narrow(world: World) -> str:
    return shown(world, width=64)


def done(world: World) -> str:
    world.run(learns)
    return shown(world)


def done_all(world: World) -> str:
    world.run(learns)
    return shown(world, everything=True)


def one_field_changed(world: World) -> str:
    world.run(learns)
    world.write(RANK)
    return shown(world)


def a_split_and_a_recipe_changed(world: World) -> str:
    world.run(learns)
    world.write(SPLIT)
    return shown(world)


def a_library_changed(world: World) -> str:
    world.run(learns)
    lock = world.folder / "spec.lock.json"
    lock.write_text(re.sub(r'"peft": "[^"]*"', '"peft": "9.9"', lock.read_text()))
    return shown(world)


def a_prompt_and_a_recipe_renamed(world: World) -> str:
    world.run(learns)
    text = (
        RANK.replace("few-shot", "shown").replace("  lora: {", "  adapt: {").replace("tuning: lora}", "tuning: adapt}")
    )
    moved = "moved:\n  - {from: prompts.few-shot, to: prompts.shown}\n  - {from: tuning.lora, to: tuning.adapt}\n"
    world.write(text + moved)
    return shown(world)


def no_lock(world: World) -> str:
    (world.folder / "spec.lock.json").unlink()
    return shown(world)


def beyond_the_budget(world: World) -> str:
    world.write(TIGHT)
    return shown(world, hourly_price=2.5)


def history(world: World) -> str:
    def look_up(step: Any) -> Estimate:
        if step.id.startswith("predict:"):
            return Estimate((40.0, 55.0), 900 << 20, "history", (9000, 12000), 300, 6, like=":finalist" in step.id)
        return fixed(step)

    return shown(world, history=look_up)


def too_few_rows(world: World) -> str:
    world.write(FEW)
    world.run(lambda step: 0.9)
    return shown(world)


def a_long_plan(world: World) -> str:
    world.write(MANY)
    return shown(world)


def a_step_again_by_request(world: World) -> str:
    world.run(learns)
    return shown(world, wish=Wish(replace=("train:*",)))


def a_target(world: World) -> str:
    return shown(world, wish=Wish(target=("score:topics.validation:smollm2/few-shot",)))


CASES: dict[str, Callable[[World], str]] = {
    case.__name__: case
    for case in (
        fresh,
        narrow,
        done,
        done_all,
        one_field_changed,
        a_split_and_a_recipe_changed,
        a_library_changed,
        a_prompt_and_a_recipe_renamed,
        no_lock,
        beyond_the_budget,
        history,
        too_few_rows,
        a_long_plan,
        a_step_again_by_request,
        a_target,
    )
}


def test_each_golden_text_has_its_case() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == sorted(CASES)


@pytest.mark.parametrize("name", sorted(CASES))
def test_plan_shows(name: str, tmp_path: Path) -> None:
    text = CASES[name](World(tmp_path))
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("LCSPEC_UPDATE"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("text", [RANK, TIGHT, FEW, MANY], ids=["rank", "tight", "few", "many"])
def test_a_plan_as_json_fits_its_schema_and_says_lines(text: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(lambda step: 0.9)
    world.write(text)
    loaded = world.load()
    plan, chooser = api.make_plan(loaded, world.facts(hourly_price=3.0))
    told = json.loads(json.dumps(plans.plan_json(loaded, plan, chooser)))
    Draft202012Validator(BUILDERS["plan"]()).validate(told)
    moved = [field for step in told["steps"] for field in step["moved"]]
    lines = loaded.source.text.splitlines()
    for field in moved:
        if field["field"] == "params.rank":
            assert "rank: 16" in lines[field["place"]["line"] - 1]
    assert (text is RANK) is any(field["field"] == "params.rank" for field in moved)


def test_a_narrow_terminal_cuts_no_id_and_no_line_is_wider(tmp_path: Path) -> None:
    world = World(tmp_path)
    text = shown(world, width=64)
    assert all(step.step.id in text for step in world.plan().steps)
    assert [line for line in text.splitlines() if len(line) > 64] == []


def test_colours_only_paint(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(learns)
    world.write(RANK)
    painted = shown(world, color=True)
    assert re.sub(r"\x1b\[[0-9]*m", "", painted) == shown(world)
    assert "\x1b[33m~\x1b[0m train:" in painted


def test_a_long_plan_names_what_it_folds_and_all_unfolds_it(tmp_path: Path) -> None:
    world = World(tmp_path, MANY)
    steps = world.plan().steps
    folded, whole = shown(world), shown(world, everything=True)
    assert len(folded.splitlines()) < len(steps) + 3 < len(whole.splitlines())
    hidden = sum(int(count) for count in re.findall(r"… (\d+) more steps", folded))
    assert hidden > 0
    assert all(step.step.id in whole for step in steps)


@pytest.mark.parametrize(
    ("arguments", "environment", "painted"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_is_chosen_by_flag_then_environment(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], painted: bool
) -> None:
    World(tmp_path)
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    command = [sys.executable, "-m", "lcspec", "plan", "spec.yaml", *arguments]
    told = subprocess.run(command, cwd=tmp_path, env=clean | environment, capture_output=True, text=True, check=True)
    assert ("\x1b[" in told.stdout) is painted


def test_the_price_in_the_scope_stands_over_the_project_s_and_a_budget_without_one_is_told(tmp_path: Path) -> None:
    World(tmp_path)
    spec = tmp_path / "spec.yaml"
    before = spec.read_text()
    spec.write_text(before.replace("scope:\n", "scope:\n  budget: {cost: 100 USD}\n", 1))
    command = [sys.executable, "-m", "lcspec", "plan", "spec.yaml"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "LC1110" in told.stdout + told.stderr
    priced = "scope:\n  budget: {cost: 100 USD}\n  hardware: {device: cpu, memory: 64 GiB, hourly-price: 2 USD}\n"
    spec.write_text(before.replace("scope:\n", priced, 1))
    (tmp_path / "lcspec.toml").write_text('[hardware]\nhourly-price = "0.50 USD"\n')
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "time × 2.00 USD per hour (scope.hardware)" in told.stdout
    assert "LC1110" not in told.stdout + told.stderr


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('[hardware]\nhourly-price = "0.50 USD"\n', 0, "time × 0.50 USD per hour (lcspec.toml)"),
        ("", 0, "disk "),
        ("[hardware]\nhourly-price = 0.5\n", 1, "LC1108"),
        ("x = [", 1, "LC1108"),
    ],
)
def test_a_cost_needs_a_price_and_without_one_nothing_is_said(tmp_path: Path, text: str, code: int, words: str) -> None:
    World(tmp_path)
    (tmp_path / "lcspec.toml").write_text(text)
    command = [sys.executable, "-m", "lcspec", "plan", "spec.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert (done.returncode, words in said) == (code, True), said
    assert ("  cost " in said) is (code == 0 and "hourly" in text)
