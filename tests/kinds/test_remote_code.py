"""Code that came with a model: refused with the entry that would allow it, and in every key when it is allowed."""

import json
import shutil
from pathlib import Path

import pytest

from lcspec import api, reviewing
from lcspec.cli.planview.style import painter
from lcspec.cli.planview.summary import capability_lines
from lcspec.compile.facts import Facts
from lcspec.diag.model import Diagnostic
from tests.owncode import AUTO_MAP, BENDING, FILES, allow, digest

LISTED = ["config.json", "model.safetensors", *FILES]
SPEC = """
lcspec: 1
name: own
scope: {task: classification, labels: [a, b]}
data:
  letters: {kind: jsonl, path: letters.jsonl, columns: {input: text, target: label}, split: {validation: 5, test: 5}}
models:
  own: {kind: folder, path: own, files: [FILES]}
prompts: {plain: {user: "{{ text }}"}}
tuning: {lora: {kind: lora, data: letters.train}}
evaluation: {suites: {s: {data: letters, metrics: [accuracy]}}, gates: {g: {metric: s.accuracy, at-least: 0.5}}}
ladder: [{prompts: [plain]}, {tuning: lora}]
deployment: {optimize: {int8: {kind: quantize}}, targets: {api: {kind: openai-server}}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.json").write_text(json.dumps({"model_type": "bent", "auto_map": AUTO_MAP}))
    (tmp_path / "own" / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    for name, text in FILES.items():
        (tmp_path / "own" / name).write_text(text)
    rows = [json.dumps({"text": f"a sentence with number {n}", "label": "ab"[n % 2]}) for n in range(40)]
    (tmp_path / "letters.jsonl").write_text("\n".join(rows) + "\n")
    return tmp_path


def write(project: Path, *files: str, more: str = "", spec: str = SPEC) -> Path:
    path = project / "spec.yaml"
    path.write_text(spec.replace("FILES", ", ".join(files or LISTED)) + more)
    return path


def errors(path: Path) -> list[Diagnostic]:
    return [one for one in api.load(path).diagnostics if one.severity == "error"]


def test_each_file_is_refused_with_the_entry_to_write(project: Path) -> None:
    found = errors(write(project))
    assert [one.code for one in found] == ["LC1009"] * 3
    for (name, text), one in zip(FILES.items(), found, strict=True):
        assert f"file: {name}, sha256: {digest(text)}" in one.help


def test_the_entries_of_the_help_allow_it(project: Path) -> None:
    entries = [one.help.partition("`allow: {")[2].partition("}`")[0] for one in errors(write(project))]
    assert errors(write(project, more=f"allow: {{{', '.join(entries)}}}\n")) == []


def test_all_files_are_needed_those_that_are_imported_too(project: Path) -> None:
    one = errors(write(project, more=allow(files={n: t for n, t in FILES.items() if n != "bending.py"})))
    assert [(found.code, "`bending.py`" in found.message) for found in one] == [("LC1009", True)]
    listed = [name for name in LISTED if name != "bending.py"]
    (absent,) = errors(write(project, *listed, more=allow(files={n: t for n, t in FILES.items() if n in listed})))
    assert "needs `bending.py`" in absent.message


def test_another_byte_is_refused_at_the_digest(project: Path) -> None:
    path = write(project, more=allow())
    (project / "own" / "bending.py").write_text(BENDING + "#")
    (found,) = errors(path)
    assert found.code == "LC1009"
    assert digest(BENDING + "#") in found.help
    line = path.read_text()[: found.labels[0].span.start].count("\n")
    assert digest(BENDING) in path.read_text().splitlines()[line]


def test_a_python_file_that_nothing_needs_is_refused_all_the_same(project: Path) -> None:
    (project / "own" / "evil.py").write_text("print('ran')")
    (found,) = errors(write(project, *LISTED, "evil.py", more=allow()))
    assert "`evil.py` is code" in found.message
    assert errors(write(project, more=allow())) == []  # beside the folder's files it is not there for the model


@pytest.mark.parametrize("name", ["other/repo--modeling_bent.BentForCausalLM", "a.b.C", "../x.C", "modeling_bent", ""])
def test_code_of_elsewhere_is_refused_whatever_is_allowed(project: Path, name: str) -> None:
    config = {"model_type": "bent", "auto_map": {**AUTO_MAP, "AutoModel": name}}
    (project / "own" / "config.json").write_text(json.dumps(config))
    (found,) = errors(write(project, more=allow()))
    assert found.code == "LC1009"
    assert "never runs" in found.message


def test_the_digests_are_in_the_key_of_every_step_that_loads_the_model_and_of_no_other(project: Path) -> None:
    def params(more: str) -> dict[str, dict]:
        loaded = api.load(write(project, more=more))
        assert loaded.ok, loaded.diagnostics
        graph, _ = api.lower_loaded(loaded, Facts())
        return {step.id: step.params.get("capabilities", {}) for step in graph.steps}

    held = {f"remote-code:{name}": [digest(text)] for name, text in FILES.items()}
    told = params(allow())
    using = {id for id, found in told.items() if found == held}
    assert {id for id, found in told.items() if found} == using
    assert {id.partition(":")[0] for id in using} == {"convert", "predict", "train", "optimize", "generate", "contract"}
    assert {id.partition(":")[0] for id in told if id not in using} >= {"score", "fetch", "prepare", "compare"}
    assert "train:rung-1.winner/lora" in using


def test_two_models_whose_files_are_called_alike_are_kept_apart_and_their_names_count_for_nothing(
    project: Path,
) -> None:
    shutil.copytree(project / "own", project / "other")
    (project / "other" / "bending.py").write_text("def bent(logits, bend):\n    return logits\n")
    other = (project / "other" / "bending.py").read_text()
    second = SPEC[SPEC.index("  own:") : SPEC.index("prompts:")].replace("own", "other")
    spec = SPEC.replace("prompts: {plain", f"{second}prompts: {{plain")
    lines = allow("other", {**FILES, "bending.py": other}).splitlines()[1:]
    both = allow() + "".join(f"  other-{line.strip()}\n" for line in lines)
    loaded = api.load(write(project, more=both, spec=spec))
    assert loaded.ok, loaded.diagnostics
    graph, _ = api.lower_loaded(loaded, Facts())
    held = {step.id: step.params.get("capabilities", {}).get("remote-code:bending.py") for step in graph.steps}
    assert held["convert:models.own"] == held["predict:s.validation:own/plain"] == [digest(BENDING)]
    assert held["convert:models.other"] == held["predict:s.validation:other/plain"] == [digest(other)]
    assert held["train:rung-1.winner/lora"] == sorted([digest(BENDING), digest(other)])
    plan, _ = api.make_plan(loaded, Facts())
    shown = {one.name: (one.item, "convert:models.own" in one.steps) for one in plan.capabilities}
    assert (shown["bending"], shown["other-bending"]) == (("own/bending.py", True), ("other/bending.py", False))
    renamed = SPEC.replace("  own: {", "  new: {")
    graph, _ = api.lower_loaded(api.load(write(project, more=allow("new"), spec=renamed)), Facts())
    alone, _ = api.lower_loaded(api.load(write(project, more=allow())), Facts())
    params = [{step.id: step.params for step in one.steps}["train:rung-1.winner/lora"] for one in (graph, alone)]
    assert params[0] == params[1]


def test_the_plan_lists_each_file_with_its_steps_and_diff_calls_it_a_risk(project: Path, tmp_path: Path) -> None:
    loaded = api.load(write(project, more=allow()))
    plan, _ = api.make_plan(loaded, Facts())
    assert [(one.kind, one.item, one.change) for one in plan.capabilities] == [
        ("remote-code", f"own/{name}", "new") for name in FILES
    ]
    assert {"train:rung-1.winner/lora", "contract:targets.api"} <= set(plan.capabilities[0].steps)
    assert "own/bending.py" in "\n".join(capability_lines(plan, painter(False), 100))
    less = allow(files={**FILES, "bending.py": BENDING + "\n"})
    base, head = api.load(write(project, more=less)), api.load(write(project, more=allow()))
    base.diagnostics = []
    made = reviewing.review(base, head, "base", Facts())
    (risk,) = [one for one in reviewing.risks(made) if one.code == "LC1410"]
    assert "own/bending.py" in risk.message
    assert digest(BENDING + "\n")[:12] in risk.message


def test_an_entry_that_nothing_needs_is_told(project: Path) -> None:
    path = write(
        project, more=allow() + f"  old: {{kind: remote-code, model: own, file: old.py, sha256: {'a' * 64}}}\n"
    )
    assert [one.code for one in api.load(path).diagnostics if one.code == "LC0354"] == ["LC0354"]


def test_engines_that_cannot_run_it_say_so(project: Path) -> None:
    spec = SPEC.replace("targets: {api", "targets: {graph: {kind: onnx}, api")
    (found,) = errors(write(project, more=allow(), spec=spec))
    assert (found.code, "`onnx`" in found.message) == ("LC0355", True)
    (project / "w.gguf").write_bytes(b"GGUF")
    spec = SPEC.replace("models:\n", "models:\n  packed: {kind: gguf, path: w.gguf}\n")
    entry = f"  packed: {{kind: remote-code, model: packed, file: x.py, sha256: {'a' * 64}}}\n"
    (found,) = errors(write(project, more=allow() + entry, spec=spec))
    assert (found.code, "`gguf`" in found.message) == ("LC0355", True)
    scratch = "{kind: from-scratch, data: letters, parameters: 1M, tokenizer: {from: own}}"
    spec = SPEC.replace("models:\n", f"models:\n  new: {scratch}\n")
    assert "LC0355" in [one.code for one in errors(write(project, more=allow(), spec=spec))]


@pytest.mark.parametrize("file", ["sub/x.py", "../x.py", "x.so", "x", "1.py", "x.py\\n"])
def test_only_python_files_beside_the_weights_can_be_named(project: Path, file: str) -> None:
    entry = f'allow:\n  x: {{kind: remote-code, model: own, file: "{file}", sha256: {"a" * 64}}}\n'
    assert any(one.code.startswith("LC01") for one in errors(write(project, more=entry)))
