"""Asks a model the questions of lm-eval's tasks, in a process that is shut in before a byte of a task is run.

lm-eval gets finished configurations: its loader reads no file, its templates are rendered in a sandbox (its own
environment has none), rows come from files that were hashed, and functions from files that `allow` lists.
"""

import random
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from lcspec.canon import digest_bytes
from lcspec.kinds.api import StepIO, within
from lcspec.lmeval import package
from lcspec.lmeval.closing import shut_in
from lcspec.lmeval.measures import HUB
from lcspec.lmeval.model import watched_model
from lcspec.lmeval.package import PREFIX, File
from lcspec.lmeval.reading import Function, TaskFault
from lcspec.lmeval.results import write
from lcspec.lmeval.tasks import Code, Reader, Task, own_validation, read_task, splits

_SEE = "the step's log has the whole traceback: `lcspec logs`"
VALIDATION = "validation"

T = TypeVar("T")


def run(io: StepIO) -> None:
    """Writes `rows.jsonl` (each row's answer and values) and `samples.jsonl` (what was asked and said); all metrics."""
    tasks = _tasks(io)
    rows = [_rows(io, at, task) for at, task in enumerate(tasks)]
    model = watched_model(io)
    code = {one: _allowed(io, one) for task in tasks for one in task.code}
    shut_in(io, [one.file for one in code])
    functions = _functions(io, code)
    loaded = _loaded(io, [_config(task, functions, data, io.params) for task, data in zip(tasks, rows, strict=True)])
    asked = {name: _asked(io, task, one) for (name, one), task in zip(loaded["tasks"].items(), tasks, strict=True)}
    write(io, loaded, _evaluated(io, model, loaded, asked))


# --- what the step was given -----------------------------------------------------------------------------------------


def _reader(io: StepIO) -> Reader:
    """Files as they came into the step; those of the package as they were when the step was planned."""

    def read(file: str) -> File:
        if file.startswith(PREFIX):
            found = package.read(file)
            if found.sha256 != io.params["package"].get(file, found.sha256):
                help = "install the version of the lock, or plan again, then apply"
                io.fail(f"`{file}` is not the file that was planned", help=help, code="LC1102")
            return found
        path = io.input("task") / within(file) if io.has("task") else None
        if path is None or not path.is_file():
            return File()
        data = path.read_bytes()
        return File(digest_bytes(data), data.decode("utf-8", "replace"))

    return read


def _told(io: StepIO, what: str, do: Callable[[], T]) -> T:
    """What `do` makes; ends the step (LC1240) when lm-eval, a library, or a function of the user's own raises."""
    try:
        return do()
    except Exception as error:  # noqa: BLE001 - they raise what they like, about broken files too
        traceback.print_exc()
        io.fail(f"{what}: {type(error).__name__}: {error}", help=_SEE, code="LC1240")


def _tasks(io: StepIO) -> list[Task]:
    try:
        return [read_task(file, _reader(io)) for file in io.params["tasks"]]
    except TaskFault as fault:
        where = f"{fault.place.file}: " if fault.place else ""
        io.fail(f"{where}{fault.message}", help=fault.help, code=fault.code)


def _rows(io: StepIO, at: int, task: Task) -> dict[str, Any]:
    """The task's rows by split, as `datasets` holds them."""
    if task.rows.repo:
        folder, files = io.input(f"rows.{at}"), io.params["rows"][str(at)]
        place: Callable[[str], Path] = lambda file: folder / file  # noqa: E731
    else:
        folder, files = io.input("task"), task.rows.files
        place = lambda file: folder / within(file)  # noqa: E731
    wanted = splits(task.config)
    if missing := sorted(set(wanted) - set(files)):
        message = f"`{task.name}` names the split `{missing[0]}`, its data has {', '.join(sorted(files))}"
        io.fail(message, help="correct the split, or name its files under `dataset_kwargs`", code="LC0405")
    paths = {split: [place(one) for one in files[split]] for split in wanted}
    return _told(io, f"the rows of `{task.name}` cannot be read", lambda: {one: _dataset(paths[one]) for one in paths})


def _dataset(paths: Sequence[Path]) -> Any:
    import datasets
    import pandas
    from pyarrow import parquet

    from lcspec.datafiles import read_any
    from lcspec.hub.select import form_of

    parts = []
    for path in paths:
        form = form_of(path.name) or "jsonl"
        if form == "parquet":
            parts.append(datasets.Dataset(parquet.read_table(path)))
        elif form in ("csv", "tsv"):
            table = pandas.read_csv(path, sep="," if form == "csv" else "\t")
            parts.append(datasets.Dataset.from_pandas(table, preserve_index=False))
        else:
            parts.append(datasets.Dataset.from_list([dict(row) for _, row in read_any(path, path.name, form)]))
    return datasets.concatenate_datasets(parts) if len(parts) > 1 else parts[0]


# --- code ------------------------------------------------------------------------------------------------------------


def capability(file: str) -> str:
    """How `Step.params["capabilities"]` calls a Python file."""
    return f"python:{file}"


