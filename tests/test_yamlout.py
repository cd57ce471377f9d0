"""What is written as YAML reads back as the same values, whatever they are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcspec.compile.parse import parse
from lcspec.ir.document import to_data
from lcspec.ir.source import SourceFile
from lcspec.yamlout import flow, lines_of, scalar

AWKWARD = ["", "yes", "No", "null", "~", "1e5", "1.5", "0x1f", "12:30:45", "2026-01-01", "- a", "a: b", "a #b", "# c"]
AWKWARD += ["{x}", "[x]", "*x", "&x", "!x", "%x", "@x", "`x`", "'x'", '"x"', " x", "x ", "x\ty", "x\n", "\nx", "a\n b"]
AWKWARD += [
    "\u200b",
    "\u202e",
    "\ufeff",
    "\x85",
    "\u2028",
    "\x00",
    "\x7f",
    "é ü 漢字 😀",
    "10%",
    "2 GiB",
    "1E5",
    "a,b",
    "-",
]


def back(text: str) -> Any:
    root, found = parse(SourceFile("made.yaml", text))
    assert root is not None, found
    return to_data(root)


@pytest.mark.parametrize("value", [*AWKWARD, 1, -1, 0.1, 1e-7, 1e22, True, False, None], ids=repr)
def test_a_value_reads_back(value: Any) -> None:
    assert back(f"k: {scalar(value)}\n") == {"k": value}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-_: #{", min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip


@given(VALUES)
def test_any_value_in_flow_style_reads_back(value: Any) -> None:
    assert back(f"k: {flow(value)}\n") == {"k": value}


@given(st.text(st.sampled_from("ab \n\t:#-\u200b"), max_size=20))
def test_a_literal_block_is_used_only_where_it_says_the_text_exactly(text: str) -> None:
    lines = lines_of(text)
    if lines is not None:
        assert back("k: |-\n" + "".join(f"  {line}\n" if line else "\n" for line in lines)) == {"k": text}
