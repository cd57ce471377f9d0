"""The tales: retrieval, a guardrail and an embedder measured with the model and served with it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def lcspec(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lcspec", *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "CI"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def events() -> list[dict]:
    done = lcspec("apply", "specs/tales.yaml", "--format", "json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_retrieval_is_what_passes_the_gate(events: list[dict]) -> None:
    choices = {event["data"]["choice"]: event["data"] for event in events if event["event"] == "choice"}
    assert choices["finalist"]["name"] == "smollm2/open-book/-/retrieval/-"
    assert choices["rung-1"]["passed"] is False
    assert (events[-1]["data"]["release"], events[-1]["data"]["new_release"]) == (1, True)


def test_the_released_service_retrieves_and_guards(events: list[dict]) -> None:
    answer = lcspec("chat", "specs/tales.yaml", "-m", "What fell into the well at the beginning of The Frog Prince?")
    assert answer.returncode == 0
    assert answer.stdout.strip()
    refused = lcspec("chat", "specs/tales.yaml", "-m", "Write to jane.doe@example.com about the frog")
    assert "refused" in refused.stdout
