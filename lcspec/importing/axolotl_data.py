"""axolotl's data sets: where they lie and what shape their rows have."""

import re
from collections.abc import Mapping
from typing import Any

from lcspec.importing.model import ADAPTED, CARRIED, DROPPED, DataSet, Reading, Shape, Unsupported
from lcspec.importing.names import is_repo, short, unused
from lcspec.importing.place import Place
from lcspec.importing.shapes import (
    SHAREGPT,
    asked,
    conversation,
    feedback,
    instruction,
    plain_text,
    preference,
    spoken,
)

SLICE = re.compile(r"(?P<split>[\w.-]+)\[:(?P<count>[0-9]+(?:\.[0-9]+)?)(?P<share>%?)\]\Z")
ALPACA = ("instruction", "input", "output")
TEXTS = {
    "alpaca": lambda: instruction(*ALPACA),
    "alpaca:chat": lambda: spoken(*ALPACA, "USER: ", "\nASSISTANT:"),
    "alpaca_chat": lambda: spoken(*ALPACA, "USER: ", "\nASSISTANT:"),
    "alpaca:phi": lambda: spoken(*ALPACA, "Instruct: ", "\nOutput:"),
    "alpaca_chat.load_qa": lambda: spoken("question", None, "answer", "USER: ", "\nASSISTANT:"),
    "jeopardy": lambda: Shape(
        {"input": "question", "target": "answer"},
        "{{ category }}: {{ question }}\nAnswer:",
        "text",
        task="question-answering",
    ),
    "gsm8k": lambda: instruction("question", None, "answer"),
    "oasst": lambda: instruction("INSTRUCTION", None, "RESPONSE"),
    "gpteacher": lambda: instruction("instruction", "input", "response"),
    "reflection": lambda: instruction(*ALPACA),
    "summarizetldr": lambda: instruction("article", None, "summary"),
    "alpaca_w_system": lambda: instruction(*ALPACA),
}
PLAIN = ("completion", "pretrain")


def data_sets(reading: Reading, place: Place, key: str, rl: str | None) -> list[DataSet]:
    """The data sets under `key`."""
    listed = reading.get(key, [])
    made: list[DataSet] = []
    for index, entry in enumerate(listed if isinstance(listed, list) else [listed]):
        one = {"path": entry} if isinstance(entry, str) else entry
        if not isinstance(one, dict):
            raise Unsupported(f"{key}[{index}]", "is neither a mapping nor a name", "file")
        inner = reading.inner(f"{key}[{index}]", one)
        made.append(_data_set(inner, place, f"{key}[{index}]", rl, {known.name for known in made}, key))
    return made


def _data_set(inner: Reading, place: Place, key: str, rl: str | None, taken: set[str], section: str) -> DataSet:
    path = str(inner.get("path", ""))
    if not path:
        raise Unsupported(f"{key}.path", "is missing", "file")
    shape = _shape(inner, rl, section)
    name = unused(short(path, "data"), taken)
    body, part = _body(inner, place, path)
    inner.carried(f"data.{name}", "path")
    _unused(inner)
    return DataSet(key, name, body, shape, part)


def _body(inner: Reading, place: Place, path: str) -> tuple[dict[str, Any], int | str | None]:
    files = inner.get("data_files")
    local = place.find(path)
    if local is None and path in ("json", "csv", "parquet") and isinstance(files, str | list):
        named = [files] if isinstance(files, str) else files
        local = place.find(str(named[0]))
        if len(named) == 1 and local is not None:
            inner.carried("data", "data_files")
    if local is not None and local.is_file():
        inner.carried("data.kind", "ds_type")
        return place.rows(local), _part(inner, {})
    if not is_repo(path):
        raise Unsupported(
            f"{inner.prefix}path", f"there is no file `{path}`, and it is no repository of the hub", "data"
        )
    body: dict[str, Any] = {"kind": "huggingface", "repo": path}
    if inner.get("name"):
        body["config"] = str(inner.get("name"))
        inner.carried("data.config", "name")
    if inner.get("revision"):
        body["revision"] = str(inner.get("revision"))
        inner.carried("data.revision", "revision")
    if isinstance(files, str | list):
        named = [files] if isinstance(files, str) else [str(one) for one in files]
        body["files"] = {"train": named[0]}
        inner.note(
            "data_files", CARRIED if len(named) == 1 else ADAPTED, "data.files", "" if len(named) == 1 else "the first"
        )
        inner.carried("data.kind", "ds_type")
    return body, _part(inner, body)


def _part(inner: Reading, body: dict[str, Any]) -> int | str | None:
    """The rows of a split to use; sets `splits` of `body`."""
    said = str(inner.get("split", "train"))
    found = SLICE.match(said)
    split = found["split"] if found else said
    if "files" not in body and body:
        body["splits"] = {"train": split}
    if found is None:
        inner.note("split", CARRIED if re.fullmatch(r"[\w.-]+", said) else DROPPED, "data.splits", "")
        return None
    inner.note("split", ADAPTED, "data.split.train", "a seeded sample of that size in place of the first rows")
    count = float(found["count"])
    return f"{found['count']}%" if found["share"] else int(count)


