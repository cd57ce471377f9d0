"""Saved plans: written once, then run exactly as reviewed or refused, with everything that differs named."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lcspec import api, plans
from lcspec.canon import digest, pretty
from lcspec.compile.compose import Settings
from lcspec.compile.plan_json import ref_text, texts
from lcspec.compile.select import Wish
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.gates.choose import Chooser
from lcspec.ir.plan import PLAN_FORMAT, Plan
from lcspec.ir.source import SourceFile
from lcspec.kinds import registry
from lcspec.project import FileDigests, Project, write_atomic
from lcspec.run.behind import Behind

STALE = 5
MOST = 12  # differences that are named


def save(path: Path, loaded: api.Loaded, plan: Plan, chooser: Chooser, wish: Wish) -> None:
    """Writes the plan, sealed by its own digest; it knows the spec by the way from the plan's folder, too."""
    data = plans.plan_json(loaded, plan, chooser, wish)
    way = os.path.relpath(loaded.project.spec.resolve(), path.resolve().parent)
    data["spec"]["from_plan"] = Path(way).as_posix()
    write_atomic(path, pretty({**data, "sha256": seal(data)}))


def seal(data: Mapping[str, Any]) -> str:
    """The digest of a plan without its own digest."""
    return digest({key: value for key, value in data.items() if key != "sha256"})


def load_saved(path: Path, behind: Callable[[Project], Behind]) -> api.Target:
    """What a saved plan was made of: everything that was planned must be as it was, under the plan's own settings.

    `behind` says what lies behind the store of a project (`run/behind.py`).

    Raises:
        LcspecError: LC1103 the plan cannot be read, LC1107 it is of another format, LC1102 (exit 5) it is stale.
    """
    saved = _read(path)
    spec = saved["spec"]
    settings = Settings(tuple(spec["sets"]), tuple(SourceFile(**text) for text in spec["variables"]))
    wish = Wish(*(tuple(saved["selection"][flag]) for flag in ("target", "exclude", "replace")))
    loaded = api.load(_spec_of(path, spec), settings)
    there = behind(loaded.project)
    if differences := list(dict.fromkeys(_differences(saved, loaded, wish, there))):
        listed = differences[:MOST]
        more = (f"and {len(differences) - MOST} more",) if len(differences) > MOST else ()
        message = f"since `{path.name}` was planned, {'this' if len(differences) == 1 else 'these things'} changed"
        help = "plan again, review, then apply the new plan"
        raise LcspecError([Diagnostic("LC1102", message, notes=(*listed, *more), help=help)], STALE)
    return api.Target(loaded, wish, there)


# --- reading ---------------------------------------------------------------------------------------------------------


def _read(path: Path) -> dict[str, Any]:
    try:
        saved = json.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise LcspecError([Diagnostic("LC0012", f"there is no file `{path}`", help="name a spec or a plan")]) from None
    except json.JSONDecodeError as error:
        raise _unreadable(path, f"it ends or breaks at line {error.lineno}") from None
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or "it is no text of JSON") from None
    if not isinstance(saved, dict) or not {"format_version", "steps", "spec", "name"} <= saved.keys():
        raise _unreadable(path, "it is JSON of something else")
    if saved["format_version"] != PLAN_FORMAT:
        message = f"`{path}` is of format {saved['format_version']!r}; this lcspec reads format {PLAN_FORMAT}"
        help = "apply it with the lcspec that made it, or plan again"
        raise LcspecError([Diagnostic("LC1107", message, help=help)])
    try:
        whole = saved.get("sha256") == seal(saved)
    except ValueError:
        whole = False
    if not whole:
        raise _unreadable(path, "it was edited after it was saved, and is not what was reviewed")
    return saved


def _unreadable(path: Path, why: str) -> LcspecError:
    help = "make a new one with `lcspec plan SPEC -o plan.json`"
    return LcspecError([Diagnostic("LC1103", f"`{path}` is not a saved plan: {why}", help=help)])


