"""Serving a release from the store: the generated service, in a folder of links, as a child process."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.project import Project
from lcspec.run.release import release
from lcspec.run.store import Store


def released_service(project: Project, number: int | None) -> tuple[dict[str, Any], str]:
    """The manifest of a release and the digest of its service.

    Raises:
        LcspecError: LC1105, when there is no release or it has no service.
    """
    manifest = release(project.store, number)
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


def start(folder: Path, *, host: str | None, port: int | None, quiet: bool) -> "subprocess.Popen[str]":
    """The service as a child process; its first line that starts with READY names the address."""
    command = [sys.executable, "serve.py"]
    command += ["--host", host] if host is not None else []
    command += ["--port", str(port)] if port is not None else []
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    errors = subprocess.DEVNULL if quiet else None
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)


def wait_ready(process: "subprocess.Popen[str]") -> str:
    """The address once the model is loaded.

    Raises:
        LcspecError: LC1202, when the service ends before.
    """
    assert process.stdout is not None  # noqa: S101 - asked for as a pipe
    for line in process.stdout:
        if line.startswith("READY "):
            return line.split()[1]
    help = "is the port free? see the lines above"
    raise LcspecError([Diagnostic("LC1202", f"the service ended with {process.wait()}", help=help)], 4)
