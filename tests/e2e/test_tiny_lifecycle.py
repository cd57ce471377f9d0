"""The main job on a tiny model: from a spec to a served, gated, reported release; training and server are real."""

import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lcspec.schema import BUILDERS
from tests.e2e.project import lcspec, make

pytestmark = pytest.mark.ml


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    make(folder)
    return folder


@pytest.fixture(scope="module")
def applied(project: Path) -> list[dict]:
    done = lcspec(project, "apply", "tiny.yaml", "--format", "json")
    assert done.returncode == 0, done.stderr + done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


def finished(events: list[dict]) -> dict[str, dict]:
    return {event["step"]: event["data"] for event in events if event["event"] == "step-finished"}


def records(project: Path) -> dict[str, dict]:
    found = [json.loads(path.read_text()) for path in project.glob(".lcspec/records/*/*.json")]
    return {record["step"]: record for record in found}


def test_prompting_fails_tuning_passes_and_a_release_is_made(applied: list[dict]) -> None:
    choices = {event["data"]["choice"]: event["data"] for event in applied if event["event"] == "choice"}
    assert choices["rung-1"]["passed"] is False
    assert choices["rung-2"]["passed"] is True
    assert choices["finalist"]["name"].endswith("/lora/-/-")
    end = applied[-1]
    assert end["event"] == "run-finished"
    assert (end["data"]["release"], end["data"]["new_release"]) == (1, True)
    assert {verdict["gate"] for verdict in end["data"]["verdicts"]} == {"good-enough", "quick"}


def test_a_spoiled_variant_is_rejected_though_it_claims_to_be_smallest(applied: list[dict], project: Path) -> None:
    choices = {event["data"]["choice"]: event["data"] for event in applied if event["event"] == "choice"}
    assert choices["release"]["name"].endswith("/int8")
    made = records(project)
    spoiled = made["score:letters.validation:finalist/broken"]["metrics"]["accuracy"]["value"]
    good = made["score:letters.validation:finalist/int8"]["metrics"]["accuracy"]["value"]
    assert spoiled < good
    assert made["optimize:finalist/broken"]["metrics"]["bytes"] < made["optimize:finalist/int8"]["metrics"]["bytes"]


def test_the_service_answered_exactly_like_the_evaluated_model(applied: list[dict], project: Path) -> None:
    contract = records(project)["contract:targets.api"]
    assert contract["metrics"] == {"asked": 40, "equal": 40}
    assert contract["measured"]["latency_p95"] > 0


def test_training_rows_are_rendered_as_evaluation_renders_them(applied: list[dict], project: Path) -> None:
    curve = records(project)["train:rung-1.winner/lora"]["metrics"]["curve"]
    assert len(curve) == 20
    assert curve[-1]["loss"] < curve[0]["loss"]


def test_a_second_apply_runs_nothing_and_keeps_the_release(applied: list[dict], project: Path) -> None:
    again = lcspec(project, "apply", "tiny.yaml", "--format", "json")
    events = [json.loads(line) for line in again.stdout.splitlines()]
    assert again.returncode == 0
    assert finished(events) == {}
    assert (events[-1]["data"]["release"], events[-1]["data"]["new_release"]) == (1, False)


def test_a_plan_after_apply_has_nothing_pending(applied: list[dict], project: Path) -> None:
    done = lcspec(project, "plan", "tiny.yaml", "--exit-code")
    assert done.returncode == 0, done.stdout
    assert "Nothing to do" in done.stdout


def test_a_changed_threshold_runs_nothing_and_fails_the_gate(applied: list[dict], project: Path) -> None:
    text = (project / "tiny.yaml").read_text().replace("at-least: 0.85", "at-least: 0.9999")
    (project / "strict.yaml").write_text(text)
    (project / "strict.lock.json").write_text((project / "tiny.lock.json").read_text())
    plan = json.loads(lcspec(project, "plan", "strict.yaml", "--format", "json").stdout)
    assert [step["id"] for step in plan["steps"] if step["action"] == "run"] == []
    done = lcspec(project, "apply", "strict.yaml")
    assert done.returncode == 3
    assert "LC1301" in done.stderr


def test_a_comment_moves_no_key(applied: list[dict], project: Path) -> None:
    (project / "commented.yaml").write_text("# a comment\n" + (project / "tiny.yaml").read_text())
    (project / "commented.lock.json").write_text((project / "tiny.lock.json").read_text())
    assert lcspec(project, "plan", "commented.yaml", "--exit-code").returncode == 0


def test_a_saved_plan_goes_stale_with_the_data(applied: list[dict], project: Path) -> None:
    saved = lcspec(project, "plan", "tiny.yaml", "-o", "plan.json")
    assert saved.returncode == 0
    assert lcspec(project, "apply", "plan.json").returncode == 0
    rows = (project / "letters.jsonl").read_text()
    (project / "letters.jsonl").write_text(rows + '{"text": "xxxAAA", "label": "a"}\n')
    stale = lcspec(project, "apply", "plan.json")
    (project / "letters.jsonl").write_text(rows)
    assert stale.returncode == 5
    assert "LC1102" in stale.stderr


