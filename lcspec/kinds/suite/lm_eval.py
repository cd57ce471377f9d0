"""Benchmarks of EleutherAI's lm-eval: its tasks by name, or task files of the project, asked of the model as it stands.

It judges a model, not the candidate's way of asking: prompt, retrieval and guardrails play no part, and candidates that
differ in those alone share one result. A task is a name that lm-eval knows (`arc_easy`; its data set is pinned by
`lcspec lock`) or a YAML file of the project in lm-eval's format, whose data files (`dataset_path: json` with
`data_files`) lie below the spec's folder. Metrics have lm-eval's names. Over several tasks `acc` counts all rows alike
and `TASK.acc` is each task's own; it is `METRIC/FILTER` where a task has several filters.

A task that has both a validation and a test split is chosen by the one and judged by the other; of one that has a
single split, a seeded half is for each. So published figures, which take all rows, compare only roughly. Python that a
task names by `!function` runs only when `allow` lists its file by digest. It runs in the process that asks the model,
which opens no socket, starts no process and imports no file of the project; files it reads and writes with the rights
of the step, so it is no sandbox, and `confine = "sandbox"` in `lcspec.toml` refuses it. Templates are rendered in
Jinja's sandbox. Limits: no pictures, no groups, no tasks that run what the model writes, no metric
that would come from the hub; a service is not held against these answers, so another suite must select.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from lcspec.hub.body import FILES, ROWS, FromEnvironment, HubBody
from lcspec.ir.plan import Estimate, Output, Resources, Step
from lcspec.kinds.api import Body, Bound, Context, Kind, Lowered, StepIO, Subject, option
from lcspec.kinds.suites import SECONDS_PER_ROW, SECONDS_PER_TOKEN
from lcspec.lmeval.package import PREFIX
from lcspec.lmeval.reading import Place, TaskFault
from lcspec.lmeval.tasks import Reader, Rows, Task, locate, measured, read_task, rows_of
from lcspec.manifest import shared_part

UNKNOWN_ROWS = 1000
CHOICES = 4  # where the rows say how many there are
TOKENS = 256  # what lm-eval lets a task write that says nothing


class LmEvalSuiteBody(Body):
    """A suite of lm-eval tasks."""

    tasks: tuple[str, ...] = option(
        doc="Names of lm-eval's own tasks, or task files (`tasks/words.yaml`), relative to the spec's folder.",
        min_length=1,
        effect="Each task is asked of each candidate model, on each split.",
    )
    metrics: tuple[str, ...] = option(
        ("acc",),
        doc="The metrics that gates and choices use: `acc`, `TASK.acc`, `exact_match/strict`. All are recorded.",
        key=False,
        min_length=1,
        effect="Nothing runs again: what tasks measure is recorded whether it is listed or not.",
    )
    limit: int | None = option(
        None,
        doc="Rows of each task and split, a seeded sample; all when left out.",
        ge=1,
        effect="Fewer rows are faster, and gates need more of them to be decided.",
    )
    num_fewshot: int | None = option(
        None,
        doc="Examples before each question; as the task says when left out. A task that says 0 keeps it.",
        ge=0,
        effect="More examples mostly help base models; prompts grow, and with them time.",
    )
    apply_chat_template: bool = option(
        False,
        doc="Whether questions are put through the model's own chat template.",
        effect="Tuned chat models mostly need it; base models have no template.",
    )
    system: str | None = option(
        None, doc="A system message before each question.", effect="It is part of each question, of every task."
    )
    fewshot_as_multiturn: bool = option(
        True,
        doc="Whether examples are turns of the conversation, where a chat template is applied.",
        effect="`false` puts all examples into one message.",
    )
    batch_size: int = option(
        8,
        doc="Requests that are computed at once.",
        ge=1,
        effect="Larger is faster, in more memory; last bits, and with them now and then an answer, depend on it.",
    )
    token: FromEnvironment | None = option(
        None,
        doc="Where the access token of gated data sets is, say `{env: HF_TOKEN}`.",
        key=False,
        effect="Tasks whose data set asks for one can be locked and fetched.",
    )
    seed: int = option(
        0,
        doc="Seed of the sample, of the examples and of answers that are drawn.",
        effect="Another seed asks other rows: results before and after do not compare.",
    )


# --- planning --------------------------------------------------------------------------------------------------------


def lower(ctx: Context, entry: Bound, subject: Subject, split: str) -> Lowered:
    """One step that asks and scores: lm-eval does both."""
    body, tasks, files = entry.body, *_tasks(entry, ctx.read)
    local = sorted({one for one in files if not one.startswith(PREFIX)})
    inputs = {"model": subject.slots["model"]}
    if local:
        inputs["task"] = ctx.fetch(entry, Bound("source", "from", "path", None, entry.path), tuple(local))
    rows, fetched = _hub(ctx, entry, tasks)
    capabilities: dict[str, list[str]] = {}
    for task in tasks:
        for one in task.code:
            capabilities |= ctx.allowed("python", one.file)
    step = Step(
        id=f"predict:{entry.name}.{split}:{subject.id}",
        kind=entry.kind_id,
        action="predict",
        version=KIND.version,
        params={
            "tasks": [task.file for task in tasks],
            "package": {one: _digest(ctx, one) for one in files if one.startswith(PREFIX)},
            "rows": rows,
            "split": split,
            "limit": body.limit,
            "num-fewshot": body.num_fewshot,
            "apply-chat-template": body.apply_chat_template,
            "system": body.system,
            "fewshot-as-multiturn": body.fewshot_as_multiturn,
            "batch-size": body.batch_size,
            "seed": body.seed,
            "pinned": all(one is not None for one in rows.values()),
            **({"capabilities": capabilities} if capabilities else {}),
        },
        inputs={**inputs, **fetched},
        libraries=KIND.libraries,
        resources=Resources(cpus=2, memory=2 << 30),
        estimate=_estimate(tasks, [_count(body, task, split, ctx) for task in tasks]),
        source=entry.path,
        seed=0,
    )
    return Lowered((step,), {"predictions": Output(step.id, "samples"), "score": Output(step.id, "rows")})


def _tasks(entry: Bound, read: Reader) -> tuple[list[Task], tuple[str, ...]]:
    """The tasks of a suite and the files that they need; none of one that cannot be read, which a check has told."""
    tasks = []
    for named in entry.body.tasks:
        try:
            tasks.append(read_task(locate(named), read))
        except TaskFault:
            continue
    data = [file for task in tasks for paths in task.rows.files.values() for file in paths]
    return tasks, tuple(sorted({*(file for task in tasks for file in task.files), *data}))


def _digest(ctx: Context, file: str) -> str | None:
    found = ctx.read(file)
    return found.sha256 if found is not None else None


def _hub(ctx: Context, entry: Bound, tasks: list[Task]) -> tuple[dict[str, Any], dict[str, Output]]:
    """Of each task whose rows lie on the hub: split to files (None until they are locked), and the step's input."""
    rows: dict[str, Any] = {}
    inputs: dict[str, Output] = {}
    for at, task in enumerate(tasks):
        if not task.rows.repo:
            continue
        path = (*entry.path, "tasks", at)
        said = HubBody(type="dataset", repo=task.rows.repo, revision=task.rows.revision, token=entry.body.token)
        source = Bound("source", "from", "huggingface", said, path)
        members = _members(task.rows)
        inputs[f"rows.{at}"] = ctx.fetch(replace(entry, name=f"{entry.name}.{at}", path=path), source, members)
        pinned = ctx.pin(source, members)
        found = [pinned["choices"][one] for one in members] if pinned else []
        merged = {split: list(paths) for splits in found for split, paths in splits.items()}
        rows[str(at)] = merged if pinned else None
    return rows, inputs


