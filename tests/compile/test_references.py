"""The table of names finds every definition and every use, in whole documents and in broken ones."""

from pathlib import Path

from lcspec.compile.parse import parse
from lcspec.compile.references import definitions, uses
from lcspec.ir.source import SourceFile

SPECS = Path(__file__).parents[2] / "specs"


def used(text: str) -> list[tuple[str, str, str, str]]:
    """(path, family, name, part) of each use."""
    root, found = parse(SourceFile("spec.yaml", text))
    assert root is not None, found
    return [(".".join(map(str, use.path)), use.family, use.name, use.part) for use in uses(root)]


def test_the_example_uses_are_all_found() -> None:
    assert used((SPECS / "tales.yaml").read_text()) == [
        ("augmentation.retrieval.data", "data", "tales", ""),
        ("augmentation.retrieval.embedder", "model", "minilm", ""),
        ("evaluation.suites.trivia.data", "data", "questions", ""),
        ("evaluation.suites.trivia.metrics.0", "metric", "hit-rate", ""),
        ("evaluation.suites.trivia.metrics.1", "metric", "retrieval-recall", ""),
        ("evaluation.gates.finds-it.metric", "suite", "trivia", "hit-rate"),
        ("ladder.0.prompts.0", "prompt", "closed-book", ""),
        ("ladder.1.prompts.0", "prompt", "open-book", ""),
        ("ladder.1.augmentation", "augment", "retrieval", ""),
    ]


def test_splits_chains_and_selections_are_uses_too() -> None:
    text = """\
prompts: {a: {extends: b, shots: {count: 1, from: d.train}}, b: {user: x}}
tuning: {lora: {data: d.train, after: other}, other: {kind: lora, data: d}, odd: {kind: nonsense, data: d}}
evaluation: {select-by: s.accuracy}
"""
    assert used(text) == [
        ("prompts.a.extends", "prompt", "b", ""),
        ("prompts.a.shots.from", "data", "d", "train"),
        ("tuning.lora.data", "data", "d", "train"),
        ("tuning.lora.after", "tuning", "other", ""),
        ("tuning.other.data", "data", "d", ""),
        ("evaluation.select-by", "suite", "s", "accuracy"),
    ]


def test_definitions_know_where_their_names_stand() -> None:
    text = (SPECS / "quickstart.yaml").read_text()
    root, _ = parse(SourceFile("spec.yaml", text))
    assert root is not None
    found = {(one.family, one.name): text[one.key_span.start : one.key_span.end] for one in definitions(root)}
    assert len(found) == 9
    assert all(name == shown for (_, name), shown in found.items())
