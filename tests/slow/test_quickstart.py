"""The quickstart as it was applied in this checkout: what it reached, and that the service really serves it.

`.ci/run` applies the spec before it runs these; without that they fail and say so.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SPEC = "specs/quickstart.yaml"


def lcspec(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lcspec", *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "CI"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def records() -> dict[str, dict]:
    """Step id to record, for the steps of the plan as it stands."""
    plan = json.loads(lcspec("plan", SPEC, "--format", "json").stdout)
    assert not plan["pending"], "apply specs/quickstart.yaml first"
    found = {}
    for step in plan["steps"]:
        path = ROOT / ".lcspec" / "records" / (step["key"] or "")[:2] / f"{step['key']}.json"
        if path.exists():
            found[step["id"]] = json.loads(path.read_text())
    return found


def test_the_base_misses_the_gate_and_the_release_passes_it(records: dict[str, dict]) -> None:
    base = records["score:topics.validation:smollm2/zero-shot"]["metrics"]["accuracy"]["value"]
    tuned = records["score:topics.test:finalist"]["metrics"]["accuracy"]
    assert base < 0.5
    assert tuned["n"] >= 500
    assert tuned["value"] >= 0.92


def test_every_variant_was_measured_again(records: dict[str, dict]) -> None:
    for name in ("int8", "int4"):
        assert f"score:topics.validation:finalist/{name}" in records
        assert records[f"compare:{name}-keeps:validation:finalist/{name}"]["metrics"]["comparison"]["n"] == 300


def test_the_service_gave_the_evaluated_answers(records: dict[str, dict]) -> None:
    assert records["contract:targets.api"]["metrics"] == {"asked": 100, "equal": 100}


def test_a_second_apply_runs_nothing() -> None:
    done = lcspec("apply", SPEC, "--format", "json")
    end = json.loads(done.stdout.splitlines()[-1])["data"]
    assert (done.returncode, end["ran"], end["new_release"]) == (0, 0, False)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    command = [sys.executable, "-m", "lcspec", "serve", SPEC, "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield line.split()[-1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def test_the_served_release_answers_the_openai_client(address: str, records: dict[str, dict]) -> None:
    from openai import BadRequestError, NotFoundError, OpenAI

    from lcspec.run.store import Store

    store = Store.peek(ROOT / ".lcspec")
    record = records["predict:topics.test:release"]
    blob = store.blob(store.tree(record["outputs"]["predictions"])["predictions.jsonl"]["blake3"])
    rows = [json.loads(line) for line in blob.read_text().splitlines()][100:120]
    client = OpenAI(base_url=address, api_key="none", max_retries=0)
    model = client.models.list().data[0].id
    assert model == "newsdesk"
    for row in rows:
        message = {"role": "user", "content": row["row"]["Text"]}
        reply = client.chat.completions.create(model=model, messages=[message])
        assert reply.choices[0].message.content == row["answer"]
    streamed = client.chat.completions.create(model=model, messages=[message], stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices) == row["answer"]
    with pytest.raises(NotFoundError):
        client.chat.completions.create(model="another", messages=[message])
    with pytest.raises(BadRequestError):
        client.chat.completions.create(model=model, messages=[message], temperature=-5)


def test_the_exported_service_runs_without_lcspec(tmp_path: Path) -> None:
    folder = ROOT / "build" / "newsdesk" / "api"
    blocker = tmp_path / "sitecustomize.py"
    blocker.write_text(
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'lcspec':\n"
        "            raise ImportError('lcspec is blocked')\n"
        "sys.meta_path.insert(0, Block())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "serve.py", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("READY http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
