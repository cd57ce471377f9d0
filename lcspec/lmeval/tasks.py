"""What a task of lm-eval says: its files, the functions that it would run, its rows and its metrics.

Pure: files come from a reader. Only what can be run here, offline and by the rules of `allow`, gets through.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from lcspec.diag.suggest import did_you_mean, nearest
from lcspec.lmeval.measures import MEASURED, metrics_of
from lcspec.lmeval.package import PREFIX, TASKS, everything, find, folder
from lcspec.lmeval.reading import Function, Place, TaskFault, functions, read_yaml

MOST_FILES = 64
FORMS = ("json", "csv", "parquet")
_KEYS = frozenset(
    (
        *("task", "task_alias", "tag", "include", "dataset_path", "dataset_name", "dataset_kwargs", "training_split"),
        *("validation_split", "test_split", "fewshot_split", "process_docs", "doc_to_text", "doc_to_target"),
        *("doc_to_choice", "process_results", "description", "target_delimiter", "fewshot_delimiter"),
        *("fewshot_config", "num_fewshot", "metric_list", "output_type", "generation_kwargs", "repeats"),
        *("filter_list", "should_decontaminate", "doc_to_decontamination_query", "gen_prefix", "metadata"),
        "unsafe_code",
    )
)
_REFUSED = {
    "class": ("a task that is a Python class is not run", "write it as YAML; functions are named by `!function`"),
    "group": ("a group is not a task", "name its tasks"),
    "task_list": ("a list of tasks is not a task", "write one file for each"),
    "custom_dataset": ("rows that a function makes are not read", "write them to a file, and name that as data"),
    "use_prompt": ("prompts from a library are not read", "write the template under `doc_to_text`"),
    "doc_to_image": ("tasks with pictures are not run", "name a task of text"),
    "doc_to_audio": ("tasks with sound are not run", "name a task of text"),
}
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?\Z")
_NAME = re.compile(r"[A-Za-z0-9][\w.+:-]*\Z")
_WORDS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z")


class Text(Protocol):
    """A file that was read: None where it is missing."""

    @property
    def sha256(self) -> str | None:
        """Digest of the file."""

    @property
    def text(self) -> str | None:
        """What it holds."""

    @property
    def outside(self) -> str:
        """How its name leads out of where it may lie; empty when it does not."""


Reader = Callable[[str], Text | None]


class Code(NamedTuple):
    """A function of a Python file beside the task file that names it."""

    file: str
    name: str
    place: Place


class Rows(NamedTuple):
    """Where rows lie: local files by split, or a repository of the hub."""

    files: Mapping[str, tuple[str, ...]]
    form: str = ""
    repo: str = ""
    config: str = "default"
    revision: str = "main"
    patterns: Mapping[str, str] = {}


@dataclass(frozen=True)
class Task:
    """A task with everything that it includes.

    Attributes:
        name: what lm-eval calls it.
        file: where it stands.
        config: its keys; each `Function` in it is one of `code`, by place.
        files: its YAML files and the Python files that they name, sorted.
        code: the functions that it would run.
        rows: where its rows lie.
        metrics: name to whether it is a mean over rows; `METRIC/FILTER` where there is more than one filter.
    """

    name: str
    file: str
    config: Mapping[str, Any]
    files: tuple[str, ...]
    code: tuple[Code, ...]
    rows: Rows
    metrics: Mapping[str, bool] = field(default_factory=dict)


def locate(named: str) -> str:
    """The file of a task as the spec names it: a file of the project, one of the package, or a task's name there.

    Raises:
        TaskFault: LC0462, lm-eval has no such task.
    """
    if named.endswith((".yaml", ".yml")):
        return named if named.startswith(PREFIX) else posixpath.normpath(named)
    found = find(named)
    if found is not None:
        return found
    if folder() is None:
        raise TaskFault("lm-eval is not installed", "install it: `pip install lm-eval`", code="LC0462")
    tasks, groups = everything()
    if named in tasks:
        raise TaskFault(f"`{named}` is not where its name says", f"name it as `{tasks[named]}`", code="LC0462")
    message = f"`{named}` is no task of the installed lm-eval"
    help = did_you_mean(named, tasks, "") if nearest(named, sorted(tasks)) else "`lm-eval ls subtasks` lists them"
    if named in groups:
        message, help = f"`{named}` is a group of tasks", f"name its tasks: {_some(named, tasks)}"
    raise TaskFault(message, f"{help}; a task of the project is named by its file", code="LC0462")


def _some(group: str, tasks: Mapping[str, str]) -> str:
    named = [f"`{name}`" for name in sorted(tasks) if name.startswith(f"{group}_")]
    return ", ".join([*named[:3], "…"]) if named else "`lm-eval ls subtasks` lists them"


def read_task(file: str, read: Reader) -> Task:
    """The task that stands in `file`.

    Raises:
        TaskFault: LC0401 for a file that is not there, LC0461 for what is not read or run, LC0463 for a metric.
    """
    work = _Reading(read)
    config, keys = work.merged(file, (), None)
    work.check(config, keys, file)
    code = tuple(work.code(one) for one in functions(config))
    files = sorted({*work.seen, *(one.file for one in code)})
    metrics = metrics_of(config, keys, file)
    return Task(str(config["task"]), file, config, tuple(files), code, work.rows(config, keys), metrics)


class _Reading:
    def __init__(self, read: Reader) -> None:
        self.read = read
        self.seen: dict[str, tuple[dict[str, Any], dict[str, Place]]] = {}

    def merged(self, file: str, above: tuple[str, ...], place: Place | None) -> tuple[dict[str, Any], dict[str, Place]]:
        """The keys of a file over those of what it includes."""
        if file in above:
            circle = " → ".join([*above[above.index(file) :], file])
            raise TaskFault(f"files include each other in a circle: {circle}", "break it", place)
        if file not in self.seen:
            if len(self.seen) == MOST_FILES:
                raise TaskFault(f"more than {MOST_FILES} files are included", "include fewer", place)
            self.seen[file] = read_yaml(self.text(file, place), file)
        own, keys = dict(self.seen[file][0]), dict(self.seen[file][1])
        said = own.pop("include", None)
        listed = said if isinstance(said, list) else [] if said is None else [said]
        config: dict[str, Any] = {}
        places: dict[str, Place] = {}
        for one in listed:
            at = keys["include"]
            if not isinstance(one, str):
                raise TaskFault("`include` names files", "write the path of a file beside it", at)
            inner, more = self.merged(beside(file, one, at), (*above, file), at)
            config |= {key: value for key, value in inner.items() if key != "task_list"}
            places |= more
        return config | own, places | keys

    def text(self, file: str, place: Place | None) -> str:
        found = self.read(file)
        if found is not None and found.outside:
            raise TaskFault(f"`{file}` {found.outside}", "put it into the folder of the spec, or below it", place)
        if found is not None and found.sha256 == "" and found.text is None:
            raise TaskFault(f"`{file}` is too large to be looked into", "move rows into a data file", place)
        if found is None or found.text is None:
            raise TaskFault(f"there is no file `{file}`", "correct the path, or write the file", place, "LC0401")
        return found.text

    def code(self, one: Function) -> Code:
        """The file and the name of a function."""
        if not _WORDS.match(one.words):
            raise TaskFault(f"`{one.words}` names no function", "write `!function FILE.FUNCTION`", one.place)
        module, _, name = one.words.rpartition(".")
        file = beside(one.place.file, f"{module.replace('.', '/')}.py", one.place)
        try:
            self.text(file, one.place)
        except TaskFault as fault:
            fault.help = f"put `{module}` beside the task: functions of installed packages are not looked for"
            raise
        return Code(file, name, one.place)

    def check(self, config: Mapping[str, Any], keys: Mapping[str, Place], file: str) -> None:
        for key, (message, help) in _REFUSED.items():
            if key in config:
                raise TaskFault(message, help, keys[key])
        for key in config:
            if key not in _KEYS:
                raise TaskFault(f"lm-eval knows no key `{key}`", did_you_mean(key, _KEYS, "keys"), keys[key])
        whole = Place(file, 0, 1)
        name = config.get("task")
        if isinstance(name, list):
            raise TaskFault("a group is not a task", "name its tasks", keys["task"])
        if not isinstance(name, str) or not _NAME.match(name):
            message = "the task has no name" if name is None else "a task's name has no spaces or slashes"
            raise TaskFault(message, "write `task: NAME`", keys.get("task", whole))
        if config.get("unsafe_code", False) is not False:
            help = "nothing that a model wrote is run; name another task"
            raise TaskFault("it runs what the model writes (`unsafe_code`)", help, keys["unsafe_code"])
        kind = config.get("output_type", "generate_until")
        if not isinstance(kind, str) or kind not in MEASURED:
            raise TaskFault(f"no such `output_type`: `{kind}`", f"one of {', '.join(MEASURED)}", keys["output_type"])
        if config.get("test_split") is None and config.get("validation_split") is None:
            raise TaskFault("it has no rows to judge", "write `test_split` or `validation_split`", keys["task"])

    def rows(self, config: Mapping[str, Any], keys: Mapping[str, Place]) -> Rows:
        """Where the rows are."""
        path, said = config.get("dataset_path"), config.get("dataset_kwargs") or {}
        at = keys.get("dataset_path", keys["task"])
        if not isinstance(path, str):
            raise TaskFault("it names no data", "write `dataset_path: json` and `dataset_kwargs: {data_files: …}`", at)
        place = keys.get("dataset_kwargs", at)
        known = ("data_files", "revision", "trust_remote_code", "verification_mode")  # the last two reach nobody
        if not isinstance(said, dict) or not set(said) <= set(known):
            help = "of `dataset_kwargs`, `data_files` and `revision` are read"
            raise TaskFault("its data is described in a way that is not read", help, place)
        files = _by_split(said.get("data_files"), place)
        if path in FORMS:
            if not files:
                raise TaskFault("it names no data files", "write `dataset_kwargs: {data_files: {test: …}}`", place)
            for key, split in _splits(config):
                if split not in files:
                    help = f"its `data_files` have {', '.join(sorted(files))}"
                    raise TaskFault(f"there is no split `{split}`", help, keys.get(key, place))
            return Rows({split: self._local(place, paths) for split, paths in files.items()}, path)
        if not _REPO.match(path):
            help = f"name a data set of the hub, or one of {', '.join(FORMS)} with `data_files`"
            raise TaskFault(f"`{path}` is no data that is read", help, at)
        many = [split for split, paths in files.items() if len(paths) > 1]
        if many:
            raise TaskFault("several patterns for one split are not read", "write one pattern", place)
        config_name = config.get("dataset_name")
        return Rows(
            {},
            repo=path,
            config="default" if config_name is None else str(config_name),
            revision=str(said.get("revision") or "main"),
            patterns={split: paths[0] for split, paths in files.items()},
        )

    def _local(self, place: Place, paths: tuple[str, ...]) -> tuple[str, ...]:
        made = tuple(beside(place.file, one, place) for one in paths)
        for file in made:
            found = self.read(file)
            if found is not None and found.outside:
                raise TaskFault(f"`{file}` {found.outside}", "put it into the folder of the spec", place)
            if found is None or found.sha256 is None:
                help = "paths are relative to the task file; write it, or correct `data_files`"
                raise TaskFault(f"there is no file `{file}`", help, place, "LC0401")
        return made


def _splits(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, split) of every split that a task names."""
    for key in ("training_split", "validation_split", "test_split", "fewshot_split"):
        if config.get(key) is not None:
            yield key, str(config[key])
    shots = config.get("fewshot_config")
    if isinstance(shots, dict) and shots.get("split") is not None:
        yield "fewshot_config", str(shots["split"])


