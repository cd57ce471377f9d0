"""Estimates follow the model that a step stands on; without facts they are constants."""

import json
from pathlib import Path

from lcspec.ir.plan import REFERENCE, PlannedStep
from tests.world import QUICKSTART, World

SECOND = QUICKSTART.replace("models:\n", "models:\n  other: {kind: gguf, path: other.gguf, license: apache-2.0}\n", 1)


def steps(world: World) -> dict[str, PlannedStep]:
    return {step.step.id: step for step in world.plan().steps}


def resized(world: World, times: float) -> None:
    """The locked model as if it had that many times the parameters."""
    path = world.folder / "spec.lock.json"
    lock = json.loads(path.read_text())
    lock["models"]["smollm2"]["parameters"] = int(REFERENCE * times)
    path.write_text(json.dumps(lock))


def test_time_and_memory_grow_with_the_model(tmp_path: Path) -> None:
    world = World(tmp_path, QUICKSTART.replace("max: 200M", "max: 9B").replace("max: 2 GiB", "max: 64 GiB"))
    small = steps(world)
    resized(world, 3)
    large = steps(world)
    for verb in ("predict:", "train:", "optimize:", "generate:", "contract:"):
        name = next(name for name in small if name.startswith(verb))
        one, three = small[name].estimate, large[name].estimate
        assert one.basis == three.basis == "formula", name
        assert one.seconds[0] < three.seconds[0] < 3 * one.seconds[0], name  # a part does not grow
        assert one.seconds[1] < three.seconds[1] < 3 * one.seconds[1], name
        assert three.memory >= one.memory, name
    ask = next(name for name in small if name.startswith("predict:"))
    assert large[ask].estimate.memory - small[ask].estimate.memory == 2 * REFERENCE * 4
    assert small["score:topics.validation:smollm2/few-shot"] == large["score:topics.validation:smollm2/few-shot"]


def test_without_facts_of_the_model_time_is_a_constant(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "spec.lock.json").unlink()
    assert {
        step.estimate.basis
        for name, step in steps(world).items()
        if name.startswith(("predict:", "optimize:", "train:"))
    } == {"constant"}


def test_a_choice_of_models_gives_an_interval(tmp_path: Path) -> None:
    text = SECOND.replace("max: 200M", "max: 9B").replace("max: 2 GiB", "max: 64 GiB")
    text = text.replace(
        "  - {prompts: [zero-shot, few-shot]}\n", "  - {models: [smollm2, other], prompts: [zero-shot]}\n"
    )
    world = World(tmp_path, text)
    path = tmp_path / "spec.lock.json"
    lock = json.loads(path.read_text())
    facts = lock["models"]["smollm2"]
    lock["models"]["other"] = {**facts, "parameters": REFERENCE * 4}
    path.write_text(json.dumps(lock))
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    spread = steps(world)["predict:topics.test:finalist"].estimate.seconds
    single = steps(World(tmp_path, QUICKSTART))["predict:topics.test:finalist"].estimate.seconds
    assert spread[0] == single[0]
    assert spread[1] > 3 * single[1]
