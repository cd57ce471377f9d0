"""A spawned step whose libraries are others: it builds its environment if need be, and becomes that interpreter.

The process stays the same, with its log, its life line and its channel; only the program in it changes. The job may
hold secrets, so it travels through memory that has no name.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from lcspec.environments import ensure, identity
from lcspec.run.io import Job
from lcspec.run.processes import MARK

HANDED = "LCSPEC_JOB"  # the descriptor with the job


def handed_over() -> str | None:
    """The job that `enter` passed on; None in a step that has just been spawned."""
    descriptor = os.environ.pop(HANDED, None)
    if descriptor is None:
        return None
    with os.fdopen(int(descriptor), encoding="utf-8") as file:
        return file.read()


def inside(job: Job) -> bool:
    """Whether this is the interpreter of the job's environment."""
    return Path(sys.prefix).name == identity(job.environment)


def enter(job: Job, text: str) -> NoReturn:
    """Goes on as `python -m lcspec.run.step` of the environment.

    Raises:
        LcspecError: LC1012, it cannot be built.
        OSError: the disk is full, or there is no such interpreter any more.
    """
    python = ensure(Path(os.environ[MARK]), job.environment, Path(job.inputs["environment"]))
    variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    variables |= {HANDED: str(_hidden(text)), "PYTHONPATH": job.modules, "PYTHONSAFEPATH": "1"}
    variables |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1"}  # the environment is never written to
    os.execve(python, [str(python), "-m", "lcspec.run.step"], variables)


def _hidden(text: str) -> int:
    """A descriptor that the next program inherits and reads `text` from."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("job")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.set_inheritable(descriptor, True)
    return descriptor
