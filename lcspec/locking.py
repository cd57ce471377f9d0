"""The lock as functions: what is missing in it, how it is resolved, and whether what is installed agrees with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lcspec import api
from lcspec.compile.lowering import source_id
from lcspec.compile.moves import moved_models
from lcspec.diag.model import Diagnostic
from lcspec.installed import installed_version
from lcspec.ir.plan import Graph
from lcspec.kinds import registry
from lcspec.lock import Lock
from lcspec.modelfacts import FACTS_VERSION

KEYED_LIBRARIES = ("torch", "transformers", "peft", "trl")


def update_lock(loaded: api.Loaded, *, update: bool = False, tell: Callable[[str], None] = lambda text: None) -> Lock:
    """The lock with every source, model and library of the spec; `update` pins anew what is pinned already.

    Raises:
        LcspecError: a source cannot be fetched.
    """
    facts = api.gather_facts(loaded)
    graph, requests = api.lower_loaded(loaded, facts)
    old = loaded.lock or Lock()
    sources: dict[str, Mapping[str, Any]] = {}
    cache = loaded.project.store / "cache" / "downloads"
    for source, members in requests.values():
        if source.kind == "path":
            continue
        name = source_id(source)
        known = sources.get(name) or (None if update else old.sources.get(name))
        if known is None or not set(members) <= set(known["members"]):
            tell(f"locking {name}")
            known = registry.module(source.family, source.kind).resolve(source.body, members, cache, known)
        sources[name] = known
    used = {name: _used_members(pin, name, requests) for name, pin in sources.items()}
    models = _model_facts(
        loaded,
        requests,
        used,
        cache,
        {} if update else moved_models(old.models, loaded.spec.moved if loaded.spec else ()),
        tell,
    )
    return Lock(used, models, locked_libraries({} if update else old.libraries, keyed_libraries(graph)))


def _used_members(pin: Mapping[str, Any], name: str, requests: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pin without members that nothing asks for any more."""
    asking = [(source, members) for source, members in requests.values() if source_id(source) == name]
    wanted = {member for _, members in asking for member in members}
    narrowed = getattr(registry.module(asking[0][0].family, asking[0][0].kind), "narrowed", None)
    if narrowed:
        return dict(narrowed(pin, tuple(sorted(wanted))))
    return {**pin, "members": {member: pin["members"][member] for member in sorted(wanted)}}


def _model_facts(
    loaded: api.Loaded,
    requests: Mapping[str, Any],
    sources: Mapping[str, Any],
    cache: Path,
    old: Mapping[str, Mapping[str, Any]],
    tell: Callable[[str], None],
) -> dict[str, Mapping[str, Any]]:
    """Facts of each model whose files are pinned, read once per digest."""
    made: dict[str, Mapping[str, Any]] = {}
    assert loaded.spec is not None  # noqa: S101
    for name, entry in loaded.spec.entries("model").items():
        source, members = requests.get(f"model.{name}", (None, ()))
        if source is None or source.kind == "path":
            continue
        pin = sources[source_id(source)]
        digest = pin["members"][members[0]]
        code = {"code": pin["code"]} if source.kind == entry.kind and "code" in pin else {}
        changing = any(member.endswith(".py") for member in members)  # what is told of code goes beyond the first file
        if old.get(name, {}).get("of") == digest and old[name].get("version") == FACTS_VERSION and not changing:
            made[name] = {**old[name], **code}
            continue
        tell(f"reading facts of {name}")
        opener = _opener(source, cache, pin)
        facts = registry.module("model", entry.kind).inspect(entry.body, opener)
        made[name] = {"of": digest, **facts, "languages": facts.get("languages") or pin.get("languages"), **code}
    return made


def _opener(source: Any, cache: Path, pin: Mapping[str, Any]) -> Callable[[str], Path | None]:
    """A function that gives a verified copy of a pinned member, None for what is not pinned."""
    module = registry.module(source.family, source.kind)
    return lambda member: module.open_member(source.body, member, cache, pin) if member in pin["members"] else None


def keyed_libraries(graph: Graph) -> tuple[str, ...]:
    """The libraries whose versions keys hold: those of every spec, and what only some steps use."""
    used = {name for step in graph.steps for name in step.libraries}
    return (*KEYED_LIBRARIES, *sorted(used - set(KEYED_LIBRARIES)))


def locked_libraries(known: Mapping[str, str], names: Sequence[str] = KEYED_LIBRARIES) -> dict[str, str]:
    """Library to `major.minor`: as locked, else as installed."""
    return {name: known.get(name) or installed_minor(name) for name in names}


def installed_minor(name: str) -> str:
    """`major.minor` of an installed library; `absent` when it is not installed."""
    version = installed_version(name)
    return "absent" if version is None else ".".join(version.split("+")[0].split(".")[:2])


def library_drift(lock: Lock) -> list[Diagnostic]:
    """LC1003 for each library whose installed version is not the locked one."""
    found = []
    for name, locked in lock.libraries.items():
        here = installed_minor(name)
        if here != locked:
            message = f"{name} {here} is installed, the lock holds {locked}"
            help = f"install {name} {locked}.*, or accept new results with `lcspec lock --update`"
            found.append(Diagnostic("LC1003", message, help=help))
    return found


def with_lock(loaded: api.Loaded, lock: Lock) -> api.Loaded:
    """The same spec under another lock, checked again (a new lock can know more about models)."""
    fresh = replace(loaded, lock=lock)
    if fresh.spec is not None and fresh.root is not None:
        fresh.diagnostics = api.recheck(fresh.project, fresh.spec, fresh.root, lock, fresh.sources)
    return fresh
