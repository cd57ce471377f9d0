"""Serving a release from the store: the generated service, in a folder of links, as a child process."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lcspec import launch
from lcspec.api import releases, spec_name
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.project import Project
from lcspec.run.release import copies
from lcspec.run.store import Store

if TYPE_CHECKING:
    from lcspec.run.remote.behind import RemoteBehind


class Service(NamedTuple):
    """A release with a service: its manifest and the digest of the service.

    `warning` says why this is what the machine knew last, not what the remote store says now.
    """

    manifest: dict[str, Any]
    tree: str
    warning: Diagnostic | None = None


def released_service(project: Project, number: int | None, behind: "RemoteBehind | None" = None) -> Service:
    """The release `number` with its service; without a number the promoted or newest one.

    Raises:
        LcspecError: LC1105, when there is no release or it has no service.
    """
    name, warning = spec_name(project), None
    try:
        manifest = releases(project, name, behind).find(number)
    except LcspecError as fault:
        manifest = next((one for one in reversed(copies(project.store, name)) if number in (None, one["number"])), None)
        if manifest is None or fault.diagnostics[0].code != "LC1126":
            raise
        message = f"release {manifest['number']} is the newest that this machine made or served; "
        warning = replace(fault.diagnostics[0], message=message + fault.diagnostics[0].message, severity="warning")
    help = "`lcspec apply` makes one when the gates pass"
    if manifest is None:
        what = f"there is no release {number}" if number else "there is no release to serve"
        raise LcspecError([Diagnostic("LC1105", what, help=help)], 2)
    services = [tree for part, tree in manifest["parts"].items() if part.startswith("service.")]
    if not services:
        help = "add `deployment: {targets: {api: {kind: openai-server}}}`"
        raise LcspecError([Diagnostic("LC1105", f"release {manifest['number']} has no service", help=help)], 2)
    return Service(manifest, services[0], warning)


@contextmanager
def laid_out(project: Project, service: Service, behind: "RemoteBehind | None" = None) -> Iterator[Path]:
    """A temporary folder of links to the verified files of a service; what is not here is brought before."""
    folder = Path(tempfile.mkdtemp(prefix="lcspec-serve-"))
    try:
        target = folder / "service"
        store = Store.peek(project.store)
        if behind is not None and service.warning is None:
            store = Store.open(project.store)
            behind.releases(project.store, service.manifest["name"]).shelf.copy(service.manifest)  # `gc` keeps it
            behind.have(store, service.tree)
        store.verify_tree(service.tree)
        store.materialize(service.tree, target)
        yield target
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_ready(process: "subprocess.Popen[str]") -> str:
    """The address once the model is loaded.

    Raises:
        LcspecError: LC1202, when the service ends before.
    """
    address = launch.ready(process)
    if address is None:
        help = "is the port free? see the lines above"
        raise LcspecError([Diagnostic("LC1202", f"the service ended with {process.wait()}", help=help)], 4)
    return address
