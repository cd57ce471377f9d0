"""The schema of the language takes what the binder takes, and says what an editor needs."""

import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from lcspec.diag import pages
from lcspec.diag.codes import TITLES
from lcspec.kinds import registry
from lcspec.kinds.api import SECTIONS
from lcspec.specschema import spec

SCHEMA = spec()
VALIDATOR = Draft202012Validator(SCHEMA)
HEAD = "lcspec: 1\nname: x\nscope: {task: chat}\n"


def faults(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))]


GOOD = {
    "an overlay says only what differs": "extends: base.yaml\ntuning: {mine: {rank: 4}}\nmodels: {m: {license: mit}}",
    "a null takes away": "extends: base.yaml\ntuning: {lora: {rows: null}}",
    "a matrix": HEAD + "tuning: {lora: {data: d.train, matrix: {rank: [4, 8], epochs: [1, 2]}}}",
    "a matrix brings a required key": HEAD + "tuning: {lora: {matrix: {data: [d.train, e.train]}}}",
    "variables of any type": HEAD
    + 'variables: {r: 8}\ntuning: {lora: {data: d, rank: "${r}", learning-rate: "${r}", sampling: "${r}"}}',
    "notes": HEAD + "x-note: [1]\ntuning: {x-all: {a: 1}, lora: {data: d, x-why: y}}",
    "one name for a list": HEAD + "ladder: [{tuning: lora}, {tuning: [a, b]}]",
    "a kind by name": HEAD + "augmentation: {guardrails: {input: [{kind: pii}]}}",
    "quantities": "lcspec: 1\nname: x\nscope: {task: chat, requires: {memory: {max: 2 GiB}, parameters: {max: 200M}}}",
}
BAD = {
    "a missing key": (HEAD + "tuning: {lora: {rank: 4}}", "'data' is a required property"),
    "a missing key of a named kind": (HEAD + "tuning: {x: {kind: lora}}", "'data' is a required property"),
    "no kind": (HEAD + "models: {m: {path: x}}", "'kind' is a required property"),
    "a key of another kind": (HEAD + "models: {m: {kind: gguf, path: x, rank: 4}}", "'rank' does not match any"),
    "a bad name": (HEAD + "tuning: {Lora: {data: d, kind: lora}}", "does not match"),
    "a bad project": ("lcspec: 1\nname: My Project\nscope: {task: chat}", "does not match"),
    "out of range": (HEAD + "tuning: {lora: {data: d, rank: 0}}", "less than the minimum"),
    "a text for a number": (HEAD + "tuning: {lora: {data: d, rank: eight}}", "does not match"),
    "no scope": ("lcspec: 1\nname: x", "'scope' is a required property"),
    "no metric": (HEAD + "evaluation: {gates: {g: {at-least: 1}}}", "'metric' is a required property"),
    "an unknown top key": (HEAD + "modles: {}", "'modles' does not match any"),
    "a matrix of no key": (HEAD + "tuning: {lora: {data: d, matrix: {rank: 4}}}", "is not of type 'array'"),
}


@pytest.mark.parametrize("case", sorted(GOOD))
def test_it_takes(case: str) -> None:
    assert faults(GOOD[case]) == []


@pytest.mark.parametrize("case", sorted(BAD))
def test_it_refuses(case: str) -> None:
    text, words = BAD[case]
    found = faults(text)
    assert any(words in message for message in found), found


def test_every_fixed_page_fits() -> None:
    checked = 0
    for page in map(pages.page, TITLES):
        for name, text in page.fixed.items():
            if name.endswith(".yaml") and name == "spec.yaml":
                assert faults(text) == [], page.code
                checked += 1
    assert checked >= 60


def test_every_example_of_a_kind_fits_and_is_a_snippet() -> None:
    checked = 0
    for path, family in SECTIONS.items():
        labels = {snippet["label"] for snippet in SCHEMA["$defs"][family]["defaultSnippets"]}
        for name in registry.names(family):
            kind = registry.load(family, name)
            whole: Any = {"some-name": {"kind": name, **yaml.safe_load(kind.example)}}
            for key in reversed(path):
                whole = {key: whole}
            text = yaml.safe_dump({"lcspec": 1, "name": "x", "scope": {"task": "chat"}, **whole})
            assert faults(text) == [], (family, name)
            assert f"{name} …" in labels
            checked += 1
    assert checked >= 20


def field(one: dict[str, Any]) -> dict[str, Any]:
    """A property, or the definition that several kinds share."""
    name = str(one.get("$ref", "")).removeprefix("#/$defs/").replace("~1", "/")
    shared: dict[str, Any] = SCHEMA["$defs"][name] if "/" in name else one
    return shared


def test_every_field_has_a_hover_text_with_default_and_effect() -> None:
    checked = 0
    for family in SECTIONS.values():
        for name in registry.names(family):
            properties = SCHEMA["$defs"][f"{family}.{name}"]["properties"]
            for key in properties.keys() - {"kind", "matrix"}:
                text = field(properties[key])["markdownDescription"]
                assert text.startswith(f"**{key}** — ")
                assert re.search(r"required|default: ", text)
                assert re.search(r"runs the steps|Changes no result|counts by its content", text)
                checked += 1
    assert checked >= 100
