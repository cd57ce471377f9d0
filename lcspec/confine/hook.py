"""An audit hook: Python code that reaches out is told so. It holds no code that means harm; other walls do that."""

import os
import sys
from collections.abc import Sequence

REFUSED = frozenset(
    (
        *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"),
        *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"),
        *("os.kill", "os.killpg", "pty.spawn"),
    )
)
WRITES = frozenset(
    (
        *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"),
        *("os.chown", "os.utime", "os.setxattr", "os.removexattr"),
    )
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def close(readable: Sequence[str] | None, writable: Sequence[str] = ()) -> None:
    """Refuses sockets and processes; with `readable`, reading and writing elsewhere, too. Cannot be taken back."""
    written = tuple(os.path.realpath(path) for path in writable)
    read = (*written, *(os.path.realpath(path) for path in readable or ()))
    realpath, separator = os.path.realpath, os.sep

    def within(path: object, folders: tuple[str, ...]) -> bool:
        """Whether a path lies in one of the folders; what is no path, as a descriptor, was judged before."""
        if not isinstance(path, str | bytes) or path in (os.devnull, ""):
            return True
        real = realpath(os.fsdecode(path))
        return any(real == one or real.startswith(one + separator) for one in folders)

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event in REFUSED:
            raise PermissionError(f"code of the project's own may not do that ({event})")
        if readable is None:
            return
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and bool(flags & _WRITING)
            if not within(path, written if writes else read):
                raise PermissionError(f"code of the project's own may not {'write' if writes else 'read'} {path!r}")
        elif event in WRITES and not all(within(one, written) for one in arguments):
            raise PermissionError(f"code of the project's own may not change {arguments[0]!r}")

    sys.addaudithook(refuse)
