"""YAML of a task file: lm-eval's own scalars, one tag (`!function`), and nothing that imports, repeats or explodes.

lm-eval's loader imports Python while it reads; this one notes where it would. Values come out as lm-eval reads them
(YAML 1.1), because a task must mean what it means there.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

MOST = 1 << 20  # characters of one file
DEEPEST = 40
TAG = "!function"
PLAIN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str"))

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Place(NamedTuple):
    """A range of characters in a task file."""

    file: str
    start: int
    end: int


class Function(NamedTuple):
    """`!function utils.process_docs`: the words behind the tag, and where they stand."""

    words: str
    place: Place


class TaskFault(Exception):
    """What is wrong with a task. `place` is where, None when no line of a task file shows it."""

    def __init__(self, message: str, help: str, place: Place | None = None, code: str = "LC0461") -> None:
        super().__init__(message)
        self.code, self.message, self.help, self.place = code, message, help, place


@lru_cache(256)  # every candidate asks for the same files
def read_yaml(text: str, file: str) -> tuple[dict[str, Any], dict[str, Place]]:
    """The mapping that `text` holds, and where each of its keys stands; both are shared, and never to be changed.

    Raises:
        TaskFault: it is not YAML, no mapping, too large or too deep, or has an anchor, an alias or another tag.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > MOST:
        raise TaskFault(f"`{file}` has {len(text):,} characters", "move rows into a data file", Place(file, 0, 1))
    try:
        _refuse(text, file)
        loader = _loader(file)(text)
        try:
            node = loader.get_single_node()
            data = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise TaskFault(f"it is not YAML: {error.problem}", "correct it there", _marked(file, error)) from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise TaskFault(f"it is not YAML: {str(error).splitlines()[0]}", "correct it", Place(file, 0, 1)) from None
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise TaskFault("a task file is a mapping of names to values", "write `task: NAME`", Place(file, 0, 1))
    keys = {key.value: Place(file, key.start_mark.index, key.end_mark.index) for key, _ in node.value}
    return data, keys


def _refuse(text: str, file: str) -> None:
    """Goes through the events, which build nothing, so that what multiplies or runs is met before anything is built."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        start = event.start_mark.index if event.start_mark else 0
        place = Place(file, start, max(start + 1, event.end_mark.index if event.end_mark else 0))
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise TaskFault("a second document in one file", "keep one task per file", place)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise TaskFault("anchors and aliases are not read", "write the value out, or use `include`", place)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!") and not ((tag == TAG or tag in PLAIN) and isinstance(event, yaml.ScalarEvent)):
            raise TaskFault(f"the tag `{tag}` is not read", f"remove it; tasks have no tag but `{TAG}`", place)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise TaskFault(f"nested deeper than {DEEPEST} levels", "flatten the structure", place)


def _loader(file: str) -> Any:
    class Loader(_LOADER):  # type: ignore[misc, valid-type]  # of its own: constructors belong to the class
        pass

    def function(loader: Any, node: Any) -> Function:
        place = Place(file, node.start_mark.index, node.end_mark.index)
        return Function(str(loader.construct_scalar(node)), place)

    Loader.add_constructor(TAG, function)
    return Loader


def _marked(file: str, error: yaml.MarkedYAMLError) -> Place:
    mark = error.problem_mark or error.context_mark
    at = mark.index if mark is not None else 0
    return Place(file, at, at + 1)


def functions(value: Any) -> Iterator[Function]:
    """Every function in a value, however deep, in its order."""
    if isinstance(value, Function):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from functions(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from functions(item)
