"""The command line of bubblewrap: nothing of the machine but what may be read, no network, no other process."""

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence

SCRATCH = 256 << 20  # bytes of the private /tmp
INSIDE = "/run/lcspec"  # where the child's program lies


def bubblewrap() -> str | None:
    """The program, or None."""
    return shutil.which("bwrap")


def command(program: str, readable: Sequence[str], modules: str) -> list[str]:
    """The words before those of the child. `modules` is the folder of the package `lcspec`."""
    known = _known(program)
    made = [program, "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    made += ["--uid", "65534", "--gid", "65534", "--hostname", "box"]
    made += ["--disable-userns"] if "--disable-userns" in known else []
    # Who is root outside is root to /proc, whatever the name inside: a knob of the kernel must not be there to write.
    made += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
    made += [*(["--size", str(SCRATCH)] if "--size" in known else []), "--tmpfs", "/tmp"]
    for path in readable:
        # A folder of the system that is a link stays one: libraries are found by both names.
        linked = os.path.dirname(path) == "/" and os.path.islink(path)
        made += ["--symlink", os.readlink(path), path] if linked else ["--ro-bind", path, path]
    for name in ("__init__.py", "confine"):
        made += ["--ro-bind", os.path.join(modules, name), f"{INSIDE}/lcspec/{name}"]
    return [*made, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--"]


@functools.cache
def _known(program: str) -> str:
    """What the program says of itself; options came with its versions."""
    try:
        return subprocess.run([program, "--help"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
