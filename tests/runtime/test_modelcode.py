"""Loading models that bring their own code: the allowed bytes run and no others, and models do not meet.

Each scenario runs in a process of its own: loading such a model closes its process for good.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.owncode import BENDING, FILES, digest, write_own_model

pytestmark = [pytest.mark.ml, pytest.mark.slow]
HEAD = """
import json, os, socket, subprocess, sys
from pathlib import Path

import torch
from lcspec.runtime.model import load_model
from lcspec.runtime.scan import UnsafeModelError
from lcspec.runtime.weights import quantize_folder

folder, code = Path(sys.argv[1]), json.loads(sys.argv[2])
ids = torch.tensor([[5, 6, 7, 8]])
said = {}


def logits(loaded):
    with torch.no_grad():
        return loaded.model(ids).logits


def outcome(work):
    try:
        return work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


"""
CODE = {name: [digest(text)] for name, text in FILES.items()}


def run(folder: Path, body: str, code: Any = CODE) -> Any:
    command = [sys.executable, "-c", HEAD + body + "\nprint('\\n' + json.dumps(said))", str(folder), json.dumps(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("own")
    write_own_model(made / "own")
    return made


def test_what_is_allowed_runs_and_keeps_the_process_closed(folder: Path) -> None:
    body = """
from transformers import LlamaForCausalLM
own = load_model(folder / "own", code=code)
plain = LlamaForCausalLM.from_pretrained(folder / "own").eval()
with torch.no_grad():
    said["bent"] = torch.equal(logits(own), -plain(ids).logits)
said["class"] = type(own.model).__name__
quantize_folder(folder / "own", folder / "int8", code=code)
said["carried"] = sorted(path.name for path in (folder / "int8").glob("*.py"))
small = load_model(folder / "int8", code=code)
said["near"] = float((logits(small) - logits(own)).abs().max() / logits(own).abs().max())
said["same class"] = type(small.model) is type(own.model)
said["connect"] = outcome(lambda: socket.create_connection(("127.0.0.1", 9)))
said["process"] = outcome(lambda: subprocess.run(["true"]))
said["scratch"] = os.listdir(os.environ["LCSPEC_SCRATCH"])
"""
    body = f"os.environ['LCSPEC_SCRATCH'] = {str(folder / 'scratch')!r}\n" + body
    said = run(folder, body)
    assert said["bent"]
    assert said["class"] == "BentForCausalLM"
    assert said["carried"] == sorted(FILES)
    assert 0 < said["near"] < 0.05
    assert said["same class"]
    assert said["connect"].startswith("PermissionError")
    assert said["process"].startswith("PermissionError")
    assert len(said["scratch"]) == 1
    assert list((folder / "scratch").iterdir()) == []  # gone with the process


def test_nothing_else_runs(folder: Path) -> None:
    write_own_model(folder / "changed")
    mark = folder / "ran"
    (folder / "changed" / "bending.py").write_text(f"open({str(mark)!r}, 'w')\n{BENDING}")
    write_own_model(folder / "more")
    (folder / "more" / "extra.py").write_text(f"open({str(mark)!r}, 'w')\n")
    body = """
said["none"] = outcome(lambda: load_model(folder / "own"))
said["changed"] = outcome(lambda: load_model(folder / "changed", code=code))
said["more"] = outcome(lambda: load_model(folder / "more", code=code))
said["quantised"] = outcome(lambda: quantize_folder(folder / "changed", folder / "q", code=code))
said["open"] = outcome(lambda: subprocess.run(["true"]).returncode)
"""
    said = run(folder, body)
    assert all(said[name].startswith("UnsafeModelError") for name in ("none", "changed", "more", "quantised")), said
    assert "bending.py" in said["changed"]
    assert "extra.py" in said["more"]
    assert said["open"] == 0  # nothing ran, so nothing was closed
    assert not mark.exists()


def test_a_file_that_changes_after_it_was_scanned_does_not_run(folder: Path) -> None:
    write_own_model(folder / "racing")
    mark = folder / "raced"
    (folder / "late.py").write_text(f"open({str(mark)!r}, 'w')\n{BENDING}")
    body = """
from lcspec.runtime import model as module
place_of = module.place_of


def late(at, code):
    (at / "bending.py").write_text((folder / "late.py").read_text())
    return place_of(at, code)


def later(at, code):
    made = place_of(at, code)
    (at / "bending.py").write_text((folder / "late.py").read_text())
    return made


module.place_of = late
said["late"] = outcome(lambda: load_model(folder / "racing", code=code))
"""
    said = run(folder, body)
    assert said["late"].startswith("UnsafeModelError")
    (folder / "racing" / "bending.py").write_text(BENDING)
    said = run(folder, body.replace("= late\n", "= later\n") + 'said["late"] = None\n')
    assert not mark.exists()


def test_models_whose_files_are_called_alike_do_not_meet(folder: Path) -> None:
    write_own_model(folder / "twice" / "own")
    other = BENDING.replace("-bend *", "-2 * bend *")
    (folder / "twice" / "own" / "bending.py").write_text(other)
    both = {**CODE, "bending.py": [digest(BENDING), digest(other)]}
    body = """
one, two = load_model(folder / "own", code=code), load_model(folder / "twice" / "own", code=code)
said["twice"] = torch.equal(2 * logits(one), logits(two))
again = load_model(folder / "own", code=code)
said["again"] = torch.equal(logits(one), logits(again)) and torch.equal(2 * logits(one), logits(two))
"""
    assert run(folder, body, both) == {"twice": True, "again": True}
