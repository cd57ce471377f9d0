"""A `Training` to the document of a spec, made of the kinds that are installed, with what was lost on the way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lcspec.importing.model import (
    ADAPTED,
    CARRIED,
    DEFAULTED,
    DROPPED,
    LOST,
    DataSet,
    Item,
    Setting,
    Training,
    Unsupported,
)
from lcspec.importing.names import slug, unused
from lcspec.kinds import registry
from lcspec.rowset import Columns

HELD_OUT = "5%"  # for validation and for test, where the file holds nothing back
MOST_ROWS = 200  # of a suite: enough to see a difference, few enough for a large model
ATTENTION = ["k_proj", "o_proj", "q_proj", "v_proj"]
Path = tuple[str, ...]


@dataclass(slots=True)
class Document:
    """A spec as nested mappings, and comments by path."""

    data: dict[str, Any]
    comments: dict[Path, str] = field(default_factory=dict)
    head: tuple[str, ...] = ()


def build(training: Training, items: list[Item], name: str, origin: str) -> tuple[Document, list[Item]]:
    """The spec called `name` for a training read from the file `origin`, and the items with what building changed.

    Raises:
        Unsupported: an installed kind is missing, or data has a shape that no kind reads.
    """
    work = _Building(training, list(items))
    made = work.document(name, origin)
    return made, work.items


class _Building:
    def __init__(self, training: Training, items: list[Item]) -> None:
        self.training, self.items = training, items
        self.comments: dict[Path, str] = {}
        self.shape = training.data[0].shape

    def document(self, name: str, origin: str) -> Document:
        training = self.training
        data = self._data()
        self._model_comments()
        recipe = self._tuning(next(reversed(data)))
        prompt = self._prompt()
        tuning_name = training.kind
        prompt_name = unused("plain", {training.model_name, tuning_name})
        model_name = unused(training.model_name, {tuning_name})
        spec: dict[str, Any] = {
            "lcspec": 1,
            "name": slug(name, "imported"),
            "description": f"Imported from {training.tool}'s {origin}.",
            "scope": {"task": self.shape.task, "languages": ["en"]},
            "data": data,
            "models": {model_name: training.model},
            "prompts": {prompt_name: prompt},
            "tuning": {tuning_name: recipe},
            "evaluation": self._evaluation(next(reversed(data))),
            "ladder": [{"prompts": [prompt_name], "tuning": [tuning_name]}],
        }
        if training.optimize:
            spec["deployment"] = {"optimize": training.optimize}
        self.comments[("scope",)] = "from the format of the data; name labels, languages and limits of your own"
        self._default("scope.task", f"`{self.shape.task}`, from the format of the data")
        self._default("scope.languages", "`en`: the file does not say")
        self._default("ladder", "one rung with the recipe: the file always trains")
        self.comments[("ladder",)] = "one rung: the recipe is always run; put cheaper ones before it to try them first"
        head = (f"Imported from {training.tool}'s {origin}; what was lost stands in the report of `lcspec import`.",)
        return Document(spec, self.comments, head)

    def _default(self, key: str, why: str) -> None:
        self.items.append(Item(key, DEFAULTED, key, why))

    # --- data ------------------------------------------------------------------------------------------------------

    def _data(self) -> dict[str, Any]:
        sets = self.training.data
        made = {one.name: self._entry(one) for one in sets}
        for one in sets:
            self.comments["data", one.name] = one.key
        if len(sets) > 1:
            self._mix(made, sets)
        return made

    def _entry(self, one: DataSet) -> dict[str, Any]:
        self._known_roles(one, one.shape.columns)
        entry = {**one.body, "columns": dict(one.shape.columns)}
        split: dict[str, Any] = {} if one.part is None else {"train": one.part}
        named = entry.get("splits", {})
        if "validation" not in named:
            split["validation"] = self.training.held_out or HELD_OUT
        split["test"] = self.training.held_out or HELD_OUT
        entry["split"] = split
        key = f"data.{one.name}.split"
        if not self.training.held_out and "validation" not in named:
            self._default(f"{key}.validation", f"{HELD_OUT}: the file holds nothing back, and a choice needs rows")
        self._default(f"{key}.test", f"{split['test']}: rows that judge once are not trained on")
        note = self.training.held_out_key or "lcspec's default"
        self.comments["data", one.name, "split"] = f"validation: {note}; test: rows that judge once"
        return entry

    def _known_roles(self, one: DataSet, roles: Iterable[str]) -> None:
        known = {option.alias for option in Columns.model_fields.values()}
        missing = sorted(set(roles) - known)
        if missing:
            raise Unsupported(one.key, f"no kind of data has the role `{missing[0]}`", "data")

    def _mix(self, made: dict[str, Any], sets: list[DataSet]) -> None:
        if "mix" not in registry.names("data"):
            raise Unsupported("datasets", "lcspec trains on one data set at a time", "data")
        shared = self.shape.columns["input"]
        for one in sets[1:]:
            own = one.shape.columns["input"]
            same = one.shape.user.replace(f"{{{{ {own} }}}}", f"{{{{ {shared} }}}}") == self.shape.user
            if not same or one.shape.format != self.shape.format:
                why = "the data sets have different formats, which one prompt cannot put"
                raise Unsupported("datasets", why, "data")
            if own != shared and "messages" in one.shape.columns:
                made[one.name]["columns"]["input"] = shared
            elif own != shared:
                roles = {role: shared if column == own else column for role, column in one.shape.columns.items()}
                made[one.name]["columns"] = {**roles, "rename": {own: shared}}
                self._known_roles(one, ["rename"])
        name = unused("all", made)
        made[name] = {"kind": "mix", "of": [one.name for one in sets], "columns": dict(sets[0].shape.columns)}

    # --- model, prompt, tuning -------------------------------------------------------------------------------------

    def _model_comments(self) -> None:
        self.comments["models",] = "add `license:` after reading the model's terms"

    def _prompt(self) -> dict[str, Any]:
        made: dict[str, Any] = {"format": self.shape.format}
        if self.shape.system:
            made["system"] = self.shape.system
        made["user"] = self.shape.user
        self.comments["prompts",] = "from the format of the data"
        return made

    def _tuning(self, data: str) -> dict[str, Any]:
        training = self.training
        if training.kind not in registry.names("tuning"):
            raise Unsupported("tuning", f"lcspec has no tuning kind `{training.kind}` yet")
        options = {o.alias: o for o in registry.load("tuning", training.kind).body.model_fields.values()}
        named = data if training.kind == "pretrain" else f"{data}.train"
        recipe: dict[str, Any] = {"kind": training.kind, "data": named}
        self._targets(options)
        self._at_least_two()
        for name, setting in training.settings.items():
            if name in options:
                recipe[name] = setting.value
                self.comments["tuning", training.kind, name] = setting.key
            else:
                self._lost(f"tuning.{name}", f"`{training.kind}` has no `{name}`")
        return recipe

    def _at_least_two(self) -> None:
        """KTO holds each answer against another row of its batch: a batch of one becomes half as many of two."""
        settings, key = self.training.settings, "batch-size"
        if self.training.kind != "kto" or settings.get(key, Setting(2, "")).value != 1:
            return
        settings[key] = Setting(2, settings[key].key)
        self._lost(f"tuning.{key}", "2: an answer is held against another row of its batch", ADAPTED, f"tuning.{key}")
        if (steps := settings.get("accumulate")) and steps.value > 1:
            settings["accumulate"] = Setting((steps.value + 1) // 2, steps.key)
            self._lost("tuning.accumulate", "halved, since a batch has two rows", ADAPTED, "tuning.accumulate")

    def _targets(self, options: Mapping[str, Any]) -> None:
        """Layers by name, where the kind takes names; else the nearest group of layers."""
        said = self.training.settings.get("target-modules")
        if said is None or "target-modules" in options:
            return
        del self.training.settings["target-modules"]
        if "modules" not in options:
            self._lost("tuning.target-modules", f"`{self.training.kind}` chooses no layers")
            return
        group = "attention" if sorted(said.value) == ATTENTION else "all-linear"
        self.training.settings["modules"] = Setting(group, said.key)
        exact = group == "attention"
        why = "" if exact else "all linear layers"
        self._lost("tuning.target-modules", why, CARRIED if exact else ADAPTED, "tuning.modules")

    def _lost(self, to: str, why: str, outcome: str = DROPPED, place: str = "") -> None:
        """Another outcome for what was carried to `to`, and another place."""
        found = [index for index, item in enumerate(self.items) if item.to == to and item.outcome != DROPPED]
        for index in found:
            self.items[index] = Item(self.items[index].key, outcome, place, why)
        if not found:
            self.items.append(Item(to, outcome, place, why))

    # --- evaluation ------------------------------------------------------------------------------------------------

    def _evaluation(self, data: str) -> dict[str, Any]:
        metric = "loss"
        suite: dict[str, Any] = {
            "kind": "perplexity",
            "data": data,
            "metrics": [metric],
            "limit": {"validation": MOST_ROWS, "test": MOST_ROWS},
        }
        if longest := self.training.settings.get("max-length"):
            suite["max-length"] = longest.value
        if "chosen" in self.shape.columns:
            suite["metrics"] = ["preference-accuracy", metric]
            metric = "preference-accuracy"
        gate = {"metric": f"held-out.{metric}", "not-worse-than": "champion", "margin": 0.03}
        self._default("evaluation", f"`{metric}` on held-out rows, not worse than the promoted release")
        self.comments["evaluation",] = "the file asks for no evidence; this is the least: name what really matters"
        return {"suites": {"held-out": suite}, "gates": {"no-regression": gate}}


def lost(items: list[Item]) -> list[Item]:
    """The items that do not come out as the file says."""
    return [item for item in items if item.outcome in LOST]