def _spec_of(path: Path, spec: Mapping[str, Any]) -> Path:
    """The spec of a plan: where it lay from the plan, or from here; the one with the planned text if there are two."""
    places = (path.parent / spec["from_plan"], Path(spec["path"])) if spec.get("from_plan") else (Path(spec["path"]),)
    there = [place for place in places if place.is_file()]
    for place in there:
        if place.read_bytes() == spec["text"].encode():
            return _shown(place)
    if there:
        return _shown(there[0])
    message = f"the plan is for `{spec['path']}`, which is neither here nor where it lay from the plan"
    help = "apply it from the folder in which it was planned"
    raise LcspecError([Diagnostic("LC1103", message, help=help)])


def _shown(path: Path) -> Path:
    """The same file by a path from here where that is shorter."""
    way = Path(os.path.relpath(path))
    return way if ".." not in way.parts else path


# --- what differs ----------------------------------------------------------------------------------------------------


def _differences(saved: Mapping[str, Any], loaded: api.Loaded, wish: Wish, behind: Behind) -> Iterator[str]:
    """Everything that is not as it was planned, causes before what follows from them."""
    causes = [
        *_texts(saved["spec"], loaded),
        *_lock(saved["lock"], loaded),
        *_files(saved["steps"], loaded.project),
        *_kinds(saved["steps"]),
    ]
    yield from causes
    if not causes and loaded.ok:
        facts = api.gather_facts(loaded, behind)
        yield from _steps(saved["steps"], api.make_plan(loaded, facts, wish)[0])


def _texts(spec: Mapping[str, Any], loaded: api.Loaded) -> Iterator[str]:
    if loaded.source.text != spec["text"]:
        yield f"the spec `{loaded.source.path}`"
    before = {text["path"]: text["text"] for text in spec["bases"]}
    now = {text["path"]: text["text"] for text in texts(loaded.bases)}
    for path in sorted(before.keys() | now.keys()):
        if before.get(path) != now.get(path):
            yield f"`{path}`, which the spec extends"


def _lock(lock: Mapping[str, Any] | None, loaded: api.Loaded) -> Iterator[str]:
    name = loaded.project.lock.name
    if lock is None or loaded.lock is None:
        yield f"the lock `{name}` is gone"
        return
    now, before = loaded.lock.to_json(), lock["data"]
    for part, word in (("sources", "source"), ("models", "model"), ("libraries", "library")):
        for entry in sorted(now[part].keys() | before.get(part, {}).keys()):
            if now[part].get(entry) != before.get(part, {}).get(entry):
                yield f"the lock `{name}`: {word} `{entry}`"


def _files(steps: list[dict[str, Any]], project: Project) -> Iterator[str]:
    files = FileDigests(project)
    for step in steps:
        if step["kind"] == "source.path":
            for member, planned in step["params"]["files"].items():
                if (now := files.get(member)) != planned:
                    yield f"the file `{member}`" + (" is gone" if now is None else "")


def _kinds(steps: list[dict[str, Any]]) -> Iterator[str]:
    for kind, version in sorted({(step["kind"], step["version"]) for step in steps}):
        family, _, name = kind.partition(".")
        try:
            now = registry.load(family, name).version
        except KeyError:
            yield f"the kind `{kind}` is gone"
            continue
        if now != version:
            yield f"the kind `{kind}`: version {version} → {now}"


def _steps(planned: list[dict[str, Any]], plan: Plan) -> Iterator[str]:
    """Steps that are others now, and records that the plan reuses and that are gone.

    A step that has run since under the planned key is no difference: it did what was reviewed.
    """
    here = {step.step.id: step for step in plan.steps}
    for old in planned:
        now = here.pop(old["id"], None)
        if now is None:
            yield f"the step `{old['id']}` is gone"
        elif old["action"] == "reuse" and now.action != "reuse":
            yield f"the record of `{old['id']}`, which the plan reuses, is gone"
        elif _form(old) != _form_now(now.step) or (now.key and old["key"] and now.key != old["key"]):
            yield f"the step `{old['id']}`"
    for name in here:
        yield f"the step `{name}` is new"


def _form(step: Mapping[str, Any]) -> tuple[Any, ...]:
    return step["kind"], step["step_action"], step["params"], step["inputs"], step["condition"]


def _form_now(step: Any) -> tuple[Any, ...]:
    inputs = {name: ref_text(ref) for name, ref in step.inputs.items()}
    params = json.loads(json.dumps(dict(step.params)))
    return step.kind, step.action, params, inputs, [list(part) for part in step.condition.all]
