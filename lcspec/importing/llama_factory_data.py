"""LLaMA-Factory's data sets: names that `dataset_info.json` explains, or the data file of its newer form."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcspec.importing.model import DROPPED, DataSet, Item, Reading, Shape, Unsupported
from lcspec.importing.names import short, slug, unused
from lcspec.importing.place import Place
from lcspec.importing.shapes import SHAREGPT, asked, conversation, feedback, judged_talk, plain_text, preference

MEDIA = ("images", "videos", "audios")
PLACEHOLDER = "todo"  # an organisation that no hub has: locking it fails with its name


def named_sets(reading: Reading, place: Place, stage: str) -> list[DataSet]:
    """The data sets that `dataset` names, joined by commas."""
    names = reading.get("dataset", "")
    listed = names if isinstance(names, list) else [part.strip() for part in str(names).split(",") if part.strip()]
    folder = str(reading.get("dataset_dir", "data"))
    infos, where = place.infos("data" if folder.startswith("REMOTE:") else folder)
    reading.carried("data", "dataset", "dataset_dir")
    made: list[DataSet] = []
    for index, name in enumerate(listed):
        key = f"dataset[{index}]"
        info = infos.get(str(name))
        taken = {one.name for one in made}
        if not isinstance(info, dict):
            why = "no `dataset_info.json` names it; put in where it lies"
            reading.items.append(Item(f"{key}: {name}", DROPPED, f"data.{slug(str(name), 'data')}", why))
            info = {"hf_hub_url": f"{PLACEHOLDER}/{name}"}
        made.append(_from_info(str(name), info, place, where, stage, key, taken))
    return made


def _from_info(
    name: str, info: Mapping[str, Any], place: Place, where: Path | None, stage: str, key: str, taken: set[str]
) -> DataSet:
    columns = info.get("columns") or {}
    if any(columns.get(media) for media in MEDIA):
        raise Unsupported(key, f"`{name}` has images or sounds", "multimodal")
    body = _body(info, place, where, key, name)
    shape = _shape(info, columns, stage)
    part = info.get("num_samples")
    return DataSet(key, unused(slug(name, "data"), taken), body, shape, int(part) if part else None)


def _body(info: Mapping[str, Any], place: Place, where: Path | None, key: str, name: str) -> dict[str, Any]:
    if repo := info.get("hf_hub_url"):
        body: dict[str, Any] = {"kind": "huggingface", "repo": str(repo)}
        if info.get("subset"):
            body["config"] = str(info["subset"])
        if info.get("folder"):
            body["files"] = {"train": f"{info['folder']}/*"}
        else:
            body["splits"] = {"train": str(info.get("split", "train"))}
        return body
    file = info.get("file_name")
    path = where / str(file) if where and file else None
    if path is None or not path.is_file():
        raise Unsupported(key, f"`{name}` is neither on the hub nor a file here", "data")
    if path.suffix == ".txt":
        raise Unsupported(key, f"`{file}` is plain text; make it JSON lines with a `text` column", "data")
    return place.rows(path)


def _shape(info: Mapping[str, Any], columns: Mapping[str, Any], stage: str) -> Shape:
    prompt = str(columns.get("prompt", "instruction"))
    query, answer = columns.get("query"), str(columns.get("response", "output"))
    if not columns or ("query" not in columns and "prompt" not in columns):
        query = "input"
    if stage == "pt":
        return plain_text(prompt if columns.get("prompt") else "text")
    if info.get("formatting") == "sharegpt":
        return _conversation(info, columns, stage)
    if info.get("ranking"):
        return preference(prompt, str(columns.get("chosen", "chosen")), str(columns.get("rejected", "rejected")))
    if stage == "kto":
        return feedback(prompt, answer, str(columns.get("kto_tag", "kto_tag")))
    return asked(prompt, str(query) if query else None, answer)


def _conversation(info: Mapping[str, Any], columns: Mapping[str, Any], stage: str) -> Shape:
    tags = info.get("tags") or {}
    keys: dict[str, Any] = {
        "role": str(tags.get("role_tag", SHAREGPT["role"])),
        "content": str(tags.get("content_tag", SHAREGPT["content"])),
    }
    keys = {ours: word for ours, word in keys.items() if word != ours}
    said = {str(tags[f"{role}_tag"]): role for role in ("user", "assistant", "system") if f"{role}_tag" in tags}
    roles = {word: role for word, role in said.items() if word not in (role, "human", "gpt")}
    if roles:
        keys["roles"] = roles
    column = str(columns.get("messages", "conversations"))
    if info.get("ranking"):
        chosen, rejected = str(columns.get("chosen", "chosen")), str(columns.get("rejected", "rejected"))
        return preference(column, chosen, rejected, messages=True, keys=keys)
    if stage == "kto":
        return judged_talk(column, str(columns.get("kto_tag", "kto_tag")), keys)
    return conversation(column, keys)


def file_sets(reading: Reading, place: Place, key: str) -> list[DataSet]:
    """The data sets of a data file of the newer form, or the single file or repository that `key` names."""
    said = str(reading.get(key, ""))
    path = place.find(said)
    if path is None or path.suffix not in (".yaml", ".yml"):
        return [_single(said, path, place, key)]
    import yaml

    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        listed = None
    if not isinstance(listed, dict):
        raise Unsupported(key, f"`{said}` is no list of data sets", "data")
    reading.carried("data", key)
    made: list[DataSet] = []
    for name, info in listed.items():
        made.append(_described(str(name), info if isinstance(info, dict) else {}, place, f"{key}.{name}", made))
    return made


def _described(name: str, info: Mapping[str, Any], place: Place, key: str, known: list[DataSet]) -> DataSet:
    at = str(info.get("path", ""))
    path = place.find(at)
    if info.get("source") == "local" and path is None:
        raise Unsupported(key, f"there is no file `{at}`", "data")
    body: dict[str, Any]
    if path is not None and path.is_file():
        body = place.rows(path)
    else:
        body = {"kind": "huggingface", "repo": at, "splits": {"train": str(info.get("split", "train"))}}
    converter = str(info.get("converter", ""))
    shapes = {
        "alpaca": lambda: asked("instruction", "input", "output"),
        "sharegpt": lambda: conversation("conversations", SHAREGPT),
        "pair": lambda: preference("prompt", "chosen", "rejected"),
        "messages": lambda: conversation("messages"),
        "": lambda: conversation("messages"),
    }
    if converter not in shapes:
        raise Unsupported(f"{key}.converter", f"lcspec does not know the data format `{converter}`", "data")
    size = info.get("size")
    taken = {one.name for one in known}
    return DataSet(key, unused(slug(name, "data"), taken), body, shapes[converter](), int(size) if size else None)


def _single(said: str, path: Path | None, place: Place, key: str) -> DataSet:
    if path is not None and path.is_file():
        return DataSet(key, short(said, "data"), place.rows(path), conversation("messages"))
    raise Unsupported(key, f"there is no file `{said}`", "data")