def _allowed(io: StepIO, one: Code) -> bytes:
    found = _reader(io)(one.file)
    data = ((found.text if found is not None else None) or "").encode()
    if digest_bytes(data) not in io.params.get("capabilities", {}).get(capability(one.file), ()):
        message = f"`{one.file}` is not the file that the spec allows"
        io.fail(message, help="read it; `lcspec check` tells what to write under `allow`", code="LC0351")
    return data


def _run(data: bytes, file: str, place: dict[str, Any]) -> None:
    exec(compile(data, file, "exec"), place)


def _functions(io: StepIO, code: Mapping[Code, bytes]) -> dict[Any, Any]:
    """Each function by the place that names it; a file that is named twice runs once."""
    modules: dict[str, ModuleType] = {}
    made = {}
    for one, data in code.items():
        if one.file not in modules:
            modules[one.file] = ModuleType(f"lcspec_task_{digest_bytes(data)[:12]}")
            modules[one.file].__file__ = one.file
            place = modules[one.file].__dict__
            _told(io, f"`{one.file}` cannot be run", partial(_run, data, one.file, place))
        function = getattr(modules[one.file], one.name, None)
        if function is None:
            io.fail(f"`{one.file}` has no `{one.name}`", help="define it there, or correct the task", code="LC1240")
        made[one.place] = function
    return made


def _config(
    task: Task, functions: Mapping[Any, Any], rows: Mapping[str, Any], params: Mapping[str, Any]
) -> dict[str, Any]:
    """The task as lm-eval takes it; on validation its own validation split is what it judges, where it has both."""
    made: dict[str, Any] = _resolved(task.config, functions)
    for key in ("tag", "dataset_path", "dataset_name", "dataset_kwargs", "unsafe_code"):
        made.pop(key, None)
    if made.get("metric_list"):  # functions of metrics are called for answers alone; there the hub's are refused
        made["metric_list"] = [{key: one[key] for key in one if key != HUB} for one in made["metric_list"]]
    made["custom_dataset"] = lambda **_: dict(rows)
    made["metadata"] = {}
    made.setdefault("output_type", "generate_until")
    shots = made.get("fewshot_config") or {}
    if made.get("fewshot_split") is None and not shots.get("samples") and not shots.get("split"):
        # lm-eval's own rule, said aloud: else it does not know that a row that is judged may be among the shots
        made["fewshot_split"] = made.get("training_split") or made.get("validation_split") or made.get("test_split")
    if own_validation(task) and params["split"] == VALIDATION:
        made["test_split"] = made["validation_split"]
    return made


def _resolved(value: Any, functions: Mapping[Any, Any]) -> Any:
    if isinstance(value, Function):
        return functions[value.place]
    if isinstance(value, dict):
        return {key: _resolved(item, functions) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, functions) for item in value]
    return value


# --- asking ----------------------------------------------------------------------------------------------------------


def _loaded(io: StepIO, configs: list[dict[str, Any]]) -> Any:
    from lm_eval.tasks import TaskManager

    loaded = _told(io, "lm-eval cannot make the task", lambda: TaskManager(include_defaults=False).load(configs))
    shots = io.params["num-fewshot"]
    for name, task in loaded["tasks"].items():
        said = task.get_config("num_fewshot")
        if shots is not None and said == 0 and shots:
            io.warn(f"`{name}` is a task without examples (`num_fewshot: 0`): `num-fewshot` does not change that")
        elif shots is not None or said is None:
            task.set_config(key="num_fewshot", value=shots or 0)
        task.set_fewshot_seed(seed=io.params["seed"])
    return loaded


def _asked(io: StepIO, task: Task, loaded: Any) -> list[int]:
    """The places of the rows that are judged: a seeded sample, of half of the rows where the task has one split only.

    The halves are the same whatever the limit, and a higher limit adds rows to a lower one's.
    """
    order = list(range(len(loaded.eval_docs)))
    random.Random(io.params["seed"]).shuffle(order)
    if not own_validation(task):
        half = len(order) // 2
        order = order[:half] if io.params["split"] == VALIDATION else order[half:]
    chosen = sorted(order[: io.params["limit"]])
    if not chosen:
        message = f"`{task.name}` has no rows for {io.params['split']}"
        io.fail(message, help="add rows: one half is for validation, the other for test", code="LC1230")
    return chosen


def _evaluated(io: StepIO, model: Any, loaded: Any, asked: Mapping[str, list[int]]) -> Any:
    import numpy
    import torch
    from lm_eval.evaluator import evaluate

    seed = io.params["seed"]
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)
    asking = partial(
        evaluate,
        lm=model,
        task_dict=loaded,
        samples=dict(asked),
        bootstrap_iters=0,
        log_samples=True,
        system_instruction=io.params["system"],
        apply_chat_template=io.params["apply-chat-template"],
        fewshot_as_multiturn=io.params["fewshot-as-multiturn"],
    )
    return _told(io, "lm-eval stopped", asking)
