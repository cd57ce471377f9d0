"""What suites over rows share: which rows they read, the step that asks the model, and the one that scores.

The estimates rest on seconds per row of a model of 135M parameters on two cores; `compile/sizes.py` scales them to the
model that is asked, and knows its memory.
"""

from collections.abc import Mapping
from typing import Any

from lcspec.ir.plan import Estimate, Output, Ref, Resources, Step
from lcspec.ir.spec import Bound
from lcspec.ir.strict import Strict, option
from lcspec.kinds import registry
from lcspec.kinds.api import Context, Kind, Lowered, Subject
from lcspec.kinds.metrics import lower_metrics, version
from lcspec.manifest import SLOTS

UNKNOWN_ROWS = 1000  # where neither suite nor data say how many there are
SECONDS_PER_ROW = {"likelihood": (0.08, 0.4), "generation": (0.2, 0.4), "judge": (0.05, 2.0)}
SECONDS_PER_TOKEN = (0.025, 0.175)  # of what is written: measured with 32 tokens at most
ROW_BYTES = (200, 8192)


class RowLimits(Strict):
    """Rows that are read of each split; all when left out."""

    validation: int | None = option(
        None, doc="Rows of validation.", ge=1, effect="Fewer rows are faster, and choices between candidates less sure."
    )
    test: int | None = option(
        None,
        doc="Rows of test.",
        ge=1,
        effect="Intervals shrink with the root of the rows: four times as many halve them.",
    )


class RowsRead(Strict):
    """Which rows a suite reads."""

    data: str = option(doc="The data entry whose rows are read.", refers="data", effect="Results hold for such rows.")
    limit: RowLimits = option(
        RowLimits,
        doc="Rows to read of each split; a seeded sample.",
        effect="Fewer rows are faster, and gates need more of them to be decided.",
    )
    seed: int = option(
        0, doc="Seed of the sample.", effect="Another seed judges other rows: results before and after do not compare."
    )


def lower_rows(
    ctx: Context,
    entry: Bound,
    subject: Subject,
    split: str,
    *,
    kind: Kind,
    params: Mapping[str, Any],
    slots: tuple[str, ...] = SLOTS,
    method: str,
    max_tokens: int = 0,
) -> Lowered:
    """The step that asks the model about the rows of a split, and the one that computes the metrics of what it wrote.

    A new metric does not ask the model again. The second step is the kind `rows`' whatever asked.

    Args:
        ctx: the rest of the spec.
        entry: the suite.
        subject: the candidate.
        split: validation or test.
        kind: whose first action asks.
        params: what that action is told beside split, limit and seed.
        slots: parts of the candidate that it reads.
        method: by the names of `SECONDS_PER_ROW`.
        max_tokens: the longest answer that is written.
    """
    body, action, rows = entry.body, kind.actions[0], registry.load("suite", "rows")
    name = f"{entry.name}.{split}:{subject.id}"
    ask = Step(
        id=f"{action}:{name}",
        kind=entry.kind_id,
        action=action,
        version=kind.version,
        params={"split": split, "limit": getattr(body.limit, split), "sample-seed": body.seed, **params},
        inputs={
            "rows": ctx.slots("data", body.data)["rows"],
            **{slot: subject.slots[slot] for slot in slots if slot in subject.slots},
        },
        libraries=kind.libraries,
        resources=Resources(cpus=2, memory=2 << 30),
        estimate=asking(_rows(ctx, body, split), method, max_tokens),
        source=entry.path,
        seed=0,
    )
    scored, code = lower_metrics(ctx, body.metrics)
    score = Step(
        id=f"score:{name}",
        kind="suite.rows",
        action="score",
        version=rows.version,
        params=scored,
        inputs={"predictions": Output(ask.id, "predictions"), **code},
        estimate=Estimate((0.05, 1.0), 50 << 20, "constant", (0, 1 << 20)),
        source=entry.path,
    )
    return Lowered((ask, score), {"predictions": score.inputs["predictions"], "score": Output(score.id, "rows")})


def lower_compare(entry: Bound, subject: str, metric: str, ours: Ref, theirs: Ref) -> Step:
    """One step that compares two scored sets row by row."""
    return Step(
        id=f"compare:{subject}",
        kind="suite.rows",
        action="compare",
        version=registry.load("suite", "rows").version,
        params={"metric": metric, "metric-version": version(metric)},
        inputs={"ours": ours, "theirs": theirs},
        estimate=Estimate((0.05, 0.5), 50 << 20, "constant", (0, 1 << 10)),
        source=entry.path,
    )


def asking(rows: int | None, method: str, max_tokens: int = 0) -> Estimate:
    """Seconds and bytes of asking a model of 135M parameters about `rows`; history replaces it."""
    count = UNKNOWN_ROWS if rows is None else rows
    low, high = SECONDS_PER_ROW[method]
    if method == "generation":
        low, high = low + SECONDS_PER_TOKEN[0] * max_tokens, high + SECONDS_PER_TOKEN[1] * max_tokens
    disk = (ROW_BYTES[0] * count, ROW_BYTES[1] * count)
    basis = "constant" if rows is None else "formula"
    growing = (low * count, high * count)
    seconds = (5 + growing[0], 10 + growing[1])
    return Estimate(seconds, 1500 << 20, basis, disk, size=count, growing=growing, needs="answering")


def _rows(ctx: Context, body: Any, split: str) -> int | None:
    """How many rows a split has at most, as far as the spec says."""
    part = getattr(ctx.body("data", body.data).split, split)
    return min((count for count in (getattr(body.limit, split), part) if isinstance(count, int)), default=None)
