"""Landlock by raw system calls: this process reads and writes what is listed, and opens no TCP port, from now on.

Works without privileges and cannot be taken back. Source: Documentation/userspace-api/landlock.rst of Linux.
"""

import ctypes
import os
import sys
from collections.abc import Iterable

LEAST = 4  # ABI: from here on files can be cut and TCP ports be opened by nobody who may not
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_ALL_FILES = {4: (1 << 15) - 1, 5: (1 << 16) - 1}  # 15 rights until ABI 4, then ioctl on devices
_TCP, _SCOPES = 0b11, 0b11  # bind and connect; abstract sockets and signals
_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("ports", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def abi() -> int:
    """The version of Landlock that this kernel has; 0 where it has none or it is switched off."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def restrict(readable: Iterable[str], writable: Iterable[str]) -> int:
    """Gives up all files but these, and starting any; the ABI that did it.

    Raises:
        OSError: the kernel has no Landlock, or one that is too old.
    """
    version = abi()
    if version < LEAST:
        raise OSError(f"Landlock {version or 'is not there'}")
    files = _ALL_FILES[4] if version == 4 else _ALL_FILES[5]
    rules = _Rules(files, _TCP, _SCOPES if version >= 6 else 0)
    size = ctypes.sizeof(rules) if version >= 6 else 16
    ruleset = _checked(_libc.syscall(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0)))
    try:
        for path in readable:
            _allow(ruleset, path, _READ_FILE, _READ_DIR)
        for path in writable:
            _allow(ruleset, path, 0, files & ~_EXECUTE)
        _allow(ruleset, "/dev/null", _READ_FILE | _WRITE_FILE, 0)
        _checked(_libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(_libc.syscall(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)))
    finally:
        os.close(ruleset)
    return version


def _allow(ruleset: int, path: str, rights: int, of_folders: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = _Beneath(rights | (of_folders if os.path.isdir(path) else 0), opened)
        made = _libc.syscall(
            _ADD, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0)
        )
        _checked(made)
    finally:
        os.close(opened)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def drop_capabilities() -> None:
    """Gives up what root may do beside owning its files: limits could be raised, processes be read."""
    if sys.platform != "linux":
        return
    header, nothing = _Header(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _checked(_libc.capset(ctypes.byref(header), nothing))


def die_with(parent: int) -> None:
    """Ends this process when `parent` ends; at once when it has ended already."""
    if hasattr(_libc, "prctl"):
        _libc.prctl(1, 9, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
