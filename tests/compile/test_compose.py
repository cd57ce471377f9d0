"""Bases, settings, variables and matrices come out as one document, and every fault points at its own text."""

from pathlib import Path

import pytest

from lcspec import api
from lcspec.compile.compose import Settings, compose
from lcspec.compile.parse import parse
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.ir.document import to_data
from lcspec.ir.source import SourceFile


def composed(text: str, *sets: str, files: dict[str, str] | None = None, variables: tuple[str, ...] = ()) -> object:
    """The composed data, or the codes and the texts that their spans show."""
    texts = {name: SourceFile(name, content) for name, content in (files or {}).items()}

    def read(name: str) -> SourceFile:
        if name not in texts:
            raise LcspecError([Diagnostic("LC0012", f"there is no file `{name}`", help="")])
        return texts[name]

    source = SourceFile("spec.yaml", text)
    root, found = parse(source)
    assert root is not None, found
    given = tuple(SourceFile(f"vars-{index}.yaml", content) for index, content in enumerate(variables))
    root, found, sources = compose(root, source, Settings(sets, given), read)
    if root is None:
        known = {made.path: made.text for made in (source, *sources)}
        spans = [diagnostic.labels[0].span for diagnostic in found]
        return [(d.code, s.file, known[s.file][s.start : s.end]) for d, s in zip(found, spans, strict=True)]
    return to_data(root)


BASE = "a: {x: 1, y: [1, 2], kind: one}\nb: {z: 3}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("extends: base.yaml", {"a": {"x": 1, "y": [1, 2], "kind": "one"}, "b": {"z": 3}}),
        ("extends: base.yaml\na: {y: [9]}", {"a": {"x": 1, "y": [9], "kind": "one"}, "b": {"z": 3}}),
        ("extends: base.yaml\na: {x: null}", {"a": {"y": [1, 2], "kind": "one"}, "b": {"z": 3}}),
        ("extends: base.yaml\na: {kind: two}", {"a": {"kind": "two"}, "b": {"z": 3}}),
        ("extends: base.yaml\nb: null", {"a": {"x": 1, "y": [1, 2], "kind": "one"}}),
        ("extends: [base.yaml, over.yaml]\nb: {w: 1}", {"a": 7, "b": {"z": 4, "w": 1}}),
        ("extends: chain.yaml", {"a": 7, "b": {"z": 4}}),
    ],
)
def test_a_spec_lies_over_its_bases(text: str, expected: object) -> None:
    files = {"base.yaml": BASE, "over.yaml": "a: 7\nb: {z: 4}", "chain.yaml": "extends: [base.yaml, over.yaml]"}
    assert composed(text, files=files) == expected


@pytest.mark.parametrize(
    ("text", "files", "fault"),
    [
        ("extends: none.yaml", {}, ("LC0109", "spec.yaml", "none.yaml")),
        ("extends: {a: 1}", {}, ("LC0109", "spec.yaml", "{a: 1}")),
        ("extends: b.yaml", {"b.yaml": "extends: spec.yaml"}, ("LC0109", "b.yaml", "spec.yaml")),
        ("extends: b.yaml", {"b.yaml": "[1]"}, ("LC0109", "spec.yaml", "b.yaml")),
        ("extends: b.yaml", {"b.yaml": "a: 1\na: 2"}, ("LC0004", "b.yaml", "a")),
    ],
)
def test_bad_bases_are_shown_where_they_are_named(text: str, files: dict[str, str], fault: tuple) -> None:
    assert composed(text, files=files) == [fault]


def test_settings_reach_any_place() -> None:
    text = "tuning: {lora: {rank: 8}, lora.rank-4: {rank: 4}}\nladder: [{prompts: [a]}]"
    made = composed(
        text,
        "tuning.lora.rank=16",
        "tuning.lora.rank-4.rank=5",
        "ladder[0].prompts=[b, c]",
        "ladder[1].tuning=lora",
        "scope.task=chat",
        "name=",
    )
    assert made == {
        "tuning": {"lora": {"rank": 16}, "lora.rank-4": {"rank": 5}},
        "ladder": [{"prompts": ["b", "c"]}, {"tuning": "lora"}],
        "scope": {"task": "chat"},
        "name": None,
    }
    assert composed("a: [1]", "a[5]=3") == [("LC0112", "--set a[5]", "3")]
    assert composed("a: [1]", "nothing") == [("LC0112", "--set nothing", "nothing")]
    assert composed("a: [1]", "a={x: 1, x: 2}") == [("LC0004", "--set a", "x")]


