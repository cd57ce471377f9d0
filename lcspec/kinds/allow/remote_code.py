"""A Python file that came with a model and may run with it, as long as it has this digest.

The digest says that somebody has read the file. One entry is one file: what the `auto_map` of the configuration names,
and every file beside it that those import. The file runs in each step that loads the model and in the service, with the
rights of those; sockets and child processes are refused from then on, by an audit hook and in steps by a filter of
system calls, which is no sandbox: it reads and writes files as they may. It may import installed packages. Code of
another repository (`repo--module.Class`) is never run. The digests stand in the keys of those steps and in the
generated service, and each loader hashes the files again before it imports them.
"""

from typing import Any

from lcspec.kinds.api import Body, Bound, Context, Kind, marked, option


class RemoteCodeBody(Body):
    """One Python file of one model."""

    model: str = option(doc="The model whose file it is.", refers="model")
    file: str = option(doc="The file, beside the weights.", pattern=r"^[A-Za-z_][A-Za-z0-9_]*\.py$")
    sha256: str = option(doc="SHA-256 of the file that was read.", pattern=r"^[0-9a-f]{64}$")


def item(body: RemoteCodeBody) -> str:
    """What is allowed, as it is shown."""
    return f"{body.model}/{body.file}"


def mark(body: RemoteCodeBody) -> str:
    """What keys hold: the file without the name of the model, which renames and counts for nothing."""
    return body.file


def lower(ctx: Context, entry: Bound) -> dict[str, Any]:
    """No steps: the fields that enter the keys of the steps that use it."""
    return marked(entry.body)


EXAMPLE = f"{{kind: remote-code, model: base, file: modeling_tiny.py, sha256: {'3fa1' * 16}}}"
KIND = Kind(
    family="allow",
    name="remote-code",
    version=1,
    body=RemoteCodeBody,
    lower=lower,
    summary="a Python file that came with a model and may run with it",
    example=EXAMPLE,
)
