"""Which files of a repository are meant: the files of a model, or the files of each split of a data set. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

FORMATS = ("parquet", "jsonl", "json", "csv", "tsv", "txt")
_SIDE = (
    *("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model"),
    *("sentencepiece.bpe.model", "chat_template.jinja", "model.safetensors.index.json"),
)
_SHARD = re.compile(r"model-[0-9]{5}-of-[0-9]{5}\.safetensors\Z")
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


class NotThere(Exception):
    """The repository has no such files; `args` are the message and the remedy. `unsafe` when it has only code."""

    unsafe = False


def safe(path: str) -> bool:
    """Whether a path of a listing stays inside the folder it is unpacked in."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and "\\" not in path and "\0" not in path and ".." not in parts


def model_files(listing: Iterable[str]) -> tuple[str, ...]:
    """Config, tokenizer and safetensors of a model, sorted; never pickled weights, never code.

    Raises:
        NotThere: no `config.json`, or no safetensors.
    """
    names = set(listing)
    if "config.json" not in names:
        ggufs = sorted(name for name in names if name.endswith(".gguf"))[:3]
        help = f"`kind: gguf, from: {{kind: huggingface, …}}, path: {ggufs[0]}`" if ggufs else "name a model repository"
        raise NotThere("it has no `config.json`", help)
    shards = sorted(name for name in names if _SHARD.match(name))
    weights = ["model.safetensors"] if "model.safetensors" in names else shards
    if not weights:
        fault = NotThere(
            "it has no safetensors" + (", only pickled weights" if any(map(_pickled, names)) else ""),
            "use a revision or a repository with safetensors: pickled weights can run code when they are read",
        )
        fault.unsafe = any(map(_pickled, names))
        raise fault
    side = [name for name in _SIDE if name in names and (name != "model.safetensors.index.json" or weights == shards)]
    return tuple(sorted([*side, *weights]))


def _pickled(name: str) -> bool:
    return name.endswith((".bin", ".pt", ".pth", ".ckpt"))


def row_files(listing: Iterable[str], readme: str, config: str) -> dict[str, tuple[str, ...]]:
    """Split to the data files of the configuration `config`, as the README declares them, else by their names.

    Raises:
        NotThere: no such configuration, or no data file in a form that lcspec reads.
    """
    names = sorted(name for name in listing if form_of(name))
    declared = {str(one.get("config_name", "default")): one for one in _configs(readme)}
    if declared:
        chosen = declared.get(config)
        if config == "default" and chosen is None:
            marked = [one for one in declared.values() if one.get("default")]
            chosen = marked[0] if marked else next(iter(declared.values())) if len(declared) == 1 else None
        if chosen is None:
            raise NotThere(f"it has no configuration `{config}`", f"configurations: {', '.join(sorted(declared))}")
        return _declared(names, chosen)
    if config != "default":
        names = [name for name in names if name.startswith(f"{config}/")]
    if not names:
        script = any(name.endswith(".py") for name in listing)
        help = f"lcspec reads {', '.join(FORMATS)}; name the files under `files`"
        help = "it is a loading script, which is not run; try `revision: refs/convert/parquet`" if script else help
        raise NotThere(f"it has no data files of `{config}`", help)
    return _by_name(names)


def form_of(name: str) -> str | None:
    """The form of a data file by its name (`x.jsonl.gz` is jsonl), None for other files."""
    stem = name.removesuffix(".gz")
    suffix = stem.rpartition(".")[2].lower()
    if PurePosixPath(name).name in ("dataset_infos.json", "dataset_dict.json", "state.json", "README.txt"):
        return None
    return suffix if suffix in FORMATS and not (suffix == "parquet" and stem != name) else None


def match(pattern: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names that a pattern of the hub means (`*` within a folder, `**` across folders), sorted."""
    expression = re.compile(_expression(pattern.removeprefix("./")) + r"\Z")
    return tuple(sorted(name for name in names if expression.match(name)))


def _expression(pattern: str) -> str:
    made = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]*\])", pattern):
        if part == "**/":
            made += "(?:.*/)?"
        elif part == "**":
            made += ".*"
        elif part == "*":
            made += "[^/]*"
        elif part == "?":
            made += "[^/]"
        elif part.startswith("[") and part.endswith("]"):
            made += part.replace("[!", "[^")
        else:
            made += re.escape(part)
    return made


def _configs(readme: str) -> list[Mapping[str, Any]]:
    """The `configs` of a README's front matter; none when it has no or broken front matter."""
    head = re.match(r"---\s*\n(.*?)\n---\s*(\n|\Z)", readme, re.DOTALL)
    if head is None:
        return []
    import yaml

    try:
        data = yaml.safe_load(head.group(1))
    except (yaml.YAMLError, RecursionError):
        return []
    configs = data.get("configs") if isinstance(data, dict) else None
    return [one for one in configs or () if isinstance(one, dict)] if isinstance(configs, list) else []


def _declared(names: Sequence[str], config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    folder = f"{str(config['data_dir']).strip('/')}/" if config.get("data_dir") else ""
    said = config.get("data_files")
    if said is None:
        return _by_name([name for name in names if name.startswith(folder)])
    listed = said if isinstance(said, list) else [said]
    made: dict[str, tuple[str, ...]] = {}
    for one in listed:
        split, patterns = (one.get("split", "train"), one.get("path")) if isinstance(one, dict) else ("train", one)
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            made[str(split)] = (*made.get(str(split), ()), *match(folder + str(pattern), names))
    made = {split: tuple(sorted(set(files))) for split, files in made.items() if files}
    if not made:
        raise NotThere("its README names no file that lcspec reads", f"forms: {', '.join(FORMATS)}")
    return made


def _by_name(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Splits by the words in folders and file names; all rows are train when no name tells."""
    counts = Counter(form_of(name) for name in names)
    form = max(FORMATS, key=lambda one: (counts[one], -FORMATS.index(one)))
    made: dict[str, list[str]] = {}
    for name in names:
        if form_of(name) == form and (split := _split_in(name)):
            made.setdefault(split, []).append(name)
    if not made:
        made = {"train": [name for name in names if form_of(name) == form]}
    return {split: tuple(files) for split, files in made.items()}


def _split_in(name: str) -> str | None:
    for part in reversed(PurePosixPath(name).parts):
        for word in re.split(r"[^a-z0-9]+|(?<=[a-z])(?=[0-9])", part.lower()):
            if word in _SPLITS:
                return _SPLITS[word]
    return None
