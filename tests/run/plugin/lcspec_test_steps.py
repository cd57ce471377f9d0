"""A third-party kind whose actions behave and misbehave on purpose."""

import base64
import json
import os
import signal
import time
from pathlib import Path
from urllib.parse import quote

from lcspec.kinds.api import Body, Kind


class StepsBody(Body):
    """Nothing to say."""


def lower(*_):
    raise NotImplementedError


def write(io):
    io.metric("answer", 42)
    (io.output("out") / "answer.json").write_text(json.dumps(42))


def large(io):
    """A file that is remembered once it is hashed, and one that is not."""
    folder = io.output("out")
    (folder / "large.bin").write_bytes(bytes(range(256)) * 2000)
    (folder / "small.txt").write_text("small")


def other(io):
    io.progress(1, 2)
    (io.output("out") / "other.txt").write_text("other")


def fail_by_exception(io):
    return 1 / 0


def refuse(io):
    io.fail("no rows", help="add some", code="LC0402")


def die(io):
    os.kill(os.getpid(), signal.SIGKILL)


def leave(io):
    os._exit(3)


def nan(io):
    io.metric("loss", float("nan"))


def sleep(io):
    told(io)
    time.sleep(60)


def patient(io):
    """Counts to a thousand, goes on from its checkpoint, and stops when it is told to."""
    mark = io.checkpoint() / "count"
    count = int(mark.read_text()) if mark.exists() else 0
    began = count
    while count < 1000:
        if io.stopping():
            mark.write_text(str(count))
            io.interrupted()
        count = 1000 if began else min(count + 1, 500)
        (io.root / "pid").write_text(str(os.getpid()))
        time.sleep(0.01)
    io.metric("began", began > 0)
    (io.output("out") / "count.txt").write_text(str(count))


def told(io):
    """Says where it runs, and with how many threads."""
    (io.root / "pid").write_text(str(os.getpid()))


def hang(io):
    """Says nothing more, and does not even hear a TERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    told(io)
    time.sleep(600)


def stopped(io):
    told(io)
    os.kill(os.getpid(), signal.SIGSTOP)


def talk(io):
    """Goes on telling its progress, far too long."""
    told(io)
    for done in range(6000):
        io.progress(done, 6000)
        time.sleep(0.1)


def grow(io):
    """Takes memory until something stops it."""
    told(io)
    held = []
    while sum(map(len, held)) < 4 << 30:
        held.append(bytearray(os.urandom(1 << 20) * 16))
        io.progress(len(held), 256)
        time.sleep(0.01)


def no_memory(io):
    raise MemoryError("Unable to allocate 16 GiB")


def torch_no_memory(io):
    raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: 99 bytes")


def crash(io):
    print("about to crash", flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def no_space(io):
    with Path("/dev/full").open("w") as file:
        file.write("x" * 100000)


def flaky(io):
    """Fails twice as a network does, then succeeds."""
    mark = io.root / "tries"
    tries = int(mark.read_text()) + 1 if mark.exists() else 1
    mark.write_text(str(tries))
    if tries < 3:
        raise ConnectionResetError("Connection reset by peer")
    (io.output("out") / "file.txt").write_text("fetched")


def unreachable(io):
    io.fail("the index cannot be reached", help="try later", code="LC1005")


def brood(io):
    """Leaves a child behind that holds everything that it inherited."""
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    (io.root / "child").write_text(str(child))
    write(io)


def slow(io):
    """Takes a while; says when it began and ended, on a clock that all processes share."""
    began = time.monotonic()
    time.sleep(0.7)
    io.measure("span", [began, time.monotonic()])
    io.measure("threads", io.threads)
    write(io)


def tattle(io):
    """Says its secret in every way that it can."""
    value = io.secret("token")
    print("plain", value, "and", base64.b64encode(f"user:{value}".encode()).decode(), quote(value, safe=""))
    io.warn(f"the token is {value}")
    io.metric("token", value)
    (io.output("out") / "length.txt").write_text(str(len(value)))


def spill(io):
    (io.output("out") / "config.json").write_text(json.dumps({"token": io.secret("token")}))


def blurt(io):
    raise RuntimeError(f"401 for token {io.secret('token')}")


def environ(io):
    (io.output("out") / "environ.json").write_text(json.dumps(sorted(os.environ)))


def held(io):
    """Waits until it may go on."""
    told(io)
    while not (io.root / "go").exists():
        time.sleep(0.05)
    write(io)


def chatter(io):
    for number in range(400_000):
        print(f"line {number:09d} of a very talkative library")
    write(io)


def learner(io):
    """Keeps a checkpoint of every tenth count, goes on from the newest that is whole, and waits at fifty."""
    from lcspec import checkpoints

    folder = io.checkpoint()
    newest = checkpoints.newest(folder, io.warn)
    began = checkpoints.step_of(newest) if newest else 0
    for count in range(began + 10, 60, 10):
        made = folder / "made"
        made.mkdir()
        (made / "state.bin").write_bytes(bytes([count]) * 1000)
        checkpoints.publish(made, folder, count, keep=3)
    if not began:
        held(io)
    io.metric("began", began)
    write_counts(io, (folder / "step-00000050" / "state.bin").read_bytes())


def write_counts(io, counts):
    (io.output("out") / "state.bin").write_bytes(counts)


def holds(io):
    """Needs 600 MiB for a moment."""
    taken = bytearray(os.urandom(1 << 20) * 600)
    for done in range(15):
        io.progress(done, 15)
        time.sleep(0.1)
    (io.output("out") / "size.txt").write_text(str(len(taken)))


def linger(io):
    """Closes its channel and stays: what runs beside it must be heard meanwhile."""
    os.close(int(os.environ["LCSPEC_EVENTS"]))
    time.sleep(600)


def count_runs(io):
    """Leaves a line for each time that it runs."""
    with (io.root / "runs").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(0.3)
    write(io)


KIND = Kind(family="optimize", name="test-steps", version=1, body=StepsBody, lower=lower, summary="test", example="{}")