def splits(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The splits that a task names, sorted."""
    return tuple(sorted({split for _, split in _splits(config)}))


def own_validation(task: Task) -> bool:
    """Whether the task itself has rows to choose by and others to judge by."""
    return task.config.get("validation_split") is not None and task.config.get("test_split") is not None


def rows_of(task: Task, split: str, read: Reader) -> int | None:
    """How many rows a task has for our `split`, as far as lines of local files tell."""
    config = task.config
    theirs = config.get("validation_split") if own_validation(task) and split == "validation" else None
    paths = task.rows.files.get(str(theirs or config.get("test_split") or config.get("validation_split")), ())
    texts = [found.text for path in paths if path.endswith(".jsonl") and (found := read(path)) is not None]
    counts = [text.count("\n") for text in texts if text is not None]
    if not paths or len(counts) < len(paths):
        return None
    count = sum(counts)
    return count if own_validation(task) else count // 2 if split == "validation" else count - count // 2


def beside(file: str, named: str, place: Place) -> str:
    """A path that `file` names, relative to the folder of the spec, or to that of the package.

    Raises:
        TaskFault: it leads out of there.
    """
    home = TASKS if file.startswith(PREFIX) else ""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(file.removeprefix(home)), named))
    if "://" in named or named.startswith(("/", "~")) or joined == ".." or joined.startswith("../"):
        raise TaskFault(f"`{named}` leads out of the folder of the spec", "name a file below it", place)
    return home + joined


def _by_split(said: Any, place: Place) -> dict[str, tuple[str, ...]]:
    """Files by split as `datasets` takes them: one, a list, or either by split."""
    named = said if isinstance(said, dict) else {} if said is None else {"train": said}
    made = {}
    for split, value in named.items():
        paths = value if isinstance(value, list) else [value]
        if not isinstance(split, str) or not paths or not all(isinstance(one, str) and one for one in paths):
            raise TaskFault("`data_files` names files by split", "write `data_files: {test: rows.jsonl}`", place)
        made[split] = tuple(paths)
    return made


def measured(tasks: list[Task]) -> tuple[str, ...]:
    """The metrics of a suite: those that all tasks have as a mean, over all rows, then each task's own."""
    if len(tasks) == 1:
        return tuple(tasks[0].metrics)
    shared = [name for name in (tasks[0].metrics if tasks else ()) if all(task.metrics.get(name) for task in tasks)]
    return (*shared, *(f"{task.name}.{name}" for task in tasks for name in task.metrics))
