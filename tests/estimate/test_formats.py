"""The table of packed weights: each obstacle is said, and what is not known is not judged."""

from pathlib import Path

import pytest

from lcspec import api
from lcspec.estimate import formats
from lcspec.estimate.formats import SUPPORT, TITLES, Support, obstacle
from lcspec.estimate.time import DEVICES
from lcspec.kinds import registry

SPECS = Path(__file__).parents[2] / "specs"


@pytest.mark.parametrize(
    ("engine", "form", "device", "words"),
    [
        ("runtime", "awq", None, "has no `gptqmodel`"),
        ("runtime", "lcq", "cpu", None),
        ("runtime", "fp8", "cpu", None),
        ("vllm", "awq", "cpu", None),
        ("vllm", "bitsandbytes-4bit", "cpu", "on a GPU only"),
        ("vllm", "bitsandbytes-4bit", "t4", None),
        ("vllm", "fp8", "cpu", "`cpu` has none"),
        ("vllm", "lcq", "h200", "has no `lcspec`"),
        ("vllm", "lcq", None, "has no `lcspec`"),
        ("runtime", "newest", "cpu", None),
        ("somebody's", "awq", "cpu", None),
    ],
)
def test_obstacles(engine: str, form: str, device: str | None, words: str | None) -> None:
    why = obstacle(engine, form, DEVICES[device] if device else None)
    assert words in why if words and why else why == words


def test_a_gpu_below_the_capability_is_an_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SUPPORT["vllm"], "fp8", Support(cpu=False, capability=8.9))
    assert obstacle("vllm", "fp8", DEVICES["l4"]) is None
    assert "capability 8.9 for it; `a100-80gb` has 8" in (obstacle("vllm", "fp8", DEVICES["a100-80gb"]) or "")


def test_every_form_has_a_title_and_every_built_in_kind_names_a_row() -> None:
    assert {form for rows in SUPPORT.values() for form in rows} <= set(TITLES)
    engines = {registry.load("deploy", name).engine for name in registry.names("deploy")} - {None}
    forms = {registry.load("optimize", name).form for name in registry.names("optimize")} - {None}
    assert engines <= set(SUPPORT) and engines
    assert all(form in SUPPORT["runtime"] for form in forms) and forms


def test_a_form_that_a_target_cannot_load_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert api.load(SPECS / "quickstart.yaml").diagnostics == []
    monkeypatch.setitem(formats.SUPPORT["runtime"], "lcq", Support(lacks="kernels"))
    found = api.load(SPECS / "quickstart.yaml").diagnostics
    assert {one.code for one in found} == {"LC0316"}
    assert "`runtime` has no `kernels`" in found[0].message and len(found[0].labels) == 2