def _members(rows: Rows) -> tuple[str, ...]:
    named = tuple(f"{FILES}{split}={pattern}" for split, pattern in sorted(rows.patterns.items()))
    return named or (f"{ROWS}{rows.config}",)


def _count(body: LmEvalSuiteBody, task: Task, split: str, ctx: Context) -> int | None:
    known = [count for count in (body.limit, rows_of(task, split, ctx.read)) if count is not None]
    return min(known, default=None)


def _estimate(tasks: list[Task], rows: list[int | None]) -> Estimate:
    """Seconds of a model of 135M parameters: a likelihood for each choice, or an answer, of each row."""
    low = high = requests = 0.0
    for task, known in zip(tasks, rows, strict=True):
        count = UNKNOWN_ROWS if known is None else known
        kind, choices = task.config.get("output_type", "generate_until"), task.config.get("doc_to_choice")
        if kind == "generate_until":
            said = task.config.get("generation_kwargs")
            tokens = said.get("max_gen_toks", TOKENS) if isinstance(said, dict) else TOKENS
            tokens = tokens if isinstance(tokens, int) else TOKENS
            some, most = SECONDS_PER_ROW["generation"]
            each, asked = (some + SECONDS_PER_TOKEN[0], most + SECONDS_PER_TOKEN[1] * tokens), count
        else:
            each = SECONDS_PER_ROW["judge"]
            asked = count * (1 if kind != "multiple_choice" else len(choices) if isinstance(choices, list) else CHOICES)
        low, high, requests = low + each[0] * asked, high + each[1] * asked, requests + asked
    disk = (int(300 * requests), int(8192 * requests))
    basis = "constant" if None in rows else "formula"
    seconds = (5 + low, 15 + high)
    return Estimate(seconds, 1500 << 20, basis, disk, size=requests, growing=(low, high), needs="answering")