def test_variables_fill_values_and_texts() -> None:
    declared = "variables: {rank: 8, who: news, many: [1, 2]}\n"
    text = declared + 'a: "${rank}"\nb: "the ${who} of ${rank}, $${plain}"\nc: "${many}"'
    assert composed(text) == {"a": 8, "b": "the news of 8, ${plain}", "c": [1, 2]}
    assert composed(text, variables=("{rank: 16}", "{rank: 32}"))["a"] == 32
    assert composed(text, "variables.rank=4")["a"] == 4
    assert composed('a: "${rank}"') == {"a": "${rank}"}
    assert composed('variables: {a: 1}\nb: "x ${c}"') == [("LC0110", "spec.yaml", '"x ${c}"')]
    assert composed('variables: {a: [1]}\nb: "x ${a}"') == [("LC0110", "spec.yaml", '"x ${a}"')]
    assert composed("variables: {a: 1}", variables=("{b: 2}",)) == [("LC0110", "vars-0.yaml", "b")]
    assert composed("variables: 3\na: '${b}'") == [("LC0110", "spec.yaml", "3")]


def test_a_matrix_becomes_entries_and_rungs_name_them_all() -> None:
    text = "tuning: {lora: {data: d, rank: 1, matrix: {rank: [4, 8], epochs: [0.5, 1]}}}\n"
    made = composed(text + "ladder: [{tuning: lora}, {tuning: [x, lora]}]")
    names = ["lora.rank-4.epochs-0-5", "lora.rank-4.epochs-1", "lora.rank-8.epochs-0-5", "lora.rank-8.epochs-1"]
    assert list(made["tuning"]) == names
    assert made["tuning"][names[2]] == {"data": "d", "rank": 8, "epochs": 0.5}
    assert made["ladder"] == [{"tuning": names}, {"tuning": ["x", *names]}]


TEN = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
HUGE = f"{{a: {TEN}, b: {TEN}, c: {TEN}, d: [1, 2]}}"


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [("{rank: 4}", "4"), ("{}", "{}"), ("{rank: []}", "[]"), ("{rank: [4, 4]}", "[4, 4]"), (HUGE, HUGE)],
)
def test_bad_matrices_are_shown(matrix: str, shown: str) -> None:
    assert composed(f"tuning: {{lora: {{matrix: {matrix}}}}}") == [("LC0111", "spec.yaml", shown)]


def test_data_has_no_matrix() -> None:
    assert composed("data: {a: {matrix: {x: [1]}}}") == [("LC0111", "spec.yaml", "matrix")]


def test_all_faults_are_told_at_once_and_each_once() -> None:
    text = 'variables: {a: 1}\ntuning: {x: {matrix: {rank: []}, c: "${d}"}, y: {matrix: 3}}\ndata: {z: {matrix: {}}}\n'
    assert composed(text + "b: '${e} ${f}'", "nothing", "a[1]=2", variables=("{g: 1, h: 2}", "x: [")) == [
        ("LC0112", "--set nothing", "nothing"),
        ("LC0018", "vars-1.yaml", "["),
        ("LC0110", "vars-0.yaml", "g"),
        ("LC0110", "vars-0.yaml", "h"),
        ("LC0110", "spec.yaml", '"${d}"'),
        ("LC0110", "spec.yaml", "'${e} ${f}'"),
        ("LC0111", "spec.yaml", "[]"),
        ("LC0111", "spec.yaml", "3"),
        ("LC0111", "spec.yaml", "matrix"),
    ]


def test_every_base_that_is_missing_is_told_and_nothing_that_may_follow_from_it() -> None:
    text = "extends: [no.yaml, list.yaml, chain.yaml]\nb: '${from-the-base}'\nvariables: {}"
    files = {"list.yaml": "[1]", "chain.yaml": "extends: none.yaml"}
    assert composed(text, "b[9]=1", files=files) == [
        ("LC0109", "spec.yaml", "no.yaml"),
        ("LC0109", "spec.yaml", "list.yaml"),
        ("LC0109", "chain.yaml", "none.yaml"),
    ]


def test_the_example_overlaid_compiles_and_plans(tmp_path: Path) -> None:
    specs = Path(__file__).parents[2] / "specs"
    (tmp_path / "quickstart.yaml").write_text((specs / "quickstart.yaml").read_text())
    (tmp_path / "sweep.lock.json").write_text((specs / "quickstart.lock.json").read_text())
    over = tmp_path / "sweep.yaml"
    over.write_text("extends: quickstart.yaml\nname: sweep\ntuning: {lora: {matrix: {rank: [4, 8]}}}\n")
    loaded = api.load(over, Settings(("evaluation.gates.good-enough.at-least=0.5",)))
    assert loaded.diagnostics == []
    plan, _ = api.make_plan(loaded)
    trained = [step.step.id for step in plan.steps if step.step.action == "train"]
    assert trained == ["train:rung-1.winner/lora.rank-4", "train:rung-1.winner/lora.rank-8"]
    assert plan.spec_digest != api.make_plan(api.load(over))[0].spec_digest
    wrong = api.load(over, Settings(("tuning.lora.epochs=x",)))
    assert [(d.code, d.labels[0].span.file) for d in wrong.diagnostics] == [("LC0104", "--set tuning.lora.epochs")]
