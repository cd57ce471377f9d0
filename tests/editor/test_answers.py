"""Completion, hover, definitions, references, renames and repairs, as functions of text and offset."""

from pathlib import Path

import pytest

from lcspec.compile.known import Known
from lcspec.diag.model import Diagnostic, Edit, Fix, Label
from lcspec.editor.actions import actions_at, safe_edits
from lcspec.editor.complete import complete
from lcspec.editor.documents import Documents, open_documents
from lcspec.editor.hover import hover
from lcspec.editor.moving import has_results, moved
from lcspec.editor.navigate import (
    Named,
    Refused,
    definition_spans,
    file_at,
    named_at,
    reference_spans,
    rename,
    symbols,
)
from lcspec.ir.source import SourceFile, Span
from lcspec.kinds import registry
from tests.editor.spec import TOP, at, documents

SPECS = Path(__file__).parents[2] / "specs"


def labels(text: str) -> list[str]:
    return [item.label for item in complete(*documents(text))]


COMPLETIONS = [
    ("|@", ["lcspec", "name", "scope", "ladder"], ["lora"]),
    ("lcspec: 1\nname: x\nd|@\n", ["description", "data", "deployment"], ["name", "lcspec"]),
    ("scope:\n  |@\n", ["task", "labels", "requires"], ["data"]),
    ("scope:\n  task: |@\n", ["classification", "chat"], ["true"]),
    ("scope: {commercial: |@}\n", ["true", "false"], []),
    ("scope:\n  task: chat\n  requires: {mem|@}\n", ["memory"], ["task"]),
    ("tuning:\n  x: {kind: |@}\n", ["lora"], ["rows"]),
    ("tuning:\n  x: {kind: lora, |@}\n", ["data", "rank", "epochs"], ["kind"]),
    ("tuning:\n  |@\n", ["lora"], []),
    ("tuning:\n  lora:\n    data: rows.train\n    ra|@\n", ["rank"], ["data"]),
    ("extends: base.yaml\ntuning: {lora: {data: |@}}\n", ["rows.train", "rows.validation", "rows"], ["small"]),
    ("extends: base.yaml\ntuning: {a: {kind: lora}, b: {kind: lora, after: |@}}\n", ["a", "b"], ["rows"]),
    (
        "extends: base.yaml\nevaluation:\n  suites: {s: {data: rows, metrics: [accuracy]}}\n"
        "  gates: {g: {metric: |@, at-least: 1}}\n",
        ["s.accuracy", "serving.latency-p95"],
        ["s.macro-f1"],
    ),
    ("extends: base.yaml\nevaluation: {suites: {s: {metrics: [acc|@]}}}\n", ["accuracy"], ["rows"]),
    ("extends: base.yaml\nladder:\n  - {prompts: [|@]}\n", ["plain"], ["small"]),
    ("extends: base.yaml\nladder:\n  - |@\n", ["models", "prompts", "tuning"], []),
    ("extends: base.yaml\nprompts: {plain: {user: x}, b: {extends: |@}}\n", ["plain"], []),
    ('extends: base.yaml\nprompts: {b: {user: "{{ |@ }}"}}\n', ["text", "label"], ["rows"]),
    ("models:\n  m:\n    kind: gguf\n    from: {kind: |@}\n", ["pypi", "path"], ["gguf"]),
    ("models:\n  m:\n    kind: gguf\n    from: {kind: pypi, |@}\n", ["package", "version"], ["kind"]),
    ("augmentation:\n  guardrails:\n    input:\n      - kind: |@\n", ["pii", "max-length"], ["label-set"]),
    ("augmentation:\n  guardrails:\n    input:\n      - kind: pii\n        |@\n", ["action", "message"], ["kind"]),
    ("deployment:\n  |@\n", ["optimize", "targets"], []),
    ("evaluation:\n  gates:\n    g: {|@}\n", ["metric", "at-least", "confidence"], []),
    ("prompts:\n  a:\n    system: |\n      free |@\n", [], ["user"]),
    ("lcspec: 1\nname: x  # note |@\n", [], ["scope"]),
    ("tuning:\n  lora: {data: x, matrix: {|@}}\n", ["rank", "epochs"], []),
]


@pytest.mark.parametrize(("text", "there", "absent"), COMPLETIONS, ids=[text for text, *_ in COMPLETIONS])
def test_completion_offers_what_may_stand_here(text: str, there: list[str], absent: list[str]) -> None:
    found = labels(text)
    assert set(there) <= set(found), found
    assert not set(absent) & set(found), found
    assert bool(found) == bool(there)


def test_every_kind_completes_with_its_own_keys() -> None:
    seen = 0
    places = {"data": "data", "models": "model", "tuning": "tuning", "augmentation": "augment", "prompts": "prompt"}
    for section, family in places.items():
        for name in registry.names(family):
            keys = {info.alias for info in registry.load(family, name).body.model_fields.values()}
            found = labels(f"{section}:\n  some-name:\n    kind: {name}\n    |@\n")
            assert keys <= set(found), name
            seen += 1
    assert seen >= 10


