"""Text to nodes: exact spans, YAML 1.2 scalars, and no text that ever raises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcspec.compile.bind import bind
from lcspec.compile.parse import parse
from lcspec.ir.document import Mapping, locate, to_data
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
        ("a: b: c\n", "LC0001"),
        ("a: [", "LC0018"),
        ("a: 'b", "LC0018"),
        ("<<<<<<< HEAD\na: 1\n", "LC0002"),
        ("a:\n\tb: 1\n", "LC0003"),
        ("a: 1\na: 2\n", "LC0004"),
        ("a: &x 1\nb: *x\n", "LC0005"),
        ("a: !!python/object/apply:os.system [ls]\n", "LC0013"),
        ("<<: {a: 1}\n", "LC0014"),
        ("a: b\ufeffc\n", "LC0015"),
        ("a: b\x00c\n", "LC0016"),
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


ALL_AT_ONCE = """\
lcspec: 1
<<<<<<< ours
name: a
=======
name: b
>>>>>>> theirs
scope: &s {task: chat}
scope: {task: chat}
data:
\tq: 1
\tr: !!str 2
m: *s
<<: {z: 1}
k: "open
3: x
j: a: b
l: {a: 1
e: b\u202ec
t: {{ text }}
n: a\x00b
"""


def test_all_faults_that_can_be_told_apart_are_told_in_the_order_of_the_text() -> None:
    root, found = parse(SourceFile("t.yaml", ALL_AT_ONCE))
    told = [
        (one.code, ALL_AT_ONCE[one.labels[0].span.start : one.labels[0].span.end], len(one.labels)) for one in found
    ]
    assert root is None
    assert told == [
        ("LC0002", "<<<<<<< ours", 3),
        ("LC0005", "&s", 2),
        ("LC0004", "scope", 2),
        ("LC0003", "\t", 1),
        ("LC0013", "!!str", 1),
        ("LC0014", "<<", 1),
        ("LC0018", '"', 1),
        ("LC0011", "3", 1),
        ("LC0001", ":", 1),
        ("LC0018", "{", 1),
        ("LC0009", "\u202e", 1),
        ("LC0011", "{{ text }}", 1),
        ("LC0016", "\x00", 1),
    ]


def test_a_quote_that_runs_on_to_the_next_one_is_blamed_where_it_opens() -> None:
    text = 'a:\n  user: "News\n  sep: " "\n  other: [1]\n'
    _, found = parse(SourceFile("t.yaml", text))
    assert [(one.code, one.labels[0].span.start) for one in found] == [("LC0018", text.index('"News'))]


def test_joiners_inside_words_and_emoji_are_no_fault() -> None:
    assert read("a: '👨\u200d👩\u200d👧 می\u200cخواهم'\n") == {"a": "👨\u200d👩\u200d👧 می\u200cخواهم"}
    assert code("a: b\u200dc\n") == "LC0009"


@settings(max_examples=400, deadline=None)
@given(st.text() | st.text(alphabet="ab:[]{}-&*!|>'\"\n\t #?,%@`~0e.", max_size=60))
def test_no_text_ever_raises(text: str) -> None:
    root, found = parse(SourceFile("t.yaml", text))
    assert (root is None) == bool(found)
    if root is not None:
        spec, more = bind(root)
        assert spec is not None or more


def test_a_long_mapping_finds_each_of_its_entries_and_no_other() -> None:
    text = "".join(f"key-{number}: {number}\n" for number in range(300))
    root, found = parse(SourceFile("long.yaml", text))
    assert found == []
    assert isinstance(root, Mapping)
    for number in (0, 1, 150, 299):
        entry = root.get(f"key-{number}")
        assert entry is not None
        assert entry is root.entries[number]
    assert root.get("key-300") is None