# --- checking --------------------------------------------------------------------------------------------------------


class Fault(NamedTuple):
    """What is wrong with a suite: at a path of the spec, and, where a task file shows it, at a place there."""

    code: str
    message: str
    help: str
    path: tuple[str | int, ...]
    place: Place | None = None


def faults(entry: Bound, read: Reader, allowed: Callable[[str], tuple[str, ...]]) -> Iterator[Fault]:
    """Everything that the suite's tasks cannot be run with; `allowed` gives the digests that `allow` has for a file."""
    tasks: list[Task] = []
    sound = True
    for at, named in enumerate(entry.body.tasks):
        path = (*entry.path, "tasks", at)
        try:
            task = read_task(locate(named), read)
        except TaskFault as fault:
            sound = False
            yield Fault(fault.code, fault.message, fault.help, path, fault.place)
            continue
        for other in tasks:
            if other.name == task.name:
                yield Fault("LC0461", f"two tasks are called `{task.name}`", "rename one", path)
        tasks.append(task)
        yield from _code(task, path, read, allowed)
    there = measured(tasks)
    for at, metric in enumerate(entry.body.metrics if sound else ()):
        if metric not in there:
            given = "metrics" in entry.body.model_fields_set
            path = (*entry.path, "metrics", at) if given else (*entry.path, "tasks")
            help = f"{'say one of' if given else 'say `metrics:` with one of'} {', '.join(f'`{one}`' for one in there)}"
            yield Fault("LC0601", f"these tasks do not measure `{metric}`", help, path)


def _code(
    task: Task, path: tuple[str | int, ...], read: Reader, allowed: Callable[[str], tuple[str, ...]]
) -> Iterator[Fault]:
    """LC0351 for each Python file that a task would run and that is not allowed as it is, where it is named first."""
    told = set()
    for one in task.code:
        found, digests = read(one.file), allowed(one.file)
        if one.file in told or found is None or found.sha256 in digests:
            continue
        told.add(one.file)
        name = task.name.lower().replace("_", "-")
        line = f"{{kind: python, path: {one.file}, sha256: {found.sha256}}}"
        if digests:
            message = f"`{one.file}` is not the file that is allowed: its digest is {str(found.sha256)[:12]}…"
            help = f"read what changed; if it may run, make its entry of `allow` `{line}`"
        else:
            message = f"`{one.file}` would run, and `allow` does not list it"
            help = f"read the file; if it may run, write `allow: {{{name}: {line}}}`"
        yield Fault("LC0351", message, help, path, one.place)


def runs(entry: Bound, read: Reader) -> frozenset[str] | None:
    """The Python files that a suite would run, as `allow` names them; None while a task of it cannot be read."""
    tasks, _ = _tasks(entry, read)
    known = len(tasks) == len(entry.body.tasks)
    return frozenset(one.file for task in tasks for one in task.code) if known else None


def manifest(ctx: Context, entry: Bound) -> dict[str, Any]:
    """How a service of this candidate answers; nothing here was answered as a service does, so it says the defaults."""
    scoring = "likelihood" if ctx.scope.labels else "generation"
    labels = list(ctx.scope.labels)
    return shared_part(task=ctx.scope.task, input="text", labels=labels, scoring=scoring, max_tokens=256, stop=[])


# --- running ---------------------------------------------------------------------------------------------------------


def predict(io: StepIO) -> None:
    """Writes `rows.jsonl` and `samples.jsonl`, and records every metric of every task."""
    from lcspec.lmeval.running import run

    run(io)


CONFINED = False  # functions of tasks need the model: an apply that must confine what it runs refuses them beforehand
EXAMPLE = "{kind: lm-eval, tasks: [arc_easy], metrics: [acc, acc_norm], limit: 200}"
KIND = Kind(
    family="suite",
    name="lm-eval",
    version=1,
    body=LmEvalSuiteBody,
    lower=lower,
    summary="tasks of lm-eval, its own or the project's",
    example=EXAMPLE,
    actions=("predict",),
    libraries=("torch", "transformers", "lm-eval", "datasets"),
)
