"""What a training file says, in lcspec's words: the value between the readers of other tools and the writer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# What became of a key. `needless` says how the work is done, not what comes out, or what lcspec does by itself.
CARRIED, ADAPTED, DEFAULTED, DROPPED, NEEDLESS = "carried", "adapted", "defaulted", "dropped", "needless"
OUTCOMES = (CARRIED, ADAPTED, DEFAULTED, DROPPED, NEEDLESS)
LOST = (ADAPTED, DROPPED)


class Item(NamedTuple):
    """One key of the file (or, defaulted, one that lcspec asks for) and what became of it.

    Attributes:
        key: as the file writes it, say `datasets[0].type`; for a default the path in the spec.
        outcome: one of `OUTCOMES`.
        to: where it stands in the spec, empty when it does not.
        why: the reason, empty for what was carried as it is.
    """

    key: str
    outcome: str
    to: str = ""
    why: str = ""


class Unsupported(Exception):
    """A file that cannot become a spec: `key` names what lcspec lacks, `group` is what kind of file it is."""

    def __init__(self, key: str, why: str, group: str = "method") -> None:
        self.key, self.why, self.group = key, why, group
        super().__init__(f"{key}: {why}")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of a data set look like.

    Attributes:
        columns: roles of the spec's `columns`, with `message-keys` where messages have other keys.
        user: the template of the user's message, over the columns.
        format: `chat` or `text`, as in a prompt.
        system: the system text of the prompt.
        task: the task of the scope.
        text: the column of plain text to continue, for data without roles.
    """

    columns: Mapping[str, Any] = field(default_factory=dict)
    user: str = ""
    format: str = "chat"
    system: str | None = None
    task: str = "chat"
    text: str | None = None


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set: `body` is its entry in the spec without columns and split; `part` limits its rows."""

    key: str
    name: str
    body: Mapping[str, Any]
    shape: Shape
    part: int | str | None = None


class Setting(NamedTuple):
    """A field of a tuning entry, with the key that it comes from."""

    value: Any
    key: str


@dataclass(slots=True)
class Training:
    """One training: a model, data, a way of tuning and its numbers."""

    tool: str
    model: dict[str, Any] = field(default_factory=dict)
    model_name: str = "base"
    data: list[DataSet] = field(default_factory=list)
    kind: str = ""
    settings: dict[str, Setting] = field(default_factory=dict)
    held_out: int | str | None = None  # rows or share for validation, None when the file holds none back
    held_out_key: str = ""
    optimize: dict[str, Any] = field(default_factory=dict)


class Reading:
    """A mapping that is being read: hands out values and remembers what became of each key."""

    def __init__(self, data: Mapping[str, Any], prefix: str = "", items: list[Item] | None = None) -> None:
        self.data, self.prefix = data, prefix
        self.items: list[Item] = [] if items is None else items
        self._seen: set[str] = set()

    def inner(self, key: str, data: Mapping[str, Any]) -> "Reading":
        """A reading of a mapping below `key`, which notes into the same list."""
        self._seen.add(key.partition("[")[0])
        return Reading(data, f"{self.prefix}{key}.", self.items)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key; an empty one is as if it was not there."""
        value = self.data.get(key)
        return default if value is None or value == "" else value

    def note(self, key: str, outcome: str, to: str = "", why: str = "") -> None:
        """What became of `key`; the first word counts."""
        if key not in self._seen and key in self.data:
            self._seen.add(key)
            self.items.append(Item(self.prefix + key, outcome, to, why))

    def carried(self, to: str, *keys: str) -> None:
        """`keys` stand in the spec at `to`."""
        for key in keys:
            self.note(key, CARRIED, to)

    def needless(self, why: str, keys: Iterable[str]) -> None:
        """`keys` need no place in the spec."""
        for key in keys:
            self.note(key, NEEDLESS, "", why)

    def rest(self) -> list[str]:
        """Keys of which nothing was noted yet."""
        return [key for key in self.data if key not in self._seen]
