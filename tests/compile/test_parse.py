"""Text to nodes: exact spans, YAML 1.2 scalars, and no text that ever raises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcspec.compile.bind import bind
from lcspec.compile.parse import parse
from lcspec.ir.document import locate, to_data
from lcspec.ir.source import SourceFile


def read(text: str) -> object:
    root, found = parse(SourceFile("t.yaml", text))
    assert root is not None, found
    return to_data(root)


def code(text: str) -> str:
    root, found = parse(SourceFile("t.yaml", text))
    assert root is None
    return found[0].code


def test_scalars_follow_yaml_1_2_and_not_1_1() -> None:
    told = read(
        "{a: 1e-4, b: no, c: 12:30:45, d: 0x1F, e: ~, f: true, g: '1', h: 1.5, i: on, j: -7, k: .5, l: 2020-01-01}"
    )
    expected = {"a": 1e-4, "b": "no", "c": "12:30:45", "d": "0x1F", "e": None, "f": True, "g": "1", "h": 1.5}
    assert told == {**expected, "i": "on", "j": -7, "k": 0.5, "l": "2020-01-01"}


@pytest.mark.parametrize(
    ("text", "path", "key", "shown"),
    [
        ("a:\n  b: hello\n", ("a", "b"), False, "hello"),
        ("a:\n  b: hello\n", ("a", "b"), True, "b"),
        ("a: [x, {y: zed}]\n", ("a", 1, "y"), False, "zed"),
        ("a:\n  - one\n  - two\n\n# end\n", ("a",), False, "- one\n  - two"),
        ("ä: 'é'\n", ("ä",), False, "'é'"),
        ("\ufeffa: b\n", ("a",), False, "b"),
        ("a: b\n", ("missing",), False, "a: b"),
    ],
)
def test_spans_cover_exactly_what_they_name(text: str, path: tuple, key: bool, shown: str) -> None:
    root, _ = parse(SourceFile("t.yaml", text))
    assert root is not None
    span = locate(root, path, key=key)
    assert text[span.start : span.end] == shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "LC0001"),
        ("<<<<<<< HEAD\na: 1\n", "LC0002"),
        ("a:\n\tb: 1\n", "LC0003"),
        ("a: 1\na: 2\n", "LC0004"),
        ("a: &x 1\nb: *x\n", "LC0005"),
        ("a: !!python/object/apply:os.system [ls]\n", "LC0005"),
        ("<<: {a: 1}\n", "LC0005"),
        ("[" * 20_000, "LC0006"),
        ("a: " + "9" * 100_000, "LC0007"),
        ("a: 1\n---\nb: 2\n", "LC0008"),
        ("a: b\u202ec\n", "LC0009"),
        ("", "LC0010"),
        ("# only a comment\n", "LC0010"),
        ("1: a\n", "LC0011"),
        ("? [a]\n: b\n", "LC0011"),
    ],
)
def test_each_surprise_has_its_own_code(text: str, expected: str) -> None:
    assert code(text) == expected


@settings(max_examples=400, deadline=None)
@given(st.text() | st.text(alphabet="ab:[]{}-&*!|>'\"\n\t #?,%@`~0e.", max_size=60))
def test_no_text_ever_raises(text: str) -> None:
    root, found = parse(SourceFile("t.yaml", text))
    assert (root is None) == bool(found)
    if root is not None:
        spec, more = bind(root)
        assert spec is not None or more
