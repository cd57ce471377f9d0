"""Functions that mean harm, in each confinement: what it claims to stop is stopped, also by raw system calls."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import lcspec
from lcspec.confine import bubble, places
from lcspec.confine.process import Dead, Silent
from lcspec.run import processes
from tests.confine.boxes import Box, levels

WALLS = ("bubblewrap", "landlock")


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    made = Box(tmp_path)
    monkeypatch.setenv("LCSPEC_STORE", str(made.store))
    monkeypatch.setenv("LCSPEC_SCRATCH", str(tmp_path / "of-the-step"))
    monkeypatch.setenv("HF_TOKEN", "canary")
    monkeypatch.setenv("LCSPEC_TOKEN", "canary")
    yield made
    for child in made.opened:
        child.end()


def refused(said: object) -> bool:
    return isinstance(said, str) and said.startswith(("PermissionError", "FileNotFoundError", "OSError", "ModuleNotF"))


# --- reading ---------------------------------------------------------------------------------------------------------

READ = ("/etc/shadow", "/etc/passwd", "{}/home/.ssh/id_ed25519", "{}/project/spec.yaml", "{}/project/helper.py")
SECRET = (*READ, "{}/store/blobs/00/00ff", "/proc/1/environ", "/proc/self/root/etc/shadow")


@pytest.mark.parametrize("level", levels())
def test_it_reads_no_file_but_what_is_installed(box: Box, level: str) -> None:
    child = box.start(level, "def f(path):\n    return len(open(path).read())\n")
    for path in SECRET:
        if path == "/proc/1/environ" and level == "bubblewrap":
            continue  # its own first process
        answer = child.ask([path.format(box.folder)], 30)
        assert refused(answer.get("raised")) if isinstance(answer, dict) else False, (path, answer)
    assert child.ask([os.__file__], 30)[0] > 0


@pytest.mark.parametrize("level", levels(*WALLS))
def test_it_reads_none_by_system_calls_either(box: Box, level: str) -> None:
    child = box.start(level, "def f(path):\n    return tried(libc.open(path.encode(), 0))\n")
    for path in SECRET:
        if path == "/proc/1/environ" and level == "bubblewrap":
            continue
        answer = child.ask([path.format(box.folder)], 30)
        assert refused(answer.get("raised")) if isinstance(answer, dict) else False, (path, answer)
    listing = box.start(level, "def f(path):\n    return len(os.listdir(path))\n")
    for path in ("{}/project", "{}/home", "{}/store", "/home", "/var", "/etc/ssl"):
        answer = listing.ask([path.format(box.folder)], 30)
        assert isinstance(answer, dict), path
        assert refused(answer["raised"]), (path, answer)


@pytest.mark.parametrize("level", levels())
def test_it_is_handed_no_secret_and_no_descriptor(box: Box, level: str) -> None:
    with (box.project / "spec.yaml").open() as file, socket.create_server(("127.0.0.1", 0)) as server:
        os.set_inheritable(file.fileno(), True)
        os.set_inheritable(server.fileno(), True)
        code = "def f(_):\n    return sum('canary' in value for value in os.environ.values())\n"
        assert box.ask(level, code) == 0
        # input, output, errors; the lines and the answers
        code = """
def f(_):
    found = 0
    for descriptor in range(3, 256):
        try:
            os.fstat(descriptor)
            found += 1
        except OSError:
            pass
    return found
