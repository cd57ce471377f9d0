"""Formatting keeps data and comments, and has nothing to do a second time."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings

from lcspec.cli.fmt import command
from lcspec.compile.parse import parse
from lcspec.diag.model import LcspecError
from lcspec.fmt import formatted
from lcspec.fmt.comments import find_comments
from lcspec.ir.document import to_data
from lcspec.ir.source import SourceFile
from tests.compile.mutate import edited
from tests.compile.test_mutations import SPECS
from tests.fmt.written import specs


def said(text: str) -> tuple[object, list[str]]:
    """The data of a text, and its comments."""
    root, found = parse(SourceFile("t.yaml", text))
    assert root is not None, (text, found)
    return to_data(root), sorted(comment.text for comment in find_comments(text, root))


CASES = {
    "indentation": ("a:\n    b:\n        c: 1\n", "a:\n  b:\n    c: 1\n"),
    "lists below their key": ("a:\n- 1\n-   2\n", "a:\n  - 1\n  - 2\n"),
    "collections on the line of the dash": ("-\n  a: 1\n  b: 2\n- - x\n  - y\n", "- a: 1\n  b: 2\n- - x\n  - y\n"),
    "spacing in flow style": ("a:  { b: 1,c: [ x,y ], }\n", "a: {b: 1, c: [x, y]}\n"),
    "spaces at the end": ("a: 1  \n\n\n", "a: 1\n"),
    "no newline at the end": ("a: 1", "a: 1\n"),
    "blank lines": ("\n\na: 1\n\n\n\nb:\n\n  c: 2\n", "a: 1\n\nb:\n  c: 2\n"),
    "quotes": ("a: 'x'\nb: 'it''s'\nc: 'say \"x\"'\nd: '\\n'\n", 'a: "x"\nb: "it\'s"\nc: \'say "x"\'\nd: \'\\n\'\n'),
    "nulls": ("a:\nb: ~\nc: {d: , e}\n", "a:\nb: ~\nc: {d: null, e: null}\n"),
    "marks of the document": ("---\na: 1\n...\n", "a: 1\n"),
    "the mark at the start of the file": ("\ufeffa:  1\n", "a: 1\n"),
    "a long flow mapping": (
        f"a: {{b: {'x' * 60}, c: {'y' * 60}}}  # c\n",
        f"a:  # c\n  b: {'x' * 60}\n  c: {'y' * 60}\n",
    ),
    "a long flow list in a list": (f"- [{'x' * 60}, {'y' * 60}]\n", f"- - {'x' * 60}\n  - {'y' * 60}\n"),
    "a broken flow list that fits": ("a: [x,\n    y]\n", "a: [x, y]\n"),
    "comments inside of a flow list": ("a: [x, # one\n  # two\n  y]\n", "a:\n  - x  # one\n  # two\n  - y\n"),
    "a literal": ("a: |\n     x\n       y\n\n     z\nb: 1\n", "a: |\n  x\n    y\n\n  z\nb: 1\n"),
    "a literal that starts with blanks": ("a: |1\n   x\n  y\nb: 1\n", "a: |2\n    x\n   y\nb: 1\n"),
    "a literal that keeps its end": ("a: |+\n  x\n\n\nb: 1\n", "a: |+\n  x\n\n\nb: 1\n"),
    "a literal without an end": ("a: |\n  x", "a: |-\n  x\n"),
    "a folded text": ("- >-\n     x\n     y\n", "- >-\n  x\n  y\n"),
    "a text over two lines": ("a: x\n   y\n", "a: x y\n"),
    "comments before, behind and after": (
        "#top\na: 1 # behind\n#own\nb:\n    c: 2\n    # deep\n  # between\n# last\n",
        "# top\na: 1  # behind\n# own\nb:\n  c: 2\n  # deep\n# between\n# last\n",
    ),
    "aligned comments": ("a: 1         # one\nlonger: 2    # two\n", "a: 1         # one\nlonger: 2    # two\n"),
    "a comment between key and value": ("a:\n  # why\n  1\n", "# why\na: 1\n"),
    "a comment behind a head": ("a:   # why\n  b: |  # how\n    x\n", "a:   # why\n  b: |  # how\n    x\n"),
    "the line for editors": (
        "# yaml-language-server: $schema=x\nlcspec: 1\n",
        "# yaml-language-server: $schema=x\nlcspec: 1\n",
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_each_point_of_the_form(name: str) -> None:
    before, after = CASES[name]
    assert formatted("t.yaml", before) == after
    assert formatted("t.yaml", after) == after


def test_line_ends_stay_those_of_the_file() -> None:
    assert formatted("t.yaml", "a:   1\r\nb: |\r\n  x\r\n  y\r\n") == "a: 1\r\nb: |\r\n  x\r\n  y\r\n"


def test_examples_are_in_form() -> None:
    assert len(SPECS) >= 2
    for name, text in SPECS.items():
        assert formatted(name, text) == text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs())
def test_data_and_comments_survive_and_the_form_is_reached_at_once(written: tuple[str, dict[str, object]]) -> None:
    text, data = written
    assert said(text)[0] == data
    made = formatted("t.yaml", text)
    assert said(made) == said(text)
    assert formatted("t.yaml", made) == made
    assert made.endswith("\n")
    assert not made.endswith("\n\n") or "|+" in made


def test_every_readable_edit_of_the_examples_can_be_formatted() -> None:
    count = 0
    for seed in range(390):
        text = edited(list(SPECS.values())[seed % len(SPECS)], seed).text
        try:
            made = formatted("t.yaml", text)
        except LcspecError:
            continue
        count += 1
        assert formatted("t.yaml", made) == made, seed
    assert count >= 150


def test_a_text_that_cannot_be_read_is_told_and_its_places_are_those_of_the_file() -> None:
    with pytest.raises(LcspecError) as raised:
        formatted("t.yaml", "\ufeffa: 1\r\na: 2\r\n")
    (found,) = raised.value.diagnostics
    assert (found.code, found.labels[0].span.start) == ("LC0004", 7)


# --- the command -----------------------------------------------------------------------------------------------------

UGLY, FORMED = "lcspec:   1\nname: 'x'\n", 'lcspec: 1\nname: "x"\n'


def fmt(*arguments: object, stdin: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(command, [str(argument) for argument in arguments], input=stdin)
    return done.exit_code, done.stdout, done.stderr


def test_files_are_written_and_named(tmp_path: Path) -> None:
    ugly, formed = tmp_path / "ugly.yaml", tmp_path / "formed.yaml"
    ugly.write_text(UGLY)
    formed.write_text(FORMED)
    assert fmt(ugly, formed) == (0, f"{ugly}\n", "")
    assert ugly.read_text() == FORMED
    assert fmt(ugly, formed) == (0, "", "")


def test_a_folder_means_the_specs_in_it(tmp_path: Path) -> None:
    for name in ("one.yaml", "deep/two.yml", ".hidden/three.yaml", "build/four.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(UGLY)
    (tmp_path / "other.yaml").write_text("services:   {}\n")
    assert fmt(tmp_path)[1].split() == [f"{tmp_path}/deep/two.yml", f"{tmp_path}/one.yaml"]


@pytest.mark.parametrize(("option", "shown"), [("--check", "ugly.yaml\n"), ("--diff", "-lcspec:   1\n+lcspec: 1\n")])
def test_check_and_diff_write_nothing_and_exit_1(option: str, shown: str, tmp_path: Path) -> None:
    path = tmp_path / "ugly.yaml"
    path.write_text(UGLY)
    code, out, _ = fmt(path, option)
    assert code == 1
    assert shown.splitlines()[0] in out
    assert path.read_text() == UGLY
    path.write_text(FORMED)
    assert fmt(path, option) == (0, "", "")


def test_standard_input_goes_to_standard_output() -> None:
    assert fmt("-", stdin=UGLY) == (0, FORMED, "")
    assert fmt("-", "--check", stdin=UGLY)[0] == 1
    code, out, err = fmt("-", stdin="a: [\n")
    assert (code, out, "LC0018" in err, "<stdin>:1:4" in err) == (1, "", True, True)


def test_a_broken_file_does_not_keep_the_others_back(tmp_path: Path) -> None:
    for name, text in (("a.yaml", "a: [\n"), ("b.yaml", UGLY), ("c.yaml", "\xff")):
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    code, out, err = fmt(*(tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml", "gone.yaml")))
    assert (code, out) == (1, f"{tmp_path}/b.yaml\n")
    assert all(found in err for found in ("LC0018", "LC0017", "LC0012"))
    assert (tmp_path / "b.yaml").read_text() == FORMED


def test_without_a_spec_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert fmt()[0] == 2
