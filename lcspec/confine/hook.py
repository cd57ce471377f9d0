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


def close(readable: Sequence[str] | None) -> None:
    """Refuses sockets and processes; with `readable`, other files and every write, too. Cannot be taken back."""
    allowed = None if readable is None else tuple(os.path.realpath(path) for path in readable)
    shut = REFUSED if allowed is None else REFUSED | WRITES
    realpath, separator = os.path.realpath, os.sep

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event in shut:
            raise PermissionError(f"code of the project's own may not do that ({event})")
        if event == "open" and allowed is not None:
            path, _, flags = arguments
            if not isinstance(path, str | bytes):
                return
            name = os.fsdecode(path)
            if name == os.devnull:
                return
            if isinstance(flags, int) and flags & _WRITING:
                raise PermissionError(f"code of the project's own may not write (`{name}`)")
            real = realpath(name)
            if not any(real == one or real.startswith(one + separator) for one in allowed):
                raise PermissionError(f"code of the project's own may not read `{name}`")

    sys.addaudithook(refuse)
