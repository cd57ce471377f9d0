"""`lcspec explain`: the page of a code, or what a kind or a field means."""

import json
from pathlib import Path
from typing import Any

import click

import lcspec.diag
from lcspec.cli.common import format_option
from lcspec.diag.codes import TITLES
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.spec import GateSpec, Move, Rung, Scope
from lcspec.ir.strict import plain
from lcspec.kinds import registry
from lcspec.kinds.api import SECTIONS, kebab

FAMILIES = {section[-1]: family for section, family in SECTIONS.items()}
FAMILIES |= {name: name for name in ("source", "metric", "environment")}
FIXED: dict[str, Any] = {"scope": Scope, "gate": GateSpec, "rung": Rung, "moved": Move}


@click.command("explain")
@click.argument("topic")
@format_option()
def command(topic: str, form: str) -> None:
    """Explain a code (LC0301), a section (tuning), a kind (tuning.lora) or a field (tuning.lora.rank)."""
    if topic.upper() in TITLES:
        page = Path(lcspec.diag.__file__).parent / "explain" / f"{topic.upper()}.md"
        text = page.read_text(encoding="utf-8")
        told: dict[str, Any] = {"code": topic.upper(), "title": TITLES[topic.upper()], "page": text}
    else:
        text, told = _topic(topic)
    click.echo(json.dumps({"format_version": 1, **told}, indent=2, default=str) if form == "json" else text.rstrip())


def _topic(topic: str) -> tuple[str, dict[str, Any]]:
    first, *rest = topic.split(".")
    if first in FIXED:
        return _fields(first, FIXED[first], rest, FIXED[first].__doc__ or "", "")
    if first not in FAMILIES:
        listed = [*FAMILIES, *FIXED]
        close = did_you_mean(topic, [*listed, *TITLES], "topics") if len(topic) > 2 else f"topics: {', '.join(listed)}"
        raise click.UsageError(f"there is nothing to explain under `{topic}`; {close}")
    family = FAMILIES[first]
    if not rest:
        kinds = {name: registry.load(family, name).summary for name in registry.names(family)}
        lines = [f"Kinds of {first}:", *(f"  {name:<20} {summary}" for name, summary in kinds.items())]
        return "\n".join(lines), {"section": first, "kinds": kinds}
    try:
        kind = registry.load(family, rest[0])
    except KeyError:
        close = did_you_mean(rest[0], registry.names(family), f"kinds of {first}")
        raise click.UsageError(f"`{rest[0]}` is not a kind of {first}; {close}") from None
    doc = registry.module(family, kind.name).__doc__ or ""
    return _fields(f"{first}.{kind.name}", kind.body, rest[1:], doc, kind.example)


def _fields(name: str, model: Any, path: list[str], doc: str, example: str) -> tuple[str, dict[str, Any]]:
    """A model with its fields, or one of them when `path` names it."""
    fields = {kebab(field): (field, info) for field, info in model.model_fields.items()}
    if not path:
        described = {key: _field(info) for key, (_, info) in fields.items()}
        lines = [f"{name}", "", doc.strip(), ""]
        lines += [f"  {key:<18} {told['description']}{_extras(told)}" for key, told in described.items()]
        lines += ["", f"Example: {example}"] if example else []
        return "\n".join(lines), {"name": name, "doc": doc.strip(), "fields": described, "example": example}
    if path[0] not in fields:
        raise click.UsageError(f"{name} has no `{path[0]}`; {did_you_mean(path[0], fields, 'fields')}")
    _, info = fields[path[0]]
    inner = next((a for a in (info.annotation, *getattr(info.annotation, "__args__", ())) if _is_model(a)), None)
    if inner is not None:
        return _fields(f"{name}.{path[0]}", inner, path[1:], str(info.description), "")
    told = _field(info)
    keyed = "changes results: a new value runs its steps again" if told["moves_keys"] else "changes no result"
    lines = [f"{name}.{path[0]}: {told['description']}", f"  type: {told['type']}", f"  default: {told['default']}"]
    lines += [f"  unit: {told['unit']}"] if told["unit"] else []
    lines += [f"  limits: {', '.join(told['limits'])}"] if told["limits"] else []
    lines += [f"  {word}: {told[word]}" for word in ("effect", "source") if told[word]]
    return "\n".join([*lines, f"  {keyed}"]), {"name": f"{name}.{path[0]}", **told}


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and hasattr(annotation, "model_fields")


def _field(info: Any) -> dict[str, Any]:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    default: Any = "required" if info.is_required() else info.default
    if _is_model(type(default)):
        default = plain(default, none=False)
    limits = [f"{name.replace('_', ' ')} {limit}" for name, limit in info.limits.items()]
    shown = getattr(info.annotation, "__name__", None) or str(info.annotation)
    return {
        "description": str(info.description),
        "type": "a source" if extra.get("x-family") else shown.replace("typing.", ""),
        "default": default,
        "unit": extra.get("x-unit"),
        "limits": limits,
        "effect": extra.get("x-effect"),
        "source": extra.get("x-source"),
        "moves_keys": extra.get("x-key") is not False,
    }


def _extras(told: dict[str, Any]) -> str:
    if told["default"] == "required":
        return " Required."
    return "" if told["default"] in (None, (), {}) else f" Default: {told['default']}."
