"""What a prompt needs to be shown: its resolved form, a row, a tokenizer; from local files, else from the store."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcspec import api
from lcspec.api import Loaded
from lcspec.compile.asking import columns_of
from lcspec.compile.ladders import generators
from lcspec.compile.lower import lower_entry
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.plan import Step
from lcspec.ir.record import StepRecord
from lcspec.ir.spec import Bound, Spec
from lcspec.kinds import registry
from lcspec.local import Local
from lcspec.lock import Lock
from lcspec.rowset import SPLITS, Row
from lcspec.rowsplits import without_leaks
from lcspec.run.store import Store
from lcspec.runtime.scan import check_files

TOKENIZER = (".json", ".txt", ".jinja", ".model")  # files of a model that are not weights
Splits = dict[str, list[Row]]


@dataclass
class Wanted:
    """What was asked for on the command line."""

    prompt: str
    row: int = 1  # counted from 1
    data: str | None = None  # an entry, or an entry and a split
    model: str | None = None


@dataclass
class Gathered:
    """All that can be had; `missing` says what cannot, and how to get it."""

    prompt: dict[str, Any]
    data: str
    split: str
    row: Row | None
    row_number: int
    column: str
    rows: int
    model: str
    missing: list[str] = field(default_factory=list)


class Gathering:
    """Looks things up for one loaded spec."""

    def __init__(self, loaded: Loaded) -> None:
        assert loaded.spec is not None  # noqa: S101 - the caller checked that the spec has no errors
        self.spec: Spec = loaded.spec
        self.project, self.lock = loaded.project, loaded.lock or Lock()
        self.facts = api.gather_facts(loaded)
        self.store = Store.peek(loaded.project.store)
        self.local = Local(loaded.project.folder, self.spec, self.lock.models)
        plan, _ = api.make_plan(loaded, self.facts)
        self.reused = {step.step.id: step.key for step in plan.steps if step.action == "reuse" and step.key}

    def gather(self, wanted: Wanted) -> Gathered:
        """What is there for a prompt.

        Raises:
            LcspecError: LC0120 or LC0124, a name or a row that is not there.
        """
        _known(wanted.prompt, self.spec.entries("prompt"), "prompt")
        missing: list[str] = []
        prompt = self._prompt(wanted.prompt, missing)
        data, split = self._data(wanted)
        splits = self._rows(data, missing)
        split = split or next((name for name in ("validation", "test", "train") if splits.get(name)), "validation")
        listed = splits.get(split, [])
        if splits and not 1 <= wanted.row <= len(listed):
            help = f"`{data}.{split}` has {len(listed)} rows; splits: {', '.join(sorted(splits))}"
            raise LcspecError([Diagnostic("LC0124", f"there is no row {wanted.row} in `{data}.{split}`", help=help)], 2)
        row = listed[wanted.row - 1] if listed else None
        models = generators(self.spec)
        if wanted.model is not None:
            _known(wanted.model, models, "model that generates")
        column = self.spec.find("data", data).body.columns.input
        return Gathered(prompt, data, split, row, wanted.row, column, len(listed), wanted.model or models[0], missing)

    def _prompt(self, name: str, missing: list[str]) -> dict[str, Any]:
        """`prompt.json` as stored; else made as its step would, as far as the rows of its shots are there."""
        id = f"resolve:prompts.{name}"
        if (record := self._record(id)) is not None:
            return dict(json.loads(self._text(record, "prompt", "prompt.json")))
        step: Step = lower_entry(self.spec, self.lock, self.facts, "prompt", name)[id]
        entry = self.spec.find("prompt", name)
        shots = step.params.get("shots")
        rows: list[Row] = []
        if shots:
            reference = str(step.inputs["rows"])
            data = next((n for n in self.spec.entries("data") if f"prepare:data.{n}" in reference), "")
            rows = self._rows(data, missing).get(shots["split"], []) if data else []
        return dict(registry.module("prompt", entry.kind).written(step.params, rows))

    def _data(self, wanted: Wanted) -> tuple[str, str | None]:
        """The data entry, as said or as the first suite reads, and the split, if one is said."""
        if wanted.data is not None:
            name, _, split = wanted.data.partition(".")
            entries = {n: e for n, e in self.spec.entries("data").items() if columns_of(e) is not None}
            _known(name, entries, "data with rows")
            if split:
                _known(split, SPLITS, "split")
            return name, split or None
        suites = self.spec.entries("suite").values()
        return next(str(suite.body.data) for suite in suites if getattr(suite.body, "data", None)), None

    def _rows(self, name: str, missing: list[str]) -> Splits:
        """The rows as they are prepared: from the store, else from local files."""
        if (record := self._record(f"prepare:data.{name}")) is not None:
            tree = self.store.blobs.tree(record.outputs["rows"])
            files = {path.removesuffix(".jsonl"): path for path in tree if path.endswith(".jsonl")}
            return {split: _parsed(self._text(record, "rows", path)) for split, path in files.items()}
        local = self.local.known.rows(name)
        if local is not None:
            entry = self.spec.find("data", name)
            column = entry.body.columns.input
            return without_leaks({split: list(rows) for split, rows in local.items()}, column).splits
        note = f"the rows of `{name}` are not here yet: `lcspec apply --target prepare:data.{name}` fetches them"
        if note not in missing:
            missing.append(note)
        return {}

    def _record(self, id: str) -> StepRecord | None:
        key = self.reused.get(id)
        return self.facts.records.get(key) if key else None

    def _text(self, record: StepRecord, output: str, path: str) -> str:
        entry = self.store.blobs.tree(record.outputs[output])[path]
        return self.store.blobs.need(entry["blake3"], path).read_text(encoding="utf-8")

    # --- the tokenizer -----------------------------------------------------------------------------------------------

    @contextmanager
    def tokenizer(self, model: str, missing: list[str]) -> Iterator[Any]:
        """The model's own tokenizer; None, with the reason in `missing`, where it is not here."""
        entry = self.spec.find("model", model)
        record = self._record(f"convert:models.{model}")
        if record is not None:
            folder = Path(tempfile.mkdtemp(prefix="lcspec-show-"))
            try:
                self._lay_out(record, folder)
                yield _load(folder, {}, missing)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return
        place = self._local_model(entry)
        if place is not None:
            yield _load(place[0], place[1], missing)
            return
        missing.append(f"the tokenizer of `{model}` is not here yet: `lcspec apply --target convert:models.{model}`")
        yield None

    def _lay_out(self, record: StepRecord, folder: Path) -> None:
        for name, entry in self.store.blobs.tree(record.outputs["model"]).items():
            if name.endswith(TOKENIZER) and "/" not in name:
                shutil.copyfile(self.store.blobs.need(entry["blake3"], name), folder / name)

    def _local_model(self, entry: Bound) -> tuple[Path, dict[str, str]] | None:
        """The folder of a model that lies in the project, and how its tokenizer is named in it."""
        if getattr(entry.body, "from_", None) is not None or not getattr(entry.body, "path", None):
            return None
        path = self.project.folder / entry.body.path
        if entry.kind == "gguf" and path.is_file():
            return path.parent, {"gguf_file": path.name}
        return (path, {}) if (path / "config.json").is_file() else None


def _parsed(text: str) -> list[Row]:
    return [Row.from_json(json.loads(line)) for line in text.splitlines()]


def _load(folder: Path, how: dict[str, str], missing: list[str]) -> Any:
    from transformers import AutoTokenizer

    try:
        check_files(folder, [path.name for path in folder.iterdir() if path.name.endswith((*TOKENIZER, ".gguf"))])
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True, **how)
    except Exception as error:  # noqa: BLE001 - transformers raises whatever its readers raise
        missing.append(f"the tokenizer cannot be read: {str(error).splitlines()[0] if str(error) else error!r}")
        return None


def _known(name: str, names: Iterable[str], what: str) -> None:
    listed = list(names)
    if name not in listed:
        message = f"there is no {what} `{name}`"
        raise LcspecError([Diagnostic("LC0120", message, help=did_you_mean(name, listed, f"{what} names"))], 2)