"""
        assert box.ask(level, code) == 2


# --- writing ---------------------------------------------------------------------------------------------------------

PLACES = ("{}/project/made", "{}/project/spec.yaml", "{}/store/blobs/00/00ff", "{}/home/made", "{}/made", "/etc/made")
WRITE = (*PLACES, "/usr/made", "/dev/shm/lcspec-made", f"{sys.base_prefix}/made", "/var/tmp/lcspec-made")


@pytest.mark.parametrize("level", levels())
def test_it_writes_nothing_that_lasts(box: Box, level: str) -> None:
    before = box.files()
    child = box.start(level, "def f(path):\n    return open(path, 'w').write('x')\n")
    outside = [path.format(box.folder) for path in WRITE]
    for path in outside:
        answer = child.ask([path], 30)
        assert refused(answer.get("raised")) if isinstance(answer, dict) else False, (path, answer)
    with tempfile.NamedTemporaryFile(dir="/tmp", prefix="lcspec-") as own:
        own.write(b"mine")
        own.flush()
        child.ask([own.name], 30)
        assert Path(own.name).read_bytes() == b"mine"
    assert box.files() == before
    assert not [path for path in outside if path.endswith("made") and Path(path).exists()]


CHANGES = {
    "open": "libc.open(path, 0o101, 0o644)",
    "truncate": "libc.truncate(path, 0)",
    "unlink": "libc.unlink(path)",
    "rename": "libc.rename(path, path + b'2')",
    "link": "libc.link(path, path + b'2')",
    "mkdir": "libc.mkdir(path + b'2', 0o755)",
    "symlink": "libc.symlink(b'/etc', path + b'2')",
    "chmod": "libc.chmod(path, 0)",
    "utimes": "libc.utimes(path, None)",
    "mknod": "libc.mknod(path + b'2', 0o010644, 0)",
    "chroot": "libc.chroot(b'/')",
    "mount": "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "unshare": "libc.unshare(0x10000000)",
    "setns": "libc.setns(0, 0)",
}


@pytest.mark.parametrize("level", levels(*WALLS))
def test_it_changes_nothing_by_system_calls_either(box: Box, level: str) -> None:
    before = box.files()
    lines = "\n".join(f"        {name!r}: lambda path: {call}," for name, call in CHANGES.items())
    code = f"CALLS = {{\n{lines}\n}}\ndef f(asked):\n    return tried(CALLS[asked[0]](asked[1].encode()))\n"
    child = box.start(level, code)
    for name in CHANGES:
        answer = child.ask([[name, str(box.project / "spec.yaml")]], 30)
        assert isinstance(answer, dict), name
        assert refused(answer["raised"]), (name, answer)
    assert box.files() == before


@pytest.mark.parametrize("level", levels())
def test_it_has_a_scratch_folder_that_goes_with_it(box: Box, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = box.folder / "scratch"
    monkeypatch.setenv("LCSPEC_SCRATCH", str(own))
    code = """
import shutil, tempfile
def f(_):
    folder = tempfile.mkdtemp()
    with open(folder + '/a', 'w') as file:
        file.write('text')
    os.rename(folder + '/a', folder + '/b')
    os.mkdir(folder + '/c')
    shutil.copyfile(folder + '/b', folder + '/c/d')
    return len(open(folder + '/c/d').read())
"""
    assert box.ask(level, code) == 4
    assert list(own.glob("*")) or level == "bubblewrap"
    box.opened[-1].end()
    assert not list(own.glob("*"))


@pytest.mark.parametrize("level", levels())
def test_it_turns_no_knob_of_the_kernel(box: Box, level: str) -> None:
    child = box.start(level, "def f(path):\n    return os.open(path, os.O_WRONLY)\n")
    # for root these are open in a bare bubblewrap
    for path in (
        "/proc/irq/default_smp_affinity",
        "/proc/sys/kernel/core_pattern",
        "/proc/sysrq-trigger",
        "/proc/self/uid_map",
        "/sys/kernel/uevent_helper",
    ):
        answer = child.ask([path], 30)
        assert refused(answer.get("raised")) if isinstance(answer, dict) else False, (path, answer)


@pytest.mark.parametrize("level", levels("bubblewrap"))
def test_bubblewrap_alone_leaves_no_knob_either(level: str) -> None:
    program = bubble.bubblewrap()
    assert program is not None
    before = bubble.command(program, places.readable([Path("/nonexistent")]), str(Path(lcspec.__file__).parent))
    code = "import os; os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)"
    done = subprocess.run([*before, sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Read-only file system" in done.stderr or (os.getuid() and "Permission denied" in done.stderr)


@pytest.mark.parametrize("level", levels("bubblewrap"))
def test_its_scratch_space_is_bounded(box: Box, level: str) -> None:
    code = """
def f(_):
    for number in range(100):
        with open(f'/tmp/{number}', 'wb') as file:
            for _ in range(16):
                file.write(bytes(1 << 20))
    return 1
