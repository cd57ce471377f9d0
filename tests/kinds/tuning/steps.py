"""Runs one training step on a tiny model, in this process or (as a program) in one that can be killed."""

import hashlib
import json
import random
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lcspec.ir.plan import Output
from lcspec.ir.spec import Bound
from lcspec.ir.strict import construct
from lcspec.kinds import registry
from lcspec.kinds.rewards import lower_rewards
from lcspec.rowset import Columns, RowSet, make_rows, write_rows
from lcspec.run.io import ChildIO, Job, seed_everything
from lcspec.tuningkind import params_of, settings_of
from tests.tiny import write_tiny_model

PROMPT = {"format": "text", "user": "{{ text }}=", "answer_prefix": ""}


def letters(count: int = 96) -> list[dict[str, Any]]:
    """Rows whose answer is the letter that comes three times."""
    chosen = random.Random(5)
    made = []
    for number in range(count):
        label = chosen.choice("ab")
        text = "".join(chosen.choice("xyz") for _ in range(3)) + label.upper() * 3 + str(number)
        made.append({"text": text, "label": label})
    return made


def write_inputs(folder: Path, rows: list[dict[str, Any]], columns: dict[str, str]) -> dict[str, str]:
    """Model, prompt and rows as a step finds them."""
    write_tiny_model(folder / "model", seed=3)
    for name in ("prompt", "rows"):
        (folder / name).mkdir(parents=True)
    (folder / "prompt" / "prompt.json").write_text(json.dumps(PROMPT))
    made = make_rows(enumerate(rows, 1), "rows.jsonl", construct(Columns, columns), {}, ())
    write_rows(RowSet({"train": made}), folder / "rows")
    return {name: str(folder / name) for name in ("model", "prompt", "rows")}


class Told:
    """What a step said: metrics and measures by name, warnings, numbers of progress."""

    def __init__(self) -> None:
        self.metrics: dict[str, Any] = {}
        self.measures: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.progress: list[dict[str, Any]] = []

    def __call__(self, kind: str, data: Any) -> None:
        if kind == "metric":
            self.metrics[data["name"]] = data["value"]
        elif kind == "measure":
            self.measures[data["name"]] = data["value"]
        elif kind == "warn":
            self.warnings.append(data["message"])
        elif kind == "progress":
            self.progress.append(dict(data))


def job(kind: str, said: dict[str, Any], inputs: dict[str, str], folder: Path) -> Job:
    """The job of a tuning step whose body says `said`."""
    body = construct(registry.load("tuning", kind).body, {"data": "letters.train", **said})
    return Job(
        step=f"train:{kind}",
        kind=f"tuning.{kind}",
        action="train",
        params={**params_of(body), "split": "train", "input": "text"},
        inputs=inputs,
        libraries=[],
        outputs=str(folder / "out"),
        seed=body.seed,
        threads=1,
        root=str(folder),
        cache=str(folder / "cache"),
        checkpoint=str(folder / "checkpoint"),
        log="",
        settings=settings_of(body),
    )


class Lent:
    """What a recipe's rewards ask of the spec: files of the project, allowed as they are."""

    def __init__(self, code: dict[str, str], labels: tuple[str, ...]) -> None:
        self.code, self.scope = code, SimpleNamespace(labels=labels)

    def entry(self, family: str, name: str) -> None:
        """No entry of `evaluation.metrics`."""

    def fetch(self, owner: Bound, source: Bound, members: tuple[str, ...]) -> Output:
        return Output("fetch", "files")

    def allowed(self, kind: str, item: str) -> dict[str, list[str]]:
        return {f"{kind}:{item}": [hashlib.sha256(self.code[item].encode()).hexdigest()]}


def rewarded(
    kind: str,
    said: dict[str, Any],
    inputs: dict[str, str],
    folder: Path,
    code: dict[str, str] | None = None,
    labels: tuple[str, ...] = (),
) -> Job:
    """The job of a step that learns from rewards; `code` holds the files of the project by path."""
    made = job(kind, said, inputs, folder)
    body = construct(registry.load("tuning", kind).body, {"data": "letters.train", **said})
    entry = Bound("tuning", "own", kind, body, ("tuning", "own"))
    params, files = lower_rewards(Lent(code or {}, labels), entry)  # type: ignore[arg-type]
    for path, text in (code or {}).items():
        (folder / "code" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "code" / path).write_text(text)
    lent = {name: str(folder / "code") for name in files}
    return replace(made, params={**made.params, **params}, inputs={**made.inputs, **lent})


def train(asked: Job) -> Told:
    """Runs the step here; raises LcspecError as it does."""
    told = Told()
    seed_everything(asked.seed, asked.threads)
    registry.module("tuning", asked.kind.partition(".")[2]).train(ChildIO(asked, told))
    return told


if __name__ == "__main__":
    print(json.dumps(train(Job.from_text(Path(sys.argv[1]).read_text())).metrics))
