"""A third-party kind whose actions behave and misbehave on purpose."""

import json
import os
import signal
import time

from lcspec.kinds.api import Body, Kind


class StepsBody(Body):
    """Nothing to say."""


def lower(*_):
    raise NotImplementedError


def write(io):
    io.metric("answer", 42)
    (io.output("out") / "answer.json").write_text(json.dumps(42))


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
    (io.root / "pid").write_text(str(os.getpid()))
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


KIND = Kind(family="optimize", name="test-steps", version=1, body=StepsBody, lower=lower, summary="test", example="{}")