"""
    assert "No space left" in box.ask(level, code)


# --- reaching out ----------------------------------------------------------------------------------------------------


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """A TCP port and the path of a Unix socket that take what comes, and a list of who came."""
    came: list[str] = []
    path = str(tmp_path / "s")
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(path)
    unix.listen()
    tcp = socket.create_server(("127.0.0.1", 0))

    def take(server: socket.socket, name: str) -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return
            came.append(name)

    for server, name in ((unix, "unix"), (tcp, "tcp")):
        threading.Thread(target=take, args=(server, name), daemon=True).start()
    yield tcp.getsockname()[1], path, came
    for server in (unix, tcp):
        server.shutdown(socket.SHUT_RDWR)
        server.close()


REACH = """
import socket, struct
def f(asked):
    how, port, path = asked
    if how == 'tcp':
        socket.create_connection(('127.0.0.1', port), timeout=5)
    if how == 'unix':
        socket.socket(socket.AF_UNIX).connect(path)
    if how == 'udp':
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))
    if how == 'name':
        socket.getaddrinfo('example.org', 80)
    if how == 'bind':
        socket.create_server(('127.0.0.1', 0))
    if how.startswith('raw'):
        family = 2 if how == 'raw tcp' else 1
        one = tried(libc.socket(family, 1, 0))
        told = struct.pack('=H', 2) + struct.pack('!HBBBB8x', port, 127, 0, 0, 1)
        told = told if family == 2 else struct.pack('=H', 1) + path.encode() + bytes(1)
        tried(libc.connect(one, told, len(told)))
    if how == 'raw udp':
        tried(libc.socket(2, 2, 0))
    return 1
"""


@pytest.mark.parametrize("level", levels())
def test_it_opens_no_socket(box: Box, level: str, servers: tuple[int, str, list[str]]) -> None:
    port, path, came = servers
    child = box.start(level, REACH)
    raw = ("raw tcp", "raw udp", "raw unix") if level in WALLS else ()
    for how in ("tcp", "unix", "udp", "name", "bind", *raw):
        answer = child.ask([[how, port, path]], 30)
        assert refused(answer.get("raised")) if isinstance(answer, dict) else False, (how, answer)
    assert came == []


START = """
import subprocess
WAYS = {
    'subprocess': lambda: subprocess.run(['/bin/true']),
    'system': lambda: os.system('true'),
    'fork': lambda: os.fork(),
    'spawn': lambda: os.posix_spawn('/bin/true', ['true'], {}),
    'raw fork': lambda: tried(libc.fork()),
    'raw vfork': lambda: tried(libc.syscall(58)),
    'raw clone': lambda: tried(libc.syscall(56, 17, 0, 0, 0, 0)),
    'raw clone3': lambda: tried(libc.syscall(435, bytes(88), 88)),
    'raw exec': lambda: tried(libc.execv(b'/bin/true', None)),
    'raw system': lambda: tried(-1 if libc.system(b'true') else 0),
}
def f(way):
    WAYS[way]()
    return 1
"""


@pytest.mark.parametrize("level", levels())
def test_it_starts_no_process(box: Box, level: str) -> None:
    child = box.start(level, START)
    raw = ("raw fork", "raw vfork", "raw clone", "raw clone3", "raw exec", "raw system")
    for way in ("subprocess", "system", "fork", "spawn", *(raw if level in WALLS else ())):
        answer = child.ask([way], 30)
        assert refused(answer.get("raised")) if isinstance(answer, dict) else False, (way, answer)


@pytest.mark.parametrize("level", levels(*WALLS))
def test_threads_are_let_through(box: Box, level: str) -> None:
    code = """