def test_a_required_key_comes_first_and_says_so() -> None:
    found = complete(*documents("tuning:\n  x:\n    kind: lora\n    |@\n"))
    first = next(item for item in found if item.label not in ("kind", "matrix"))
    assert (first.label, first.detail, "Rows to learn from" in first.doc) == ("data", "required", True)


# --- hover -----------------------------------------------------------------------------------------------------------


def shown(made: Documents, offset: int) -> str:
    found = hover(made, offset, lambda: None)
    assert found is not None
    return found.markdown


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("    ra", "nk: 8", ["**rank**", "Rank of the adapters", "whole number", "default: `8`", "runs the steps"]),
        ("rank: ", "8\n", ["**rank**"]),
        ("tun", "ing:\n  lora", ["**tuning**", "chain with `after`"]),
        ("kind: lo", "ra, data", ["**tuning.lora**", "arXiv:2106.09685"]),
        ("after: lo", "ra,", ["**lora** · tuning of kind `lora`", "data: rows.train"]),
        ("from: ro", "ws.train}", ["**rows** · data of kind `jsonl`", "base.yaml:5"]),
        ("metric: s", ".accuracy", ["**s** · suite of kind `rows`"]),
        ("[acc", "uracy", ["**metric.accuracy**"]),
        ("at-le", "ast: 0.5", ["**at-least**", "Changes no result"]),
        ("  lo", "ra:\n", ["**lora** · tuning"]),
        ("select", "-by", ["**select-by**", "ranks candidates"]),
        ("matr", "ix", ["one entry for each combination"]),
    ],
)
def test_hover_says_what_stands_there(before: str, after: str, words: list[str]) -> None:
    text = shown(*at(before, after))
    assert all(word in text for word in words), text


def test_a_gate_shows_its_sums() -> None:
    from lcspec import api

    loaded = api.load(SPECS / "quickstart.yaml")
    assert loaded.spec is not None
    spec = loaded.spec
    text = (SPECS / "quickstart.yaml").read_text()
    made, offset = at("good-en", "ough", text=text)
    found = hover(made, offset, lambda: (spec, Known()))
    assert found is not None
    assert "at least 0.88, at 95% confidence" in found.markdown
    assert "validation, 300 rows: 274 right answers (91.3%) pass" in found.markdown
    assert "test, 500 rows" in found.markdown


# --- names -----------------------------------------------------------------------------------------------------------


def texts(made: Documents, spans: list[Span]) -> list[tuple[str, int, str]]:
    listed = []
    for span in spans:
        source = made.source(span.file)
        assert source is not None
        listed.append((span.file, source.position(span.start).line, source.text[span.start : span.end]))
    return listed


def test_a_name_leads_to_its_definition_in_the_base_and_to_every_use() -> None:
    made, offset = at("data: ro", "ws, after")
    named = named_at(made, offset)
    assert named is not None
    assert texts(made, definition_spans(made, named)) == [("base.yaml", 5, "rows")]
    assert [(file, line) for file, line, _ in texts(made, reference_spans(made, named))] == [
        ("top.yaml", 5), ("top.yaml", 8), ("top.yaml", 10), ("top.yaml", 12),
    ]  # fmt: skip
    made, offset = at("[second.rank", "-1]")
    named = named_at(made, offset)
    assert named is not None
    assert texts(made, definition_spans(made, named)) == [("top.yaml", 10, "second")]


def renamed(before: str, after: str, to: str) -> tuple[str, str]:
    """The two texts after a rename at a place."""
    made, offset = at(before, after)
    named = named_at(made, offset)
    assert named is not None
    now = {one.source.path: one.source.text for one in made.all}
    for span, text in sorted(rename(made, named, to), reverse=True):
        now[span.file] = now[span.file][: span.start] + text + now[span.file][span.end :]
    return now["top.yaml"], now["base.yaml"]


def test_a_rename_reaches_every_use_in_every_text() -> None:
    top, base = renamed("from: ro", "ws.train}", "items")
    assert "  items: {kind: jsonl" in base
    assert "from: items.train" in top
    assert "data: items.train\n" in top
    assert "data: items, after" in top
    assert "suites: {s: {data: items" in top
    assert top.count("rows") == 1  # a comment
    top, _ = renamed("metric: ", "s.accuracy", "main")
    assert "{main: {data" in top
    assert "metric: main.accuracy" in top
    assert "select-by: main.macro-f1" in top
    top, base = renamed("  - {prompts: [pla", "in,", "simple")
    assert "  simple: {user" in base
    assert "extends: simple" in top
    assert '[simple, "shots"]' in top


def test_a_rename_keeps_the_kind_and_what_a_matrix_makes() -> None:
    top, _ = renamed("{tuning: lo", "ra}", "first")
    assert "  first:\n    kind: lora\n    data: rows.train" in top
    assert "after: first" in top
    assert "{tuning: first}" in top
    assert "{kind: lora, data: rows" in top
    top, _ = renamed("  sec", "ond: {", "third")
    assert "[third.rank-1]" in top


