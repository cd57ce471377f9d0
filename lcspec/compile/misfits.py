"""Values that do not fit a model of the spec, as diagnostics: pydantic finds them, the words and repairs are ours."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lcspec.compile import repair
from lcspec.diag.model import Diagnostic, Fix, Label
from lcspec.diag.suggest import clear, did_you_mean, nearest
from lcspec.ir import document as doc
from lcspec.ir.document import Node, Path, find, locate
from lcspec.ir.strict import Strict

Fault = Mapping[str, Any]


class Misfit(NamedTuple):
    """One fault with its place: `path` in the document, `loc` below `model` as pydantic has it."""

    path: Path
    loc: tuple[Any, ...]
    type: str
    context: Mapping[str, Any]
    message: str


def diagnose(root: Node, path: Path, model: type[Strict], faults: list[Any]) -> list[Diagnostic]:
    """One diagnostic for each root cause among the faults of the node at `path`."""
    placed = [_place(root, path, fault) for fault in faults if not _misspelt(fault, faults)]
    best: dict[tuple[Path, str], Misfit] = {}
    for misfit in placed:  # the branches of a union fail at one place: the one that got furthest tells the most
        spot = (misfit.path, misfit.type if misfit.type == "missing" else "")
        if spot not in best or _rank(misfit) > _rank(best[spot]):
            best[spot] = misfit
    return [_told(root, model, misfit) for misfit in best.values()]


def _place(root: Node, path: Path, fault: Fault) -> Misfit:
    """Parts of `loc` that the document lacks are pydantic's own (branches of a union), and dropped."""
    where, kind = path, str(fault["type"])
    for index, part in enumerate(fault["loc"]):
        last = index == len(fault["loc"]) - 1
        if find(root, (*where, part)) is None and not (last and kind in ("missing", "extra_forbidden")):
            continue
        where = (*where, part)
    return Misfit(where, tuple(fault["loc"]), kind, fault.get("ctx") or {}, str(fault["msg"]))


def _misspelt(fault: Fault, faults: list[Any]) -> bool:
    """Whether a missing key is only the other side of a misspelt one beside it: one root cause, one error."""
    if fault["type"] != "missing":
        return False
    beside = [o["loc"][-1] for o in faults if o["type"] == "extra_forbidden" and o["loc"][:-1] == fault["loc"][:-1]]
    return any(nearest(str(key), [str(fault["loc"][-1])]) for key in beside)


def _rank(misfit: Misfit) -> tuple[int, int]:
    return len(misfit.path), misfit.type in ("wrong_unit", "literal_error") or "than" in misfit.type


# --- telling ---------------------------------------------------------------------------------------------------------


def _told(root: Node, model: type[Strict], misfit: Misfit) -> Diagnostic:
    last = str(misfit.path[-1]) if misfit.path else "spec"
    name = f"`{last}`" if not last.isdecimal() else f"item {last} of `{misfit.path[-2]}`"
    if misfit.type == "extra_forbidden":
        return _unknown(root, model, misfit, last)
    if misfit.type == "missing":
        parent = misfit.path[-2] if len(misfit.path) > 1 else "spec"
        help = f"add `{last}: …`; {_doc(model, misfit.loc)}"
        return _at(root, misfit.path[:-1], "LC0102", f"`{parent}` lacks `{last}`", help, key=True)
    help = _doc(model, misfit.loc)
    if misfit.type == "wrong_unit":
        remedy = misfit.context.get("remedy") or None
        fix = repair.replace(root, misfit.path, remedy, f"write `{remedy}`")
        help = f"write `{remedy}`; {help}" if remedy else help
        return _at(root, misfit.path, "LC0105", f"{name}: {misfit.message}", help, fix)
    if misfit.type == "literal_error":
        return _not_among(root, misfit, name, help)
    if words := _limit(misfit):
        return _at(root, misfit.path, "LC0106", f"{name} {words}", help)
    words, mend = _KINDS.get(misfit.type, (None, None))
    message = f"{name} is {words}" if words else f"{name}: {_plain(misfit.message)}"
    return _at(root, misfit.path, "LC0104", message, help, mend(root, misfit.path) if mend else None)


