"""`Document` to `Spec`: sections and entries validated, every fault at the key or value that shows it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lcspec.compile import repair
from lcspec.compile.misfits import diagnose
from lcspec.compile.references import default_kind
from lcspec.diag.model import Diagnostic, Fix, Label
from lcspec.diag.suggest import clear, did_you_mean
from lcspec.ir import document as doc
from lcspec.ir.document import Node, Path, find, locate, to_data
from lcspec.ir.spec import Bound, GateSpec, Move, Rung, Scope, Spec
from lcspec.ir.strict import Invalid, Strict, construct
from lcspec.kinds import registry
from lcspec.kinds.api import SECTIONS, kebab

TOP: tuple[str, ...] = (
    "lcspec",
    "name",
    "description",
    "scope",
    "data",
    "models",
    "prompts",
    "tuning",
    "evaluation",
    "ladder",
)
TOP += ("augmentation", "deployment", "allow", "moved")
INNER = {"evaluation": ("suites", "metrics", "gates", "select-by"), "deployment": ("optimize", "targets")}
VERSION = 1
_M = TypeVar("_M", bound=Strict)
_NAME = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*\Z")


@dataclass
class _Binding:
    """The state of one pass: the document and what was found wrong with it."""

    root: doc.Mapping
    found: list[Diagnostic] = field(default_factory=list)

    def error(
        self, code: str, path: Path, message: str, help: str, *, key: bool = False, fix: Fix | None = None
    ) -> None:
        label = Label(locate(self.root, path, key=key), "")
        self.found.append(Diagnostic(code, message, (label,), help=help, fix=fix))


def bind(root: Node) -> tuple[Spec | None, list[Diagnostic]]:
    """The spec that `root` says, or None with every fault of shape (LC01xx) in it."""
    if not isinstance(root, doc.Mapping):
        label = (Label(root.span, ""),)
        return None, [Diagnostic("LC0104", "a spec is a mapping of sections", label, help="start with `lcspec: 1`")]
    state = _Binding(root)
    _check_top(state)
    other = [found for found in state.found if found.code == "LC0107" and found.fix is None]
    if other:
        return None, other  # another language: what else looks wrong may well be right there
    name = _text(state, "name", required=True)
    description = _text(state, "description")
    scope = _model(state, ("scope",), Scope) if root.get("scope") else None
    sections = {family: _entries(state, path, family) for path, family in SECTIONS.items()}
    gates = _gates(state)
    ladder = _ladder(state)
    select_by = _select_by(state)
    moved = _moved(state)
    if state.found or scope is None or name is None:
        return None, state.found
    return Spec(name, description or "", scope, sections, gates, ladder, select_by, moved), []


def _check_top(state: _Binding) -> None:
    _known(state, (), TOP)
    for section, keys in INNER.items():
        if isinstance(_node(state, (section,)), doc.Mapping):
            _known(state, (section,), keys)
        elif state.root.get(section):
            state.error("LC0104", (section,), f"`{section}` is a mapping", f"its keys: {', '.join(keys)}")
    for required in ("lcspec", "name", "scope"):
        if state.root.get(required) is None and not _beside(state.root, required):
            _lacks(state, required)
    version = state.root.get("lcspec")
    if version and (not isinstance(version.value, doc.Scalar) or not _is_version(version.value.value)):
        text = version.value.text if isinstance(version.value, doc.Scalar) else ""
        same = text.strip().lower() in (f"{VERSION}", f"{VERSION}.0", f"v{VERSION}")
        fix = repair.replace(state.root, ("lcspec",), f"{VERSION}" if same else None, f"write `{VERSION}`")
        state.error("LC0107", ("lcspec",), "this lcspec reads version 1 of the language", "write `lcspec: 1`", fix=fix)


def _is_version(value: object) -> bool:
    return type(value) is int and value == VERSION


def _beside(root: doc.Mapping, required: str) -> bool:
    """Whether a misspelt key stands where `required` is missing: that is told already."""
    return any(clear(entry.key, TOP) == required for entry in root.entries if entry.key not in TOP)


def _lacks(state: _Binding, required: str) -> None:
    label = (Label(state.root.entries[0].key_span if state.root.entries else state.root.span, ""),)
    remedy = {"lcspec": "add `lcspec: 1` as the first line", "name": "add `name: my-project`"}
    help = remedy.get(required, "add `scope: {task: classification, labels: [...]}`")
    fix = repair.language(state.root, VERSION) if required == "lcspec" else None
    state.found.append(Diagnostic("LC0102", f"the spec has no `{required}`", label, help=help, fix=fix))


def _known(state: _Binding, path: Path, keys: tuple[str, ...]) -> None:
    node = _node(state, path)
    if not isinstance(node, doc.Mapping):
        return
    for entry in node.entries:
        if entry.key not in keys and not entry.key.startswith("x-"):
            known = keys if path else (*keys, "extends", "variables")
            help, where = did_you_mean(entry.key, known, "keys here"), (*path, entry.key)
            free = [key for key in known if node.get(key) is None]
            fix = repair.rename(state.root, where, clear(entry.key, free), key=True)
            state.error("LC0101", where, f"unknown key `{entry.key}`", help, key=True, fix=fix)


def _node(state: _Binding, path: Path) -> Node | None:
    return find(state.root, path)


def _text(state: _Binding, key: str, *, required: bool = False) -> str | None:
    entry = state.root.get(key)
    if entry is None:
        return None
    value = entry.value.value if isinstance(entry.value, doc.Scalar) else None
    if not isinstance(value, str) or (required and not _NAME.match(value)):
        if required and isinstance(value, str):
            slug = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")
            to = slug if _NAME.match(slug) else None
            fix, help = repair.rename(state.root, (key,), to), f"write `{key}: {to or 'my-project'}`"
            state.error("LC0108", (key,), f"`{key}` is lower-case words joined by `-`", help, fix=fix)
        else:
            fix = repair.quoted(state.root, (key,))
            state.error("LC0104", (key,), f"`{key}` is a text", "quote it if it looks like a number", fix=fix)
        return None
    return value


def _entries(state: _Binding, path: Path, family: str) -> dict[str, Bound]:
    node = _node(state, path)
    if node is None or (isinstance(node, doc.Scalar) and node.value is None):
        return {}
    if not isinstance(node, doc.Mapping):
        state.error("LC0104", path, f"`{path[-1]}` maps names to entries", f"write `{path[-1]}: {{my-name: {{…}}}}`")
        return {}
    bound = {}
    nameless = _nameless(node)
    if nameless is not None:
        help = f"write `{path[-1]}: {{my-name: {{{nameless.key}: …}}}}`"
        message = f"`{path[-1]}` maps names to entries; this is an entry without a name"
        state.error("LC0104", (*path, nameless.key), message, help, key=True)
    for entry in node.entries:
        if entry.key.startswith("x-") or (nameless is not None and not _is_entry(entry)):
            continue
        if not _NAME.match(entry.key):
            help = "use lower-case letters, digits, `-`, `.`"
            state.error("LC0108", (*path, entry.key), f"`{entry.key}` is not a name", help, key=True)
        elif (made := _entry(state, (*path, entry.key), family, entry.key)) is not None:
            bound[entry.key] = made
    return bound


def _nameless(node: doc.Mapping) -> doc.Entry | None:
    """The first key of an entry that stands where a name should, as in `data: {kind: jsonl}`."""
    values = [entry for entry in node.entries if not _is_entry(entry) and not entry.key.startswith("x-")]
    kinds = [entry for entry in values if entry.key in ("kind", "from")]
    return values[0] if kinds or len(values) > 1 else None


def _is_entry(entry: doc.Entry) -> bool:
    return isinstance(entry.value, doc.Mapping) and entry.key not in ("from", "columns", "split", "files", "labels")


def _entry(state: _Binding, path: Path, family: str, name: str) -> Bound | None:
    """One entry: its kind is what `kind:` says, or the kind that has the entry's own name."""
    node = _node(state, path)
    if not isinstance(node, doc.Mapping):
        state.error(
            "LC0104", path, f"`{name}` is a mapping with a `kind`", f"kinds: {', '.join(registry.names(family))}"
        )
        return None
    said = node.get("kind")
    kind_name = (
        said.value.value
        if said and isinstance(said.value, doc.Scalar)
        else None
        if said
        else default_kind(family, name)
    )
    try:
        kind = registry.load(family, kind_name) if isinstance(kind_name, str) else None
    except KeyError:
        kind = None
    if kind is None:
        _unknown_kind(state, path, family, name, said)
        return None
    source = node.get("from")
    given: dict[str, Any] = {}
    if source is not None and "from_" in kind.body.model_fields:
        bound = _entry(state, (*path, "from"), "source", "from")
        if bound is None:
            return None
        given["from"] = bound
    body = _model(state, path, kind.body, skip=("kind",), given=given)
    return None if body is None else Bound(family, name, kind.name, body, path)


