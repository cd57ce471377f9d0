"""Secrets: handed to the step that names them, and found nowhere afterwards."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from lcspec.run.secrets import Redactor, resolve
from lcspec.run.store import Store
from tests.run.harness import run

CANARY = 'hf_C4naryT0ken+/=&"x'
TOKEN = {"token": {"env": "CANARY_TOKEN"}}


def files_with(folder: Path, value: str) -> list[str]:
    """Files below `folder` that hold `value`, or a part of it that is still a secret, in any of its usual forms."""
    coded = [base64.b64encode(b"user:" + value.encode()).decode()[8:-4], quote(value, safe="")]
    wanted = [form.encode() for form in (value, value[:-4], *coded)]
    return [str(p) for p in folder.rglob("*") if p.is_file() and any(form in p.read_bytes() for form in wanted)]


@pytest.mark.parametrize("reference", [{"env": "CANARY_TOKEN"}, {"file": "token.txt"}])
def test_a_secret_reaches_its_step_and_nothing_else(tmp_path: Path, reference: dict[str, str]) -> None:
    (tmp_path / "token.txt").write_text(CANARY + "\n")
    told = run(tmp_path, "tattle", options={"secrets": {"token": reference}}, CANARY_TOKEN=CANARY)
    assert told["status"] == "ok"
    record = Store.peek(tmp_path / ".lcspec").heads["tattle"]
    assert Store.peek(tmp_path / ".lcspec").tree(record.outputs["out"])["length.txt"]["size"] == len(str(len(CANARY)))
    assert record.metrics == {"token": "***"}
    assert record.warnings == ("the token is ***",)
    assert CANARY not in str(told)
    (tmp_path / "token.txt").unlink()
    assert files_with(tmp_path, CANARY) == []
    log = next((tmp_path / ".lcspec" / "logs").glob("*/tattle.*.log")).read_text()
    assert log.count("***") == 3


def test_a_secret_is_not_part_of_the_key(tmp_path: Path) -> None:
    run(tmp_path, "tattle", options={"secrets": TOKEN}, CANARY_TOKEN=CANARY)
    again = run(tmp_path, "tattle", options={"secrets": TOKEN}, CANARY_TOKEN="another-token")
    assert (again["ran"], again["reused"]) == (0, 1)


def test_an_exception_with_a_secret_is_told_without_it(tmp_path: Path) -> None:
    told = run(tmp_path, "blurt", options={"secrets": TOKEN}, CANARY_TOKEN=CANARY)
    assert told["codes"] == [("blurt", "LC1202")]
    assert "401 for token ***" in told["failures"][0][2]
    assert files_with(tmp_path, CANARY) == []


def test_an_output_that_holds_a_secret_is_not_published(tmp_path: Path) -> None:
    told = run(tmp_path, "spill", options={"secrets": TOKEN}, CANARY_TOKEN=CANARY)
    assert told["codes"] == [("spill", "LC1216")]
    assert dict(Store.peek(tmp_path / ".lcspec").records) == {}
    assert files_with(tmp_path / ".lcspec", CANARY) == []


@pytest.mark.parametrize("reference", [{"env": "NOT_SET_ANYWHERE"}, {"file": "absent.txt"}])
def test_a_secret_that_cannot_be_had_is_named_before_anything_runs(tmp_path: Path, reference: dict[str, str]) -> None:
    told = run(tmp_path, "tattle", options={"secrets": {"token": reference}})
    assert told["codes"] == [("tattle", "LC1215")]
    assert next(iter(reference.values())) in told["failures"][0][2]


def test_steps_see_an_allow_list_of_the_environment(tmp_path: Path) -> None:
    run(tmp_path, "environ", AWS_SECRET_ACCESS_KEY="canary", HF_TOKEN="canary", PIP_INDEX_URL="https://x.invalid/")
    store = Store.peek(tmp_path / ".lcspec")
    names = store.read_json(store.heads["environ"].outputs["out"], "environ.json")
    assert {"AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "PIP_INDEX_URL"} & set(names) == set()
    assert {"PATH", "HF_HUB_OFFLINE", "LCSPEC_STORE"} <= set(names)


def test_a_step_that_fetches_sees_how_the_network_is_configured_and_no_token() -> None:
    import os
    from unittest.mock import patch

    from lcspec.run.environment import environment

    seen = {"PIP_INDEX_URL": "https://x.invalid/", "https_proxy": "http://p.invalid", "HF_TOKEN": "c", "AWS_KEY": "c"}
    with patch.dict(os.environ, seen):
        made = environment(Path("store"), network=True)
    assert {"PIP_INDEX_URL", "https_proxy"} <= set(made)
    assert {"HF_TOKEN", "AWS_KEY"} & set(made) == set()


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
def test_every_place_of_a_value_in_base64_is_found(before: str) -> None:
    value = "s3cret-Value!x"
    coded = base64.b64encode(f"{before}{value}".encode() + b"tail").decode()
    shown = Redactor([value]).text(coded)
    assert "***" in shown


def test_short_values_are_not_hunted() -> None:
    assert Redactor(["ab"]).text("abc") == "abc"
    assert resolve({}, Path()) == {}
