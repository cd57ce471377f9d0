"""A seccomp filter: no sockets, no other program, no child process, no word to other processes.

A list of what is refused (EPERM), for two machines; elsewhere there is none. Threads stay: numpy starts them. Numbers
are those of the kernel's tables (`arch/x86/entry/syscalls/syscall_64.tbl`, `include/uapi/asm-generic/unistd.h`).
"""

import ctypes
import errno
import os
import platform
import struct
import sys

_REFUSED = {  # system call: (x86-64, arm64); None where there is none
    "socket": (41, 198),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "setpgid": (109, 154),
    "setsid": (112, 157),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "shmget": (29, 194),  # what System V IPC makes outlives its maker
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
}
_OWNED = {  # what Landlock does not look at: who owns a file, when it was written, what is noted beside it
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
}
_CLONE, _CLONE3, _KILL, _TGKILL, _PRLIMIT, _PRCTL = (56, 220), (435, 435), (62, 129), (234, 131), (302, 261), (157, 167)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_CLONE_THREAD, _PR_SET_PDEATHSIG, _X32 = 0x10000, 1, 0x40000000
_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _END, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST = 0, 4, 16  # offsets in struct seccomp_data; arguments are 64 bits, low half first
_EPERM, _ENOSYS = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS


def program(machine: str, pid: int, *, owned: bool) -> bytes | None:
    """The filter for the process `pid` on `machine`, one struct sock_filter after the other; None: not known.

    With `owned` it lets through what says whose a file is, for a process that sees no file but what it may change.
    """
    known = _ARCHITECTURES.get(machine) if sys.platform == "linux" else None
    if known is None:
        return None
    column, architecture = known
    lines = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _END), (_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":
        lines += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _EPERM)]
    for numbers in (_REFUSED if owned else _REFUSED | _OWNED).values():
        if (number := numbers[column]) is not None:
            lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _EPERM)]
    # The C library falls back to `clone`, whose flags can be looked at.
    lines += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _ENOSYS)]
    lines += _argument(_CLONE[column], (_ANY_BIT, 1, 0, _CLONE_THREAD))
    for call in (_KILL, _TGKILL):
        lines += _argument(call[column], (_EQUAL, 1, 0, pid))
    lines += _argument(_PRLIMIT[column], (_EQUAL, 1, 0, 0))
    lines += _argument(_PRCTL[column], (_EQUAL, 0, 1, _PR_SET_PDEATHSIG))
    lines += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _argument(number: int, test: tuple[int, int, int, int]) -> list[tuple[int, int, int, int]]:
    """Lines that let the call `number` through where `test` of its first argument steps over the refusal."""
    return [
        (_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _FIRST),
        test,
        (_RETURN, 0, 0, _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def install(*, owned: bool) -> bool:
    """Puts the filter on this process and its threads to come, for good; whether there is one for this machine."""
    text = program(platform.machine(), os.getpid(), owned=owned)
    if text is None:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(text, len(text))
    head = struct.pack("HxxxxxxP", len(text) // 8, ctypes.addressof(buffer))
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    return not libc.prctl(_SET_SECCOMP, _FILTER, ctypes.create_string_buffer(head, len(head)), 0, 0)
