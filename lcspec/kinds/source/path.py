"""Files of the project, named relative to the spec. Hashed when planning; a change there is a reason to rerun."""

import hashlib
import shutil
from collections.abc import Sequence

from lcspec.kinds.api import Body, Bound, Context, Estimate, Kind, Lowered, Output, Step, StepIO, option, within


class PathBody(Body):
    """A local file."""

    path: str = option(doc="The file, relative to the folder of the spec.")


def source_id(body: PathBody | None) -> str:
    """Local files are never locked; the id names them in messages."""
    return f"path:{body.path}" if body else "path"


def lower(ctx: Context, owner: Bound, source: Bound, members: Sequence[str]) -> Lowered:
    """One step that brings the files into the store, keyed by their digests."""
    step = Step(
        id=f"fetch:{'.'.join(map(str, owner.path))}",
        kind="source.path",
        action="fetch",
        version=1,
        params={"files": {member: ctx.local(member) for member in members}},
        estimate=Estimate((0.01, 0.2), 0, "constant"),
        source=owner.path,
    )
    return Lowered((step,), {"files": Output(step.id, "files")})


def fetch(io: StepIO) -> None:
    """Copies the files; refuses what changed since the plan hashed it."""
    target = io.output("files")
    for member, planned in io.params["files"].items():
        source = io.root / member
        if not source.is_file():
            io.fail(f"`{member}` is gone", help="put the file back, then apply again", code="LC0401")
        copy = target / within(member)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        if hashlib.sha256(copy.read_bytes()).hexdigest() != planned:
            io.fail(f"`{member}` changed since it was planned", help="plan again, then apply", code="LC1102")


EXAMPLE = "{kind: path, path: data/rows.jsonl}"
KIND = Kind(
    family="source",
    name="path",
    version=1,
    body=PathBody,
    lower=lower,
    summary="a file of the project",
    example=EXAMPLE,
    actions=("fetch",),
)