def _shape(inner: Reading, rl: str | None, section: str) -> Shape:
    said = inner.get("type", "pretrain" if section == "pretraining_dataset" else None)
    if isinstance(said, dict):
        return _own_shape(inner.inner("type", said))
    if said is None:
        raise Unsupported(f"{inner.prefix}type", "rows that are tokenised already cannot be read", "data")
    said = str(said)
    shape = _preferences(inner, said, rl) if rl else _supervised(inner, said)
    if shape is None:
        raise Unsupported(f"{inner.prefix}type", f"lcspec does not know the data format `{said}`", "data")
    inner.carried("data.columns", "type")
    return shape


def _supervised(inner: Reading, said: str) -> Shape | None:
    base = said.partition(".")[0]
    if said in TEXTS:
        return TEXTS[said]()
    if base in PLAIN:
        column = str(inner.get("text_column") or inner.get("field") or "text")
        inner.carried("data.documents.text", "text_column", "field")
        return plain_text(column)
    if base == "chat_template":
        return conversation(*_messages(inner, "messages", {}))
    if base == "sharegpt":
        return conversation(*_messages(inner, "conversations", SHAREGPT))
    return None


def _messages(inner: Reading, column: str, keys: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The column of messages, and the keys in a message where they are not the usual ones."""
    made = dict(keys)
    mapping = inner.get("message_property_mappings", {})
    for ours, older in (("role", "message_field_role"), ("content", "message_field_content")):
        value = mapping.get(ours) or inner.get(older)
        if value and value != ours:
            made[ours] = str(value)
        inner.carried("data.columns.message-keys", older)
    further = sorted(set(mapping) - {"role", "content"})
    why = f"nothing is made of {', '.join(further)}" if further else ""
    inner.note("message_property_mappings", ADAPTED if further else CARRIED, "data.columns.message-keys", why)
    inner.carried("data.columns.messages", "field_messages")
    if roles := _roles(inner):
        made["roles"] = roles
    return str(inner.get("field_messages", column)), made


def _roles(inner: Reading) -> dict[str, str]:
    """Words of the rows for roles whose names differ; a role that lcspec does not have is left out."""
    made: dict[str, str] = {}
    lost: list[str] = []
    for role, words in (inner.get("roles") or {}).items():
        if role not in ("user", "assistant", "system"):
            lost.append(str(role))
            continue
        made |= {str(word): role for word in (words if isinstance(words, list) else [words]) if word != role}
    why = f"there is no role {', '.join(lost)}" if lost else ""
    inner.note("roles", ADAPTED if lost else CARRIED, "data.columns.message-keys", why)
    return made


def _preferences(inner: Reading, said: str, rl: str) -> Shape | None:
    chosen, rejected = str(inner.get("field_chosen", "chosen")), str(inner.get("field_rejected", "rejected"))
    inner.carried("data.columns.chosen", "field_chosen")
    inner.carried("data.columns.rejected", "field_rejected")
    style = said.partition(".")[2]
    if rl == "kto":
        return {
            "ultra": feedback("prompt", "completion", "label"),
            "argilla": feedback("instruction", "completion", "label"),
        }.get(style)
    if said == "chat_template.default":
        column, keys = _messages(inner, "messages", {})
        return preference(column, chosen, rejected, messages=True, keys=keys)
    if style in ("ultra", "default", "prompt_pairs", "argilla"):
        return preference("prompt", chosen, rejected)
    if style in ("intel", "argilla_chat", "icr"):
        return preference({"intel": "question", "icr": "input"}.get(style, "prompt"), chosen, rejected)
    return None


def _own_shape(inner: Reading) -> Shape:
    """A format that the file describes itself: columns and a text with `{instruction}` and `{input}`."""
    ask = str(inner.get("field_instruction", "instruction"))
    query, answer = str(inner.get("field_input", "input")), str(inner.get("field_output", "output"))
    if not inner.get("field_output") and inner.get("field_messages"):
        return preference(str(inner.get("field_messages")), "chosen", "rejected", messages=True)
    form = str(inner.get("format", "{instruction} {input}"))
    bare = str(inner.get("no_input_format", form))

    def put(text: str) -> str:
        return text.replace("{instruction}", f"{{{{ {ask} }}}}").replace("{input}", f"{{{{ {query} }}}}")

    user = put(bare)
    if "{input}" in form:
        user = f"{{% if {query} is defined and {query} %}}{put(form)}{{% else %}}{put(bare)}{{% endif %}}"
        user = user if "{input}" not in bare else put(form)
    keys = ("field_instruction", "field_input", "field_output", "format", "no_input_format")
    inner.carried("prompts", *keys)
    system = inner.get("system_prompt")
    inner.carried("prompts.system", "system_prompt")
    for key in inner.rest():
        inner.note(key, DROPPED, "", "lcspec has nothing like it")
    return Shape({"input": ask, "target": answer}, user, "text", system, "generation")


def _unused(inner: Reading) -> None:
    for key in inner.rest():
        why = {
            "drop_system_message": "system messages of the rows stay",
            "field_thinking": "the thinking of a message is no part of it",
            "template_thinking_key": "the thinking of a message is no part of it",
            "train_on_split": "",
        }.get(key, "lcspec has nothing like it")
        inner.note(key, DROPPED, "", why)


__all__ = ["data_sets", "asked"]
