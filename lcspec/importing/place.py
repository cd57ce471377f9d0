"""Where the files that a training file names lie: looked up here, so that the readers stay functions of values."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "table",
    ".tsv": "table",
    ".parquet": "parquet",
}


@dataclass(frozen=True, slots=True)
class Place:
    """The folders around a training file.

    Attributes:
        file: the training file.
        target: the folder of the spec, which its paths are relative to.
        dataset_info: LLaMA-Factory's list of data sets, when it was named.
    """

    file: Path
    target: Path
    dataset_info: Path | None = None

    def find(self, name: str) -> Path | None:
        """A file or folder that `name` means: as it stands, beside the training file, or beside one of its parents."""
        for folder in (Path(), self.file.parent, *self.file.resolve().parent.parents):
            path = folder / name
            if name and path.exists():
                return path
        return None

    def relative(self, path: Path) -> str:
        """`path` as the spec writes it."""
        return Path(os.path.relpath(path.resolve(), self.target.resolve())).as_posix()

    def rows(self, path: Path) -> dict[str, Any]:
        """The data entry for a local file, by its form; a `.json` with one object per line is JSON lines."""
        form = FORMS.get(path.suffix.lower(), "jsonl")
        if form == "json" and not _is_array(path):
            form = "jsonl"
        body: dict[str, Any] = {"kind": form, "path": self.relative(path)}
        if path.suffix.lower() == ".tsv":
            body["format"] = "tsv"
        return body

    def infos(self, folder: str) -> tuple[dict[str, Any], Path | None]:
        """LLaMA-Factory's `dataset_info.json`: as named, else in `folder` near the training file; with its place."""
        path = self.dataset_info or self.find(f"{folder}/dataset_info.json") or self.find("dataset_info.json")
        if path is None:
            return {}, None
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}, None
        return (data, path.parent) if isinstance(data, dict) else ({}, None)


def _is_array(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.read(4096).lstrip().startswith("[")