def _at(
    root: Node, path: Path, code: str, message: str, help: str, fix: Fix | None = None, *, key: bool = False
) -> Diagnostic:
    return Diagnostic(code, message, (Label(locate(root, path, key=key), ""),), help=help, fix=fix)


def _unknown(root: Node, model: type[Strict], misfit: Misfit, key: str) -> Diagnostic:
    known = [field.alias for field in fields_at(model, misfit.loc[:-1]).values()]
    parent = find(root, misfit.path[:-1])
    there = [entry.key for entry in parent.entries] if isinstance(parent, doc.Mapping) else []
    fix = repair.rename(root, misfit.path, clear(key, set(known) - set(there)), key=True)
    return _at(
        root, misfit.path, "LC0101", f"unknown key `{key}`", did_you_mean(key, known, "keys here"), fix, key=True
    )


def _not_among(root: Node, misfit: Misfit, name: str, help: str) -> Diagnostic:
    allowed = re.findall(r"'([^']*)'", str(misfit.context.get("expected", "")))
    node = find(root, misfit.path)
    said = node.text if isinstance(node, doc.Scalar) else "…"
    listed = ", ".join(f"`{one}`" for one in allowed) or str(misfit.context.get("expected"))
    close = clear(said, allowed)
    help = f"did you mean `{close}`? {help}" if close else help
    fix = repair.rename(root, misfit.path, close)
    return _at(root, misfit.path, "LC0106", f"{name} is one of {listed}, not `{said}`", help, fix)


_LIMITS = {
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "less_than": "must be less than {lt}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "too_short": "needs {min_length} or more, and has {actual_length}",
    "too_long": "takes {max_length} at most, and has {actual_length}",
    "string_too_short": "needs {min_length} or more characters",
    "string_too_long": "takes {max_length} characters at most",
    "string_pattern_mismatch": "does not have the form `{pattern}`",
    "finite_number": "must be a finite number",
}


def _limit(misfit: Misfit) -> str | None:
    if misfit.type == "value_error":
        return ": " + _plain(misfit.message)
    return _LIMITS[misfit.type].format(**misfit.context) if misfit.type in _LIMITS else None


def _whole(root: Node, path: Path) -> Fix | None:
    return repair.number(root, path, whole=True)


def _real(root: Node, path: Path) -> Fix | None:
    return repair.number(root, path, whole=False)


_Mend = Callable[[Node, Path], Fix | None]
_KINDS: dict[str, tuple[str, _Mend | None]] = {
    "string_type": ("a text", repair.quoted),
    "loose_bool": ("`true` or `false`", repair.boolean),
    "loose_int": ("a whole number", _whole),
    "loose_float": ("a number", _real),
    **dict.fromkeys(("bool_type", "bool_parsing"), ("`true` or `false`", repair.boolean)),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), ("a whole number", _whole)),
    **dict.fromkeys(("float_type", "float_parsing"), ("a number", _real)),
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "iterable_type"), ("a list", repair.listed)),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), ("a mapping", None)),
}


def _plain(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


# --- fields of models ------------------------------------------------------------------------------------------------


def _doc(model: type[Strict], loc: tuple[Any, ...]) -> str:
    """The description of the field that `loc` names, or of the one around it, as a remedy."""
    for length in range(len(loc), 0, -1):
        for info in fields_at(model, loc[: length - 1]).values():
            if info.alias == loc[length - 1]:
                return str(info.description)
    return f"keys here: {', '.join(field.alias for field in model.model_fields.values())}"


def fields_at(model: type[Strict], loc: tuple[Any, ...]) -> Mapping[str, Any]:
    """The fields of the model that `loc` leads to below `model`; those of `model` where it leads nowhere."""
    here = model
    for part in loc:
        for info in here.model_fields.values():
            if info.alias == part:
                here = _model_in(info.annotation) or here
    return here.model_fields


def _model_in(annotation: Any) -> type[Strict] | None:
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _model_in(argument):
            return found
    return None