def _unknown_kind(state: _Binding, path: Path, family: str, name: str, said: doc.Entry | None) -> None:
    known = registry.names(family)
    if said is None:
        message = f"`{name}` has no `kind`"
        state.error("LC0102", path, message, f"kinds of {family}: {', '.join(f'`{k}`' for k in known)}", key=True)
        return
    text = said.value.text if isinstance(said.value, doc.Scalar) else "…"
    help = did_you_mean(text, known, f"kinds of {family}")
    fix = repair.rename(state.root, (*path, "kind"), clear(text, known))
    state.error("LC0103", (*path, "kind"), f"`{text}` is not a kind of {family}", help, fix=fix)


def _gates(state: _Binding) -> dict[str, GateSpec]:
    path: Path = ("evaluation", "gates")
    node = _node(state, path)
    made = {}
    if not isinstance(node, doc.Mapping | None) and not (isinstance(node, doc.Scalar) and node.value is None):
        help = "write `gates: {good-enough: {metric: …, at-least: …}}`"
        state.error("LC0104", path, "`gates` maps names to gates", help)
    for entry in node.entries if isinstance(node, doc.Mapping) else ():
        if entry.key.startswith("x-"):
            continue
        gate = _model(state, (*path, entry.key), GateSpec)
        if gate is not None:
            made[entry.key] = gate
    return made


