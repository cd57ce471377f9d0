"""`StepIO` as a running step sees it: folders laid out by the parent, and messages back to it."""

import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from lcspec.confine.settings import CodeSettings
from lcspec.diag.model import Diagnostic, LcspecError

PROGRESS_EVERY = 0.1  # seconds: a step may tell its progress as often as it likes
Send = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Job:
    """What a worker is told: plain data, so that it can travel as JSON as well as by pickle.

    `inputs` maps names to folders, `outputs` is the folder that holds one folder per output.
    """

    step: str
    kind: str
    action: str
    params: dict[str, Any]
    inputs: dict[str, str]
    libraries: list[str]
    outputs: str
    seed: int
    threads: int
    root: str
    cache: str
    checkpoint: str
    log: str
    settings: dict[str, Any] = field(default_factory=dict)
    gpus: list[str] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    environment: dict[str, str] = field(default_factory=dict)  # wheel to digest; empty: lcspec's own
    code: dict[str, Any] = field(default_factory=dict)  # the fields of `CodeSettings`
    modules: str = ""  # the folder with what may be imported in an environment beside it

    def to_text(self) -> str:
        """The job as JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_text(text: str) -> "Job":
        """The job that `to_text` wrote."""
        return Job(**json.loads(text))


class ChildIO:
    """Implements `kinds.api.StepIO` in the process of the step."""

    def __init__(self, job: Job, send: Send) -> None:
        self.params: Mapping[str, Any] = job.params
        self.settings: Mapping[str, Any] = job.settings
        self.seed, self.threads, self.root = job.seed, job.threads, Path(job.root)
        self.code = CodeSettings(**job.code)
        self._job, self._send = job, send
        self._lock = threading.Lock()
        self._asks, self._stopping = False, False
        self._told = 0.0

    def input(self, name: str) -> Path:
        return Path(self._job.inputs[name])

    def has(self, name: str) -> bool:
        return name in self._job.inputs

    def output(self, name: str) -> Path:
        folder = Path(self._job.outputs) / name
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        return folder

    def metric(self, name: str, value: Any) -> None:
        self._tell("metric", {"name": name, "value": _plain(name, value)})

    def measure(self, name: str, value: Any) -> None:
        self._tell("measure", {"name": name, "value": _plain(name, value)})

    def progress(self, done: int, total: int, **numbers: float) -> None:
        now = time.monotonic()
        if done < total and now - self._told < PROGRESS_EVERY:
            return
        self._told = now
        finite = {name: float(value) for name, value in numbers.items() if abs(float(value)) < float("inf")}
        self._tell("progress", {"done": done, "total": total, **finite})

    def warn(self, message: str) -> None:
        self._tell("warn", {"message": message})

    def checkpoint(self) -> Path:
        folder = Path(self._job.checkpoint)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def cache(self) -> Path:
        folder = Path(self._job.cache)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def secret(self, name: str) -> str:
        return self._job.secrets[name]

    def stopping(self) -> bool:
        if not self._asks:
            self._asks = True
            signal.signal(signal.SIGTERM, self._stop)
        return self._stopping

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def interrupted(self) -> NoReturn:
        help = "apply again: it goes on from its checkpoint"
        raise LcspecError([Diagnostic("LC1204", "stopped when it was told to", help=help)], 4)

    def fail(self, message: str, *, help: str, code: str = "LC1201") -> NoReturn:
        raise LcspecError([Diagnostic(code, message, help=help)], 4)

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        with self._lock:
            self._send(kind, data)


def _plain(name: str, value: Any) -> Any:
    """`value` as JSON reads it back; numbers of numpy and torch become plain ones.

    Raises:
        ValueError: it holds NaN or an infinity: a gate must never see one.
    """
    try:
        return json.loads(json.dumps(value, allow_nan=False, default=_number))
    except ValueError:
        raise ValueError(f"the metric `{name}` is not a finite number: {value!r}") from None


def _number(value: Any) -> Any:
    item = getattr(value, "item", None)
    if item is None:
        raise TypeError(f"{type(value).__name__} has no JSON form")
    return item()


def seed_everything(seed: int, threads: int) -> None:
    """Seeds the random generators that are loaded, and gives torch its threads."""
    import random

    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