@pytest.mark.parametrize(
    ("before", "after", "to", "why"),
    [
        ("extends: pla", "in", "shots", "already"),
        ("extends: pla", "in", "Shots!", "not a name"),
        ("from: ro", "ws.train", "a.b", "has a dot"),
        ("[acc", "uracy", "x", "no entry"),
    ],
)
def test_a_rename_that_cannot_be_is_refused(before: str, after: str, to: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        renamed(before, after, to)


BASE_TEXT = "lcspec: 1\nmodels:\n  small: {kind: gguf, path: m.gguf}\n"
NOTE = "{from: models.old, to: models.small}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "moved:\n  - {from: models.small, to: models.tiny}\n"),
        (f"moved:\n- {NOTE}\n", f"moved:\n- {NOTE}\n- {{from: models.small, to: models.tiny}}\n"),
        (f"moved: [{NOTE}]\n", f"moved: [{NOTE}, {{from: models.small, to: models.tiny}}]\n"),
        ("moved: []\n", "moved: [{from: models.small, to: models.tiny}]\n"),
        ("moved:\n  - from: models.old\n    to: models.small\nx: 1\n",
         "moved:\n  - from: models.old\n    to: models.small\n  - {from: models.small, to: models.tiny}\nx: 1\n"),
        ("moved:\n  - {from: models.tiny, to: models.small}\nx: 1\n", "x: 1\n"),
        (f"moved:\n  - {NOTE}\n  - {{from: models.tiny, to: models.small}}\n", f"moved:\n  - {NOTE}\n"),
    ],
)  # fmt: skip
def test_a_rename_notes_what_moved_and_a_rename_back_takes_the_note_out(before: str, after: str) -> None:
    text = BASE_TEXT + before
    made = open_documents(SourceFile("spec.yaml", text), lambda name: SourceFile(name, ""))
    change = moved(made.main, Named("model", "small", Span("spec.yaml", 0, 0)), "tiny")
    assert change is not None
    assert text[: change.span.start] + change.text + text[change.span.end :] == BASE_TEXT + after


def test_results_are_of_whole_names() -> None:
    steps = ["convert:models.small", "predict:routing.test:small/few-shot/lora.r-8/-"]
    assert all(has_results(steps, name) for name in ("small", "few-shot", "lora.r-8", "routing"))
    assert not any(has_results(steps, name) for name in ("few", "r", "lora.r", "shot", "sma"))


def test_files_are_links() -> None:
    made, offset = at("extends: ba", "se.yaml")
    found = file_at(made, offset)
    assert found is not None
    assert found[0] == "base.yaml"
    assert file_at(*at("rank: ", "8\n")) is None


def test_the_outline_lists_sections_entries_gates_and_rungs() -> None:
    made, _ = documents()
    outline = symbols(made)
    assert [one.name for one in outline] == ["extends", "name", "prompts", "tuning", "evaluation", "ladder"]
    assert [(one.name, one.detail) for one in outline[3].children] == [("lora", "lora"), ("second", "lora")]
    assert [one.name for one in outline[4].children] == ["suites", "gates", "select-by"]
    assert next((one.name, one.detail) for one in outline[5].children) == ("rung 1", "prompts")
    for one in outline:
        assert one.span.start <= one.name_span.start <= one.name_span.end <= one.span.end


def test_names_work_in_a_broken_text() -> None:
    broken = TOP.replace("    rank: 8\n", "    rank: 8\n    oops: {x\n")
    made, offset = at("{tuning: lo", "ra}", text=broken)
    assert not made.main.whole
    named = named_at(made, offset)
    assert named is not None
    assert texts(made, definition_spans(made, named)) == [("top.yaml", 7, "lora")]


# --- repairs ---------------------------------------------------------------------------------------------------------


def fault(start: int, end: int, safe: bool, *edits: tuple[int, int]) -> Diagnostic:
    made = tuple(Edit(Span("f", a, b), "x") for a, b in edits)
    return Diagnostic("LC0101", "m", (Label(Span("f", start, end), ""),), fix=Fix("do it", made, safe))


def test_repairs_are_offered_where_the_cursor_is_safe_ones_first() -> None:
    found = actions_at(
        [fault(0, 4, False, (0, 4)), fault(2, 6, True, (2, 6)), fault(9, 12, True, (9, 12))], Span("f", 3, 3)
    )
    assert [(action.title, action.safe) for action in found] == [("Do it", True), ("Do it (a guess)", False)]


def test_all_safe_repairs_at_once_leave_out_guesses_and_overlaps() -> None:
    found = safe_edits([fault(0, 4, False, (0, 4)), fault(2, 6, True, (2, 6)), fault(4, 8, True, (4, 8), (20, 21))])
    assert [edit.span[1:] for edit in found] == [(2, 6)]
    found = safe_edits([fault(6, 9, True, (6, 9)), fault(0, 1, True, (0, 1)), fault(1, 2, True, (1, 2))])
    assert [edit.span[1:] for edit in found] == [(0, 1), (6, 9)]  # the order of the text, and what touches waits
