"""Serving a release from the store: the generated service, in a folder of links, as a child process."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lcspec import launch
from lcspec.api import spec_name
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.project import Project
from lcspec.run.release import Releases
from lcspec.run.store import Store


def released_service(project: Project, number: int | None) -> tuple[dict[str, Any], str]:
    """The manifest of a release and the digest of its service.

    Raises:
        LcspecError: LC1105, when there is no release or it has no service.
    """
    manifest = Releases(project.store, spec_name(project)).find(number)
    help = "`lcspec apply` makes one when the gates pass"
    if manifest is None:
        what = f"there is no release {number}" if number else "there is no release to serve"
        raise LcspecError([Diagnostic("LC1105", what, help=help)], 2)
    services = [tree for part, tree in manifest["parts"].items() if part.startswith("service.")]
    if not services:
        help = "add `deployment: {targets: {api: {kind: openai-server}}}`"
        raise LcspecError([Diagnostic("LC1105", f"release {manifest['number']} has no service", help=help)], 2)
    return manifest, services[0]


@contextmanager
def laid_out(project: Project, tree: str) -> Iterator[Path]:
    """A temporary folder of links to the verified files of a service."""
    folder = Path(tempfile.mkdtemp(prefix="lcspec-serve-"))
    try:
        target = folder / "service"
        store = Store.peek(project.store)
        store.verify_tree(tree)
        store.materialize(tree, target)
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
