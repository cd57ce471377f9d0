"""Trees of broken texts, cursors in unfinished ones, and positions as protocols count them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcspec.editor.cursor import Cursor, cursor_at
from lcspec.editor.documents import recovered
from lcspec.editor.positions import Lines
from lcspec.ir.document import Mapping, walk
from lcspec.ir.source import SourceFile

SPEC = (Path(__file__).parents[2] / "specs" / "quickstart.yaml").read_text()


def cursor(text: str) -> Cursor:
    return cursor_at(text.replace("|@", ""), text.index("|@"))


CURSORS = [
    ("na|@", (), "key", "na"),
    ("lcspec: 1\nsc|@", (), "key", "sc"),
    ("scope:\n  ta|@", ("scope",), "key", "ta"),
    ("scope:\n  |@", ("scope",), "key", ""),
    ("scope:\n  task: cl|@", ("scope", "task"), "value", "cl"),
    ("scope:\n  task: x\n|@", (), "key", ""),
    ("scope:\n  task: 'cl|@", ("scope", "task"), "value", "cl"),
    ("tuning:\n  lora: {kind: lora, da|@", ("tuning", "lora"), "key", "da"),
    ("tuning:\n  lora: {kind: lora, data: a.|@", ("tuning", "lora", "data"), "value", "a."),
    ("tuning:\n  lora: {\n    kind: lora,\n    ra|@", ("tuning", "lora"), "key", "ra"),
    ("tuning: {lora: {rank: 1}, |@", ("tuning",), "key", ""),
    ("ladder:\n  - {prompts: [a, b|@", ("ladder", 0, "prompts", 1), "item", "b"),
    ("ladder:\n  - {prompts: [a]}\n  - tu|@", ("ladder", 1), "item", "tu"),
    ("ladder:\n- prompts: [a]\n- tuning: lo|@", ("ladder", 1, "tuning"), "value", "lo"),
    ("ladder:\n  - prompts: [a]\n    tu|@", ("ladder", 0), "key", "tu"),
    ("ladder:\n- a: 1\nsc|@", (), "key", "sc"),
    ("a:\n  b: |\n    text: x|@", ("a", "b"), "text", ""),
    ("a:\n  b: |\n    text: x\n  c|@", ("a",), "key", "c"),
    ("a:\n  b: 'x: y'\n  c: |@", ("a", "c"), "value", ""),
    ("m:\n  - acc|@", ("m", 0), "item", "acc"),
    ("# a: b|@", (), "text", ""),
    ("a:\n  k: v # note|@", ("a", "k"), "text", ""),
    ("a: {b: {c: 1}}\nd|@", (), "key", "d"),
    ('a: {b: "x, {y"}\nd: [1, |@', ("d", 1), "item", ""),
]


@pytest.mark.parametrize(("text", "path", "role", "prefix"), CURSORS, ids=[text for text, *_ in CURSORS])
def test_a_cursor_knows_what_is_written(text: str, path: tuple[object, ...], role: str, prefix: str) -> None:
    found = cursor(text)
    assert (found.path, found.role, found.prefix) == (path, role, prefix)


def test_a_cursor_knows_kinds_of_open_mappings() -> None:
    assert cursor("tuning:\n  x: {kind: lora, |@").kinds == {("tuning", "x"): "lora"}
    assert cursor("tuning:\n  x:\n    kind: lora # c\n    |@").kinds == {("tuning", "x"): "lora"}


@given(st.text(st.sampled_from("ab:-{}[],#|>'\" \n\t\u00e9"), max_size=60), st.integers(0, 60))
def test_no_text_breaks_a_cursor_or_a_repair(text: str, at: int) -> None:
    found = cursor_at(text, min(at, len(text)))
    assert 0 <= found.start <= len(text)
    recovered(SourceFile("x.yaml", text), min(at, len(text)))


BREAKS = {
    "half a key": ("  languages: [en]\n", "  languages: [en]\n  lang\n"),
    "half a flow": ("tuning:\n", "tuning:\n  more: {kind: lora, da\n"),
    "tab": ("  task: classification\n", "\ttask: classification\n"),
    "doubled key": ("name: newsdesk\n", "name: newsdesk\nname: other\n"),
    "unclosed quote in flow": ("prompts:\n", 'prompts:\n  p: {user: "x}\n'),
    "anchor": ("name: newsdesk\n", "name: &a newsdesk\n"),
    "conflict": ("name: newsdesk\n", "<<<<<<< ours\nname: newsdesk\n"),
}


@pytest.mark.parametrize("name", sorted(BREAKS))
def test_the_rest_of_a_broken_text_is_still_read(name: str) -> None:
    before, after = BREAKS[name]
    text = SPEC.replace(before, after, 1)
    assert text != SPEC
    root = recovered(SourceFile("x.yaml", text))
    assert isinstance(root, Mapping)
    keys = [entry.key for entry in root.entries]
    assert {"scope", "data", "models", "evaluation", "deployment"} <= set(keys)
    for _, node in walk(root):
        if isinstance(node, Mapping):
            assert all(text[e.key_span.start : e.key_span.end].strip("\"'") == e.key for e in node.entries)


CHARACTERS = st.sampled_from("ab\u00e9\u6f22\U0001f600\r\n\u2028\x0c")


@given(st.text(CHARACTERS, max_size=30), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_places_and_offsets_are_one_to_one(text: str, encoding: str) -> None:
    lines = Lines(text, encoding)  # type: ignore[arg-type]
    for offset in range(len(text) + 1):
        place = lines.place(offset)
        if text[offset - 1 : offset + 1] != "\r\n":
            assert lines.offset(*place) == offset


def test_utf16_counts_pairs_and_no_line_ends_but_those_of_the_protocol() -> None:
    lines = Lines("a\u2028\U0001f600b\r\nc")
    assert lines.place(3) == (0, 4)
    assert lines.place(6) == (1, 0)
    assert lines.offset(0, 99) == 4
    assert lines.offset(9, 0) == 7