import threading
def f(_):
    made = []
    threads = [threading.Thread(target=made.append, args=(one,)) for one in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return len(made)
"""
    assert box.ask(level, code) == 4


# --- its parent ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", levels())
def test_it_signals_nobody(box: Box, level: str) -> None:
    code = "def f(call):\n    os.kill(os.getppid(), 9)\n    return 1\n"
    assert refused(box.ask(level, code)) or level == "bubblewrap"  # there its parent is nobody
    if level in WALLS:
        # 0 and -1 are whole groups; signal 0 asks whether it may, and a fault would end these tests
        code = "def f(pid):\n    return tried(libc.kill(pid, 0))\n"
        child = box.start(level, code)
        for pid in (os.getpid(), -os.getpgid(0), *((0, -1) if level == "landlock" else ())):
            answer = child.ask([pid], 30)
            assert isinstance(answer, dict), pid


@pytest.mark.parametrize("level", levels(*WALLS))
def test_it_raises_no_limit_and_looks_into_no_process(box: Box, level: str) -> None:
    code = """
import struct
def f(pid):
    kept = ctypes.create_string_buffer(struct.pack('QQ', 1 << 40, 1 << 40))
    allowed = [libc.setrlimit(9, kept), libc.prlimit(0, 9, kept, None), libc.prlimit(pid, 9, kept, None)]
    allowed += [libc.ptrace(16, pid, None, None), libc.process_vm_readv(pid, None, 0, None, 0, 0)]
    allowed += [libc.syscall(434, pid, 0), libc.setsid(), libc.setpgid(0, 0), libc.prctl(1, 0)]
    return sum(one >= 0 for one in allowed)
"""
    assert box.ask(level, code, os.getpid()) == 0


ENDLESS = "import time\ndef f(_):\n    while True:\n        time.sleep(0.01)\n"
STUBBORN = """
import signal, threading
for number in set(signal.valid_signals()) - {9, 19}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
def f(_):
    libc.prctl(1, 0)
    libc.setsid()
    threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()
    return 1
"""


def gone(store: Path, within: float = 10.0) -> bool:
    until = time.monotonic() + within
    while processes.marked(store):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("level", levels())
def test_nothing_of_it_is_left_when_the_step_is_done_with_it(box: Box, level: str) -> None:
    child = box.start(level, STUBBORN)
    assert child.ask([0], 30) == [1]
    assert processes.marked(box.store)
    child.end()
    assert gone(box.store)


@pytest.mark.parametrize("level", levels(*WALLS))
def test_it_ends_with_a_step_that_is_killed(box: Box, level: str) -> None:
    script = f"""
from pathlib import Path
from tests.confine.boxes import Box
child = Box(Path({str(box.folder)!r})).start({level!r}, {STUBBORN!r})
assert child.ask([0], 30) == [1]
print("there", flush=True)
child.ask([0], 60)
import time
time.sleep(60)
"""
    step = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert step.stdout is not None
    assert step.stdout.readline() == "there\n"
    assert len(set(processes.marked(box.store)) - {step.pid}) >= 1
    step.kill()
    step.wait()
    assert gone(box.store)


# --- not doing its work ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", levels())
def test_an_endless_loop_is_given_up(box: Box, level: str) -> None:
    child = box.start(level, ENDLESS)
    with pytest.raises(Silent):
        child.ask([0], 0.5)
    child.end()
    assert gone(box.store)


@pytest.mark.parametrize("level", levels())
def test_memory_without_end_is_refused(box: Box, level: str) -> None:
    code = "def f(_):\n    made = []\n    while True:\n        made.append(bytearray(1 << 24))\n"
    assert box.ask(level, code, memory=256 << 20).startswith("MemoryError")


@pytest.mark.parametrize("level", levels())
def test_leaving_early_is_told_with_its_exit_code(box: Box, level: str) -> None:
    with pytest.raises(Dead, match="exit code 3"):
        box.ask(level, "def f(_):\n    os._exit(3)\n")
    with pytest.raises(Dead, match="SIGABRT"):
        box.ask(level, "def f(_):\n    os.abort()\n")


@pytest.mark.parametrize("level", levels())
def test_what_it_prints_is_no_answer(box: Box, level: str, capfd: pytest.CaptureFixture[str]) -> None:
    code = "def f(_):\n    print('[99]')\n    os.write(1, b'[99]\\n')\n    os.write(2, b'[99]\\n')\n    return 1\n"
    assert box.ask(level, code) == 1
    assert capfd.readouterr().err.count("[99]") == 3


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("words", ["garbage\n", "[99]\n", "[" * 100_000 + "\n", "x" * (1 << 17), '{"at": "no"}\n'])
def test_what_it_writes_among_the_answers_ends_it(box: Box, level: str, words: str) -> None:
    code = """
def f(words):
    for descriptor in range(3, 64):
        try:
            data = memoryview(words.encode())
            while data:
                data = data[os.write(descriptor, data):]
        except OSError:
            pass
    return 1
"""
    child = box.start(level, code)
    with pytest.raises(Dead, match="only answers"):
        for _ in range(3):
            child.ask([words], 30)
            time.sleep(0.2)
