"""A metric of the project's own in a whole apply: held by a sandbox, as record and log tell, and refused the rest."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.confine.boxes import levels
from tests.e2e.project import lcspec
from tests.faults import project as faults
from tests.tiny import write_tiny_model

BOXED = levels("bubblewrap")[0].marks
pytestmark = [pytest.mark.ml, pytest.mark.slow, *BOXED]
SCORE = "score:s.validation:m/p"
SPEC = faults.SPEC.replace("metrics: [accuracy]", "metrics: [accuracy, brevity]").replace(
    "  gates:", "  metrics: {brevity: {kind: python, path: m.py, function: brevity}}\n  gates:"
)
FILES = "config.json, model.safetensors, tokenizer.json, tokenizer_config.json, chat_template.jinja"
SPEC = SPEC.replace("path: model}", f"path: model, files: [{FILES}]}}")
SPEC = SPEC.replace('p: {user: "{{ text }}"}', 'p: {format: text, user: "{{ text }}="}')
BREVITY = "def brevity(row):\n    print('judging', row['id'])\n    return len(row['answer'])\n"


def write(folder: Path, code: str) -> None:
    (folder / "m.py").write_text(code)
    digest = hashlib.sha256(code.encode()).hexdigest()
    (folder / "spec.yaml").write_text(SPEC + f"allow: {{own: {{kind: python, path: m.py, sha256: {digest}}}}}\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = faults.make(tmp_path_factory.mktemp("own") / "p")
    shutil.rmtree(folder / "model")
    write_tiny_model(folder / "model")
    (folder / "lcspec.toml").write_text('[code]\nconfine = "sandbox"\n')
    return folder


def test_it_is_measured_in_the_sandbox_and_the_record_and_the_log_say_so(project: Path) -> None:
    write(project, BREVITY)
    done = lcspec(project, "apply", "spec.yaml", "--target", SCORE)
    assert done.returncode == 0, done.stderr + done.stdout
    found = [json.loads(path.read_text()) for path in project.glob(".lcspec/records/*/*.json")]
    (record,) = [one for one in found if one["step"] == SCORE]
    assert record["metrics"]["brevity"]["n"] == 40
    assert record["measured"]["confinement:m.py:brevity"].startswith("bubblewrap")
    log = lcspec(project, "logs", SCORE).stdout
    assert "`brevity` of `m.py` is confined by bubblewrap" in log
    assert log.count("judging ") == 40


def test_what_it_may_not_ends_its_step_by_name(project: Path) -> None:
    write(project, f"def brevity(row):\n    return len(open({str(project / 'rows.jsonl')!r}).read())\n")
    done = lcspec(project, "apply", "spec.yaml", "--target", SCORE)
    assert done.returncode == 4
    said = done.stderr + done.stdout
    assert "LC1236" in said
    assert "FileNotFoundError" in said
    assert SCORE in said