def _ladder(state: _Binding) -> tuple[Rung, ...]:
    node = _node(state, ("ladder",))
    if node is None:
        return ()
    if not isinstance(node, doc.Sequence):
        state.error("LC0104", ("ladder",), "the ladder is a list of rungs", "write `- {prompts: [plain]}`")
        return ()
    rungs = [_model(state, ("ladder", index), Rung, listed=True) for index in range(len(node.items))]
    return tuple(rung for rung in rungs if rung is not None)


def _moved(state: _Binding) -> tuple[Move, ...]:
    node = _node(state, ("moved",))
    if node is None:
        return ()
    if not isinstance(node, doc.Sequence):
        help = "write `- {from: prompts.old, to: prompts.new}`"
        state.error("LC0104", ("moved",), "`moved` is a list of renamed entries", help)
        return ()
    moves = [_model(state, ("moved", index), Move) for index in range(len(node.items))]
    return tuple(move for move in moves if move is not None)


def _select_by(state: _Binding) -> str | None:
    node = _node(state, ("evaluation", "select-by"))
    if node is None:
        return None
    value = node.value if isinstance(node, doc.Scalar) else None
    if not isinstance(value, str):
        state.error("LC0104", ("evaluation", "select-by"), "`select-by` is `suite.metric`", "say `topics.accuracy`")
        return None
    return value


def _model(
    state: _Binding,
    path: Path,
    model: type[_M],
    *,
    skip: tuple[str, ...] = (),
    given: Mapping[str, Any] | None = None,
    listed: bool = False,
) -> _M | None:
    """`model` validated from the node at `path`, or None after its faults were noted."""
    node = _node(state, path)
    if not isinstance(node, doc.Mapping):
        keys = ", ".join(f"`{kebab(name)}`" for name in model.model_fields)
        state.error("LC0104", path, f"`{path[-1]}` is a mapping", f"its keys: {keys}")
        return None
    data = {entry.key: to_data(entry.value) for entry in node.entries if entry.key not in skip}
    data = {key: value for key, value in data.items() if not key.startswith("x-")}
    if listed:  # `tuning: lora` means `tuning: [lora]`
        data = {key: [value] if isinstance(value, str) else value for key, value in data.items()}
    data.update(given or {})
    try:
        return construct(model, data)
    except Invalid as error:
        state.found += diagnose(state.root, path, model, error.faults)
        return None
