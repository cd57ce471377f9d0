"""A world in the mind: a spec whose steps finish without being run, for tests of plans."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lcspec import api
from lcspec.canon import digest
from lcspec.compile.facts import Facts
from lcspec.compile.moves import moved_facts
from lcspec.compile.select import Wish
from lcspec.ir.plan import Plan, PlannedStep
from lcspec.ir.record import StepRecord

ROOT = Path(__file__).parents[1]
QUICKSTART = (ROOT / "specs" / "quickstart.yaml").read_text()
OUTPUTS = (
    "files",
    "rows",
    "model",
    "adapter",
    "prompt",
    "predictions",
    "comparison",
    "service",
    "contract",
    "reference",
    "onnx",
)


class World:
    """Runs a spec in the mind: each step yields content that depends on its inputs, and metrics that are given."""

    def __init__(self, folder: Path, text: str = QUICKSTART) -> None:
        self.records: dict[str, StepRecord] = {}
        self.heads: dict[str, StepRecord] = {}
        self.folder = folder
        self.write(text)

    def write(self, text: str) -> None:
        (self.folder / "spec.yaml").write_text(text)
        (self.folder / "spec.lock.json").write_text((ROOT / "specs" / "quickstart.lock.json").read_text())

    def load(self) -> api.Loaded:
        loaded = api.load(self.folder / "spec.yaml")
        assert loaded.ok, loaded.diagnostics
        return loaded

    def facts(self, **more: Any) -> Facts:
        spec = self.load().spec
        assert spec is not None
        return moved_facts(Facts(records=self.records, heads=self.heads, **more), spec)

    def plan(self, wish: Wish | None = None) -> Plan:
        return api.make_plan(self.load(), self.facts(), wish)[0]

    def actions(self) -> dict[str, str]:
        return {step.step.id: step.action for step in self.plan().steps}

    def run(
        self, accuracy: Callable[[str], float], limit: int = 100, content: Callable[[str], str] = lambda step: ""
    ) -> None:
        """Finishes every step that can run; `content` changes what a step makes without changing its key."""
        for _ in range(limit):
            ready = [s for s in self.plan().steps if s.action == "run" and s.key]
            if not ready:
                return
            for step in ready:
                self.finish(step, accuracy, content)
        pytest.fail("the plan does not come to an end")

    def finish(
        self, step: PlannedStep, accuracy: Callable[[str], float], content: Callable[[str], str] = lambda step: ""
    ) -> None:
        """Finishes one step whose key is known."""
        made = {name: digest([step.key, name, content(step.step.id)]) for name in OUTPUTS}
        metrics = self.metrics(step.step.id, accuracy)
        record = StepRecord(step.key or "", step.step.id, step.step.kind, step.parts or {}, made, metrics)
        self.records[record.key] = self.heads[step.step.id] = record

    @staticmethod
    def metrics(step: str, accuracy: Callable[[str], float]) -> dict[str, Any]:
        right = round(accuracy(step) * 500)
        value = {"value": right / 500, "n": 500, "successes": right, "higher_is_better": True}
        same = {"metric": "accuracy", "n": 500, "difference": 0.0, "better": 0, "worse": 0}
        return {"accuracy": value, "macro-f1": value, "comparison": same, "bytes": len(step)}


def learns(step: str) -> float:
    return 0.95 if "lora" in step or "finalist" in step or "release" in step else 0.2
