"""Whatever happens to a spec, `check` answers with diagnostics or success, and points at what happened."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcspec.compile.bind import bind
from lcspec.compile.check import check
from lcspec.compile.compose import Settings, compose
from lcspec.compile.parse import parse
from lcspec.diag.codes import TITLES
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.diag.render_github import to_github
from lcspec.diag.render_json import to_json
from lcspec.diag.render_sarif import to_sarif
from lcspec.diag.render_text import render
from lcspec.ir import document as doc
from lcspec.ir.source import SourceFile
from lcspec.local import Local
from tests.compile.mutate import EDITS, Edited, edited

FOLDER = Path(__file__).parents[2] / "specs"
SPECS = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yaml"))}
FULL = 5_200  # edits in the slow tier; a part of them in every run
PART = 650


def read(name: str) -> SourceFile:
    raise LcspecError([Diagnostic("LC0012", f"there is no file `{name}`")])


def checked(text: str) -> list[Diagnostic]:
    """The diagnostics of `text` as `check` finds them, but for those that need local files."""
    source = SourceFile("spec.yaml", text)
    root, found = parse(source)
    if root is not None:
        root, found, _ = compose(root, source, Settings(), read)
    if root is not None:
        spec, found = bind(root)
        assert (spec is None) == bool(found)
        if spec is not None:
            found = check(spec, root, Local(FOLDER, spec, {}).known)
    return found


def printed(found: list[Diagnostic], text: str) -> None:
    """Every form can be made of them, and their spans lie inside of the text."""
    sources = {"spec.yaml": SourceFile("spec.yaml", text)}
    for one in found:
        assert one.code in TITLES
        assert one.help or one.severity == "warning", one
        for label in one.labels:
            assert 0 <= label.span.start <= label.span.end <= len(text), one
    render(found, sources)
    to_github(found, sources)
    json.dumps([to_json(found, sources), to_sarif(found, sources)])


def touches(one: Diagnostic, edit: Edited) -> bool:
    """Whether a label meets the edit, or just blanks of one line lie between: where a value is missing, all its place.

    A missing key is shown at the entry that lacks it.
    """
    for label in one.labels:
        between = edit.text[min(label.span.end, edit.end) : max(label.span.start, edit.start)]
        if not between.strip(" \t"):
            return True
    return one.code == "LC0102" and _around(one, edit)


def _around(one: Diagnostic, edit: Edited) -> bool:
    root, _ = parse(SourceFile("spec.yaml", edit.text))
    for _, node in doc.walk(root) if root is not None else ():
        for entry in node.entries if isinstance(node, doc.Mapping) else ():
            if entry.key_span == one.labels[0].span:
                return entry.key_span.start <= edit.end and edit.start <= max(entry.value.span.end, edit.start)
    return False


def mutated(seeds: range) -> Counter[str]:
    """Checks one edit for each seed; counts how many failed, were shape errors, and touched the edit."""
    counts: Counter[str] = Counter()
    names = list(SPECS)
    for seed in seeds:
        edit = edited(SPECS[names[seed // len(EDITS) % len(names)]], seed)
        found = checked(edit.text)
        printed(found, edit.text)
        counts["faulty"] += any(one.severity == "error" for one in found)
        for one in found:
            if one.code.startswith("LC01"):
                counts["shape"] += 1
                counts["touching"] += touches(one, edit)
    return counts


def test_the_examples_are_sound_and_all_kinds_of_edit_take_part() -> None:
    assert len(SPECS) >= 2
    assert len(EDITS) >= 13
    for text in SPECS.values():
        assert [one for one in checked(text) if one.severity == "error"] == []


def test_random_edits_give_diagnostics_at_the_edit_or_success() -> None:
    counts = mutated(range(PART))
    assert counts["faulty"] >= PART // 2
    assert counts["shape"] >= PART // 4
    assert counts["touching"] >= 0.95 * counts["shape"]


@pytest.mark.slow
def test_five_thousand_random_edits() -> None:
    counts = mutated(range(PART, PART + FULL))
    assert counts["faulty"] >= FULL // 2
    assert counts["touching"] >= 0.95 * counts["shape"]


PIECES = [
    "lcspec: 1\n",
    "name: a\n",
    "scope: ",
    "{task: chat}\n",
    "data:\n",
    "  d:\n",
    "    kind: jsonl\n",
    "- ",
    "a: ",
]
PIECES += [
    "[",
    "]",
    "{",
    "}",
    "*a",
    "&a ",
    "<<: ",
    "? ",
    "| \n",
    "\t",
    "'",
    '"',
    "{{ x }}",
    "${x}",
    "matrix: ",
    "extends: ",
]
PIECES += [
    "variables: ",
    "evaluation:\n",
    "  gates: ",
    "ladder: ",
    "1e999",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "# c\n",
    "~",
]
LIKELY = st.sampled_from([*PIECES, "\ufeff", "\u2028", "\r"])


@settings(max_examples=300, deadline=None)
@given(st.text() | st.lists(LIKELY, max_size=25).map("".join))
def test_no_text_ever_raises(text: str) -> None:
    printed(checked(text), text)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SPECS)), st.data())
def test_no_splice_of_likely_pieces_into_an_example_ever_raises(name: str, data: st.DataObject) -> None:
    text = SPECS[name]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 80)))
    text = text[:start] + "".join(data.draw(st.lists(LIKELY, max_size=6))) + text[end:]
    printed(checked(text), text)
