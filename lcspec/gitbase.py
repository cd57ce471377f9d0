"""A project as it stood at a revision of git: the committed files laid out in a folder of their own. Reads only.

What git does not track (data and weights that were ignored) is linked from the working tree: no revision knows better.
"""

import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from lcspec.diag.model import Diagnostic, LcspecError

CODE = "LC1401"


@contextmanager
def at_revision(root: Path, revision: str) -> Iterator[Path]:
    """The folder `root` as it was at `revision`; it is gone when the context ends.

    Raises:
        LcspecError: LC1401 (exit 2), no git, no repository, no such revision, or the folder was not there.
    """
    root = root.resolve()
    top = Path(_git(root, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
    commit = (
        _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    )
    inside = root.relative_to(top.resolve()).as_posix()
    packed = _git(top, "archive", "--format=tar", commit, "--", inside, what=f"`{inside}` is not in `{revision}`")
    with TemporaryDirectory(prefix="lcspec-base-") as folder:
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        base = Path(folder) / inside
        _link_untracked(root, base)
        yield base


def _link_untracked(root: Path, base: Path) -> None:
    listed = _git(root, "ls-files", "--others", "--directory", "-z").decode("utf-8", "surrogateescape")
    for name in filter(None, listed.split("\0")):
        there, link = root / name.rstrip("/"), base / name.rstrip("/")
        if there.name in (".lcspec", ".git", "build") or link.exists() or not there.exists():
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(there, target_is_directory=there.is_dir())


def _git(folder: Path, *arguments: str, what: str = "") -> bytes:
    variables = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], env=variables, capture_output=True, check=False)
    except FileNotFoundError:
        help = "install git, or name the base as a file: `lcspec diff old.yaml new.yaml`"
        raise LcspecError([Diagnostic(CODE, "git is not installed", help=help)], 2) from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    message = what or (said[-1].removeprefix("fatal: ") if said else "there is neither such a file nor such a revision")
    help = "name a branch, tag or commit of this repository, or a file that holds the base"
    raise LcspecError([Diagnostic(CODE, message, help=help)], 2)
