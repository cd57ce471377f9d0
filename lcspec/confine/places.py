"""What a confined function may read: the interpreter, what is installed for it, what the system's libraries need."""

import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"),
)
_SITES = ("site-packages", "dist-packages")


def readable(hidden: Sequence[Path]) -> list[str]:
    """Absolute paths of folders and files that may be read; nothing of `hidden` lies in one of them.

    An editable install counts when its folder lies neither in a hidden one nor around it.
    """
    closed = [folder.resolve() for folder in hidden]
    paths: dict[str, None] = {}
    for folder in (*SYSTEM, sys.base_prefix, *_interpreter()):
        paths.update(dict.fromkeys(_without(folder, closed)))
    for folder in (*_site_folders(), *_editable(closed)):
        paths[folder] = None
    return list(paths)


def importable(hidden: Sequence[Path]) -> list[str]:
    """The entries of `sys.path` that are kept: installed packages, not the project, not where lcspec lies."""
    return [*_site_folders(), *_editable([folder.resolve() for folder in hidden])]


def libraries() -> str:
    """`LD_LIBRARY_PATH` without relative entries; empty when there is none."""
    said = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    return os.pathsep.join(folder for folder in said if os.path.isabs(folder))


def _interpreter() -> list[str]:
    bin_folder = os.path.dirname(sys.executable)
    own = [bin_folder, f"{sys.prefix}/pyvenv.cfg", f"{sys.base_prefix}/bin", f"{sys.base_prefix}/lib"]
    own += [*(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib"))]
    return [path for path in own if os.path.exists(path)]


def _site_folders() -> list[str]:
    return [path for path in sys.path if os.path.basename(path) in _SITES and os.path.isdir(path)]


def _editable(closed: Iterable[Path]) -> list[str]:
    """Folders that installed packages point to: lines of `.pth` files, and what setuptools' finders map."""
    found: list[str] = []
    for folder in _site_folders():
        for file in sorted(Path(folder).glob("*.pth")):
            with suppress(OSError, UnicodeDecodeError):
                lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
                found += [os.path.join(folder, one) for one in lines if one and not one.startswith(("#", "import"))]
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):
            found += [str(path) for path in getattr(module, "MAPPING", {}).values()]
    real = [Path(path).resolve() for path in found if os.path.isdir(path)]
    return [str(path) for path in real if not any(_touches(path, one) for one in closed)]


def _touches(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _without(path: str, closed: Sequence[Path]) -> list[str]:
    """`path`, or as much of its content as leaves the closed folders out; an environment may lie in one of them."""
    real = Path(path).resolve()
    if not real.exists() or real in closed:
        return []
    if not any(one.is_relative_to(real) for one in closed):
        return [path]
    try:
        names = sorted(os.listdir(real))
    except OSError:
        return []
    return [found for name in names for found in _without(str(real / name), closed)]


def user_base() -> str | None:
    """Where packages of the user's own are installed, when the interpreter looks there."""
    return site.getuserbase() if site.ENABLE_USER_SITE else None
