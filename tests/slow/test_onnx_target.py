"""The ONNX target of a real release, exported with libraries that conflict with ours, and asked with onnxruntime."""

import json
import subprocess
from pathlib import Path

import pytest

from lcspec.environments import FOLDER
from lcspec.run.store import Store
from lcspec.run.verify import verify
from tests.e2e.project import SPEC, lcspec, make

pytestmark = pytest.mark.slow

ASK = """
import json, sys
import numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
past = {i.name: numpy.zeros([s if isinstance(s, int) else int(a == 0) for a, s in enumerate(i.shape)], "float32")
        for i in session.get_inputs() if i.name.startswith("past")}
ids = numpy.array([[1, 5, 9]], "int64")
feed = {"input_ids": ids, "attention_mask": ids * 0 + 1, "position_ids": numpy.arange(3)[None], **past}
print(session.run(["logits"], feed)[0].shape)
"""


def untuned(spec: Path, target: str) -> None:
    text = SPEC.replace("    broken: {kind: spoil}\n", "").replace("  - {tuning: lora}\n", "")
    text = text[: text.index("tuning:")] + text[text.index("evaluation:") :]
    text = text.replace("at-least: 0.85", "at-least: 0.01").replace("    quick: {metric: serving", "    #")
    assert "api: {kind: openai-server, ask: 40}" in text
    spec.write_text(text.replace("api: {kind: openai-server, ask: 40}", target))


def exported(folder: Path) -> tuple[str, dict[str, object]]:
    store = Store.peek(folder / ".lcspec")
    (record,) = [r for key in store.records if (r := store.records[key]).step == "export:targets.edge"]
    return record.outputs["onnx"], dict(record.metrics)


def test_a_release_is_exported_and_agrees_with_itself(tmp_path: Path) -> None:
    spec = make(tmp_path)
    untuned(spec, "edge: {kind: onnx, quantize: none, rows: 20, min-agreement: 99%}")
    done = lcspec(tmp_path, "apply", "tiny.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    tree, metrics = exported(tmp_path)
    assert metrics["agreement"] == 1.0
    folder = tmp_path / "build" / "tiny" / "edge"
    assert json.loads((folder / "export.json").read_text())["places"] == metrics["places"]
    assert (folder / "tokenizer.json").is_file()
    (built,) = [path for path in (tmp_path / ".lcspec" / FOLDER).iterdir() if path.is_dir()]
    command = [str(built / "bin" / "python"), "-c", ASK, str(folder / "model.onnx")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "(1, 3, 259)"
    assert "0 steps ran" in lcspec(tmp_path, "apply", "tiny.yaml").stderr
    # another apply finds the environment, and makes the same bytes
    for path in (tmp_path / ".lcspec" / "records").glob("*/*.json"):
        if json.loads(path.read_text())["step"] == "export:targets.edge":
            path.unlink()
    assert lcspec(tmp_path, "apply", "tiny.yaml").returncode == 0
    assert exported(tmp_path)[0] == tree
    # the smaller form moves a random model too far
    untuned(spec, "edge: {kind: onnx, quantize: int8, rows: 20, min-agreement: 100%}")
    done = lcspec(tmp_path, "apply", "tiny.yaml")
    assert done.returncode == 4
    assert "LC1237" in done.stdout + done.stderr
    untuned(spec, "edge: {kind: onnx, quantize: int8, rows: 20, min-agreement: 50%}")
    assert lcspec(tmp_path, "apply", "tiny.yaml").returncode == 0
    assert verify(tmp_path / ".lcspec").findings == []