def test_report_status_and_release_tell_the_same_story(applied: list[dict], project: Path) -> None:
    html = (project / "build" / "tiny" / "report.html").read_text()
    assert "good-enough" in html
    assert "http://" not in html.replace("http://www.w3.org", "").replace("http://127.0.0.1", "")
    assert "good-enough" in lcspec(project, "report", "tiny.yaml").stdout
    status = json.loads(lcspec(project, "status", "tiny.yaml", "--format", "json").stdout)
    assert (status["pending"], status["releases"], status["running"]) == (False, 1, None)
    shown = json.loads(lcspec(project, "release", "show", "--spec", "tiny.yaml", "--format", "json").stdout)
    assert set(shown["parts"]) >= {"model", "prompt", "service.api"}
    assert (project / "build" / "tiny" / "api" / "serve.py").is_file()


def test_chat_asks_the_released_service(applied: list[dict], project: Path) -> None:
    done = lcspec(project, "chat", "tiny.yaml", "-m", "xyzBBB12")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("a", "b")


def test_every_event_fits_the_schema_and_tells_the_whole_story(applied: list[dict]) -> None:
    schema = Draft202012Validator(BUILDERS["event"]())
    for event in applied:
        schema.validate(event)
    assert {event["event"] for event in applied} >= {
        "run-started",
        "step-started",
        "progress",
        "choice",
        "run-finished",
    }
    started = [event["step"] for event in applied if event["event"] == "step-started"]
    assert sorted(started) == sorted(finished(applied))
    assert len(started) == len(set(started)) == applied[-1]["data"]["ran"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("runs", ["runs"]), ("comparison", ["compare", "1", "1"]), ("status", ["status", "tiny.yaml"])],
)
def test_what_is_told_of_runs_fits_its_schema(
    applied: list[dict], project: Path, name: str, arguments: list[str]
) -> None:
    done = lcspec(project, *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    Draft202012Validator(BUILDERS[name]()).validate(json.loads(done.stdout))


def test_the_log_of_a_step_is_shown(applied: list[dict], project: Path) -> None:
    step = next(step for step in finished(applied) if step.startswith("train:"))
    assert lcspec(project, "logs", step).returncode == 0
    refused = lcspec(project, "logs", "train:nothing")
    assert (refused.returncode, "LC1303" in refused.stderr) == (2, True)


@pytest.mark.slow
def test_a_prompt_is_shown_from_the_store_as_from_the_files(applied: list[dict], project: Path, tmp_path: Path) -> None:
    stored = lcspec(project, "show", "tiny.yaml", "prompt", "shown", "--row", "3", "--format", "json")
    fresh = tmp_path / "fresh"
    shutil.copytree(project, fresh, ignore=shutil.ignore_patterns(".lcspec", "build"))
    local = lcspec(fresh, "show", "tiny.yaml", "prompt", "shown", "--row", "3", "--format", "json")
    for done in (stored, local):
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)["tokens"]) > 20
    assert json.loads(stored.stdout) == json.loads(local.stdout)


def test_another_machine_serves_promotes_and_keeps_what_it_never_made(
    applied: list[dict], project: Path, tmp_path: Path
) -> None:
    (tmp_path / "shared").mkdir()
    other, store = tmp_path / "other", ("--store", f"file://{tmp_path}/shared")
    shutil.copytree(project, other, ignore=shutil.ignore_patterns(".lcspec", "build"))
    pushed = lcspec(project, "apply", "tiny.yaml", *store, "--format", "json")
    end = json.loads(pushed.stdout.splitlines()[-1])["data"]
    assert (pushed.returncode, end["ran"], end["release"]) == (0, 0, 1), pushed.stderr
    asked = lcspec(other, "chat", "tiny.yaml", "-m", "xyzBBB12", *store)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout == lcspec(project, "chat", "tiny.yaml", "-m", "xyzBBB12").stdout
    assert lcspec(other, "release", "promote", "--spec", "tiny.yaml", *store).returncode == 0
    told = json.loads(lcspec(project, "status", "tiny.yaml", "--format", "json", *store).stdout)
    Draft202012Validator(BUILDERS["status"]()).validate(told)
    assert (told["promoted"], told["remote"]["here_only"]) == (1, 0)
    reported = lcspec(other, "report", "tiny.yaml", *store)
    assert (reported.returncode, reported.stdout) == (0, lcspec(project, "report", "tiny.yaml").stdout), reported.stderr
    strict = (other / "tiny.yaml").read_text().replace("at-least: 0.85", "at-least: 0.9999")
    (other / "strict.yaml").write_text(strict)
    (other / "strict.lock.json").write_text((other / "tiny.lock.json").read_text())
    evidence = lcspec(other, "diff", "tiny.yaml", "strict.yaml", "--format", "json", *store)
    assert [one["choice"] for one in json.loads(evidence.stdout)["turns"]][-2:] == ["finalist", "release"]
    planned = lcspec(other, "plan", "tiny.yaml", *store, "--exit-code")
    assert planned.returncode == 0, planned.stdout
    reused = lcspec(other, "apply", "tiny.yaml", *store, "--format", "json")
    end = json.loads(reused.stdout.splitlines()[-1])["data"]
    assert (reused.returncode, end["ran"], end["release"], end["new_release"]) == (0, 0, 1, False), reused.stderr
    assert (other / "build" / "tiny" / "api" / "serve.py").is_file()
    assert lcspec(other, "verify").returncode == 0
    steps = {record["step"] for record in records(other).values()}
    assert "generate:targets.api" in steps
    assert not any(step.startswith(("train:", "predict:")) for step in steps)
