"""`diff` as functions: what changed, what that reruns, what is decided otherwise."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from jsonschema import Draft202012Validator

from lcspec import api, reviewing
from lcspec.cli.diffview.markdown import code, review_markdown
from lcspec.review.model import Review
from lcspec.schema import BUILDERS
from tests.world import QUICKSTART, World, learns

VALIDATE = Draft202012Validator(BUILDERS["diff"]()).validate
GATE = "at-least: 0.88, confidence: 0.95"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("base"))
    made.run(learns)
    return made


@pytest.fixture
def head(world: World, tmp_path: Path) -> World:
    made = World(tmp_path)
    made.records, made.heads = world.records, world.heads
    return made


def held(world: World, head: World, text: str) -> Review:
    head.write(text)
    now = head.load()
    made = reviewing.review(world.load(), now, "base", head.facts())
    VALIDATE(json.loads(json.dumps(reviewing.to_json(made, now.sources))))
    review_markdown(made, reviewing.risks(made), now.sources)
    return made


def states(made: Review) -> dict[str, str]:
    return {one.step: one.state for one in made.effects if one.state != "same"}


def codes(made: Review) -> list[str]:
    return [one.code for one in reviewing.risks(made)]


def changed(made: Review) -> list[tuple[str, str, object, object]]:
    return [(one.kind, one.name, one.old, one.new) for one in made.changes]


def test_a_spec_does_not_differ_from_itself_nor_from_its_other_spellings(world: World, head: World) -> None:
    assert held(world, head, QUICKSTART).empty
    spelled = QUICKSTART.replace("  requires:", "  # a remark\n  requires:").replace(
        "  task: classification\n  labels: [earnings", "  labels: [earnings", 1
    )
    spelled = spelled.replace("  languages: [en]\n", "  languages: [en]\n  task: classification\n", 1)
    assert spelled != QUICKSTART
    assert held(world, head, spelled).empty


def test_a_changed_field_reruns_its_step_and_what_reads_it_follows(world: World, head: World) -> None:
    made = held(world, head, QUICKSTART.replace("rank: 8", "rank: 16"))
    assert changed(made) == [("changed", "tuning.lora.rank", 8, 16)]
    told = states(made)
    assert told["train:rung-1.winner/lora"] == "rerun"
    assert told["score:topics.validation:rung-1.winner/lora"] == "follows"
    assert told["optimize:finalist/int8"] == "depends"
    assert "predict:topics.validation:smollm2/zero-shot" not in told
    assert ("topics.validation", "rung-1.winner/lora") in made.stale
    assert ("topics.validation", "smollm2/zero-shot") not in made.stale
    assert reviewing.takes(made).time.low > 0
    assert codes(made) == []


def test_a_threshold_reruns_nothing_and_tells_what_is_decided_otherwise(world: World, head: World) -> None:
    made = held(world, head, QUICKSTART.replace(GATE, "at-least: 0.15, confidence: 0.9"))
    assert set(states(made).values()) == {"depends"}
    assert ("rung-1", False, True) in [(turn.choice, turn.old_passed, turn.new_passed) for turn in made.turns]
    assert codes(made) == ["LC1402", "LC1402"]
    stricter = held(world, head, QUICKSTART.replace(GATE, "at-least: 0.89, confidence: 0.96"))
    assert codes(stricter) == []


def test_entries_come_and_go_whole(world: World, head: World) -> None:
    text = QUICKSTART.replace(
        "    int4: {kind: quantize, bits: 4}\n", "    int6: {kind: quantize, bits: 4, group: 64}\n"
    )
    made = held(world, head, text)
    assert {(kind, name) for kind, name, _, _ in changed(made)} == {
        ("removed", "deployment.optimize.int4"),
        ("added", "deployment.optimize.int6"),
    }
    told = states(made)
    assert told["optimize:finalist/int4"] == "dropped"
    assert told["compare:int6-keeps:validation:finalist/int6"] == "new"


def test_a_moved_entry_is_no_difference_of_work(world: World, head: World) -> None:
    text = QUICKSTART.replace("  few-shot:\n", "  shown:\n").replace("[zero-shot, few-shot]", "[zero-shot, shown]")
    text += "moved: [{from: prompts.few-shot, to: prompts.shown}]\n"
    made = held(world, head, text)
    assert ("moved", "prompts.shown", "few-shot", "shown") in changed(made)
    assert [name for kind, name, _, _ in changed(made) if kind != "moved"] == ["ladder.0.prompts"]
    assert set(states(made).values()) <= {"depends"}
    without = held(world, head, text.partition("moved:")[0])
    assert "dropped" in states(without).values()


def test_other_rows_and_lone_seeds_are_told(world: World, head: World) -> None:
    made = held(world, head, QUICKSTART.replace("validation: 500, seed: 7", "validation: 500, seed: 8"))
    assert codes(made) == ["LC1403", "LC1409"]
    assert codes(held(world, head, QUICKSTART.replace("rows: 600, rank: 8", "rows: 600, seed: 3, rank: 8"))) == [
        "LC1409"
    ]
    assert codes(held(world, head, QUICKSTART.replace("rows: 600, rank: 8", "rows: 600, seed: 3, rank: 9"))) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("memory: {max: 2 GiB}", "memory: {max: 3 GiB}", "LC1404"),
        ("licenses: [apache-2.0]", "licenses: [apache-2.0, mit]", "LC1404"),
        ("    context: {min: 512}\n", "", "LC1404"),
        ("port: 8000}", f"port: 8000, host: 0.0.0.0, api-keys-sha256: [{'a1' * 32}]}}", "LC1406"),
    ],
)
def test_each_risk_is_told_in_its_direction_only(world: World, head: World, old: str, new: str, code: str) -> None:
    assert old in QUICKSTART
    assert codes(held(world, head, QUICKSTART.replace(old, new))) == [code]
    wide = World(head.folder, QUICKSTART.replace(old, new))
    narrow = World(world.folder)
    back = reviewing.review(wide.load(), api.load(narrow.folder / "spec.yaml"), "base", narrow.facts())
    assert code not in codes(back)


def test_a_guardrail_that_goes_is_told(world: World, head: World) -> None:
    guards = "augmentation:\n  guardrails: {input: [{kind: max-length, max-words: 400}, {kind: pii, action: redact}]}\n"
    with_guards = World(head.folder, QUICKSTART + guards).load()
    one = guards.replace(", {kind: pii, action: redact}", "")
    other = head.folder / "less"
    other.mkdir()
    less = World(other, QUICKSTART + one)
    made = reviewing.review(with_guards, less.load(), "base", less.facts())
    assert codes(made) == ["LC1405"]
    assert "`pii`" in reviewing.risks(made)[0].message


def test_code_that_may_run_now_is_told_with_its_digest(world: World, head: World) -> None:
    def allowing(code: str) -> str:
        (head.folder / "own.py").write_text(code)
        digest = hashlib.sha256(code.encode()).hexdigest()
        text = QUICKSTART.replace("metrics: [accuracy, macro-f1]", "metrics: [accuracy, macro-f1, own]")
        own = "  metrics:\n    own: {kind: python, path: own.py, function: score}\n  gates:\n"
        return text.replace("  gates:\n", own) + f"allow: {{own: {{kind: python, path: own.py, sha256: {digest}}}}}\n"

    made = held(world, head, allowing("def score(row): return 1\n"))
    assert codes(made) == ["LC1410"]
    assert ("added", "allow") in [(kind, name) for kind, name, _, _ in changed(made)]
    first = head.load()
    head.write(allowing("def score(row): return 0\n"))
    again = reviewing.review(first, head.load(), "base", head.facts())
    assert codes(again) == ["LC1410"]
    assert "another content" in reviewing.risks(again)[0].message
    assert reviewing.risks(reviewing.review(first, first, "base", head.facts())) == []


def test_a_pin_that_moved_and_a_new_source_are_told(world: World, head: World) -> None:
    lock = head.folder / "spec.lock.json"
    head.write(QUICKSTART)
    pins = json.loads(lock.read_text())
    name, pin = next(iter(pins["sources"].items()))
    member = next(iter(pin["members"]))
    pin["members"][member] = "0" * 64
    pins["sources"]["pypi:other==1.0"] = {"members": {"a": "1" * 64}}
    lock.write_text(json.dumps(pins))
    made = reviewing.review(world.load(), head.load(), "base", head.facts())
    assert codes(made) == ["LC1407", "LC1408"]
    assert name in reviewing.risks(made)[0].message


def test_a_side_without_a_lock_is_read_with_the_pins_of_the_other(world: World, head: World) -> None:
    (head.folder / "spec.lock.json").unlink()
    now = api.load(head.folder / "spec.yaml")
    assert reviewing.review(world.load(), now, "base", head.facts()).empty


@given(some.text(max_size=40))
def test_no_text_of_a_spec_leaves_its_code_in_markdown(said: str) -> None:
    made = code(said)
    assert "\n" not in made
    assert "|" not in made.replace("\\|", "")
