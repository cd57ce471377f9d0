"""The same pipeline for other tools, and how they are asked: for the benchmarks of plan and of the runner.

N tasks: a spine with nine leaves at each node, every task one small file. A tool that is not installed is passed over
with a message; `--peers DIR` names a folder with their programs (the `bin` of a virtual environment, say), else PATH.
"""

import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT = 600.0  # seconds that one run of a peer may take
DBT_PROFILE = "bench:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: bench.duckdb}\n"
DBT_PROJECT = 'name: bench\nversion: "1.0"\nprofile: bench\nmodel-paths: [models]\n'


@dataclass(frozen=True)
class Peer:
    """A tool: `write` lays N tasks out in a folder; `dry` plans them, `run` executes what is not up to date.

    `done`: lays out what a whole run leaves, for a tool whose own first run of 1,000 tasks takes beyond `LIMIT` and
    whose dry run refuses tasks whose inputs are not made yet. `most`: of more tasks the first run takes beyond it, too.
    """

    program: str
    write: Callable[[Path, int], None]
    dry: tuple[str, ...]
    run: tuple[str, ...] | None = None
    done: Callable[[Path, int], None] | None = None
    most: int = 1000


def above(number: int) -> int | None:
    """The task that task `number` needs: the node of its leaf, or the node before."""
    if number == 0:
        return None
    return number - 10 if number % 10 == 0 else number - number % 10


def _make(folder: Path, count: int) -> None:
    lines = ["all: " + " ".join(f"t{number}" for number in range(count))]
    for number in range(count):
        need = above(number)
        lines.append(f"t{number}:{'' if need is None else f' t{need}'}\n\techo {number} > t{number}")
    (folder / "Makefile").write_text("\n".join(lines) + "\n")


def _doit(folder: Path, count: int) -> None:
    (folder / "dodo.py").write_text(
        "def above(n):\n    return None if n == 0 else n - 10 if n % 10 == 0 else n - n % 10\n\n"
        "def task_t():\n"
        f"    for n in range({count}):\n"
        "        need = above(n)\n"
        "        yield {'name': str(n), 'actions': [f'echo {n} > t{n}'], 'targets': [f't{n}'],\n"
        "               'file_dep': [] if need is None else [f't{need}'], 'uptodate': [True]}\n"
    )


def _snakemake(folder: Path, count: int) -> None:
    rules = ["rule all:\n    input: " + ", ".join(f"'t{number}'" for number in range(count))]
    for number in range(count):
        need = above(number)
        needs = "" if need is None else f"    input: 't{need}'\n"
        rules.append(f"rule r{number}:\n{needs}    output: 't{number}'\n    shell: 'echo {number} > {{output}}'")
    (folder / "Snakefile").write_text("\n\n".join(rules) + "\n")


def _dvc(folder: Path, count: int) -> None:
    stages = ["stages:"]
    for number in range(count):
        need = above(number)
        deps = "" if need is None else f", deps: [t{need}]"
        stages.append(f"  s{number}: {{cmd: 'echo {number} > t{number}'{deps}, outs: [t{number}]}}")
    (folder / "dvc.yaml").write_text("\n".join(stages) + "\n")
    quiet = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["git", "init", "-q"], **quiet)  # type: ignore[call-overload]
    subprocess.run([found("dvc") or "dvc", "init", "-q"], **quiet)  # type: ignore[call-overload]


def _dvc_done(folder: Path, count: int) -> None:
    """What `dvc repro` leaves, byte for byte but for its cache of runs; dvc itself must find it up to date.

    Raises:
        OSError: it does not.
    """
    made: list[dict[str, object]] = []
    lock = ["schema: '2.0'", "stages:"]
    for number in range(count):
        data = f"{number}\n".encode()
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        made.append({"path": f"t{number}", "hash": "md5", "md5": digest, "size": len(data)})
        cached = folder / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
        cached.parent.mkdir(parents=True, exist_ok=True)
        cached.write_bytes(data)
        cached.chmod(0o444)
        (folder / f"t{number}").write_bytes(data)
        need = above(number)
        lock += [f"  s{number}:", f"    cmd: echo {number} > t{number}"]
        for part, listed in (("deps", [] if need is None else [made[need]]), ("outs", [made[number]])):
            lines = [f"      {name}: {value}" for one in listed for name, value in one.items()]
            lock += [f"    {part}:", "    - " + lines[0].lstrip(), *lines[1:]] if lines else []
    (folder / "dvc.lock").write_text("\n".join(lock) + "\n")
    (folder / ".gitignore").write_text("".join(f"/t{number}\n" for number in range(count)))
    kept = {"cwd": folder, "env": environment(), "timeout": LIMIT, "capture_output": True, "text": True}
    said = subprocess.run([found("dvc") or "dvc", "repro"], check=True, **kept)  # type: ignore[call-overload]
    if "Running stage" in said.stdout or not said.stdout.endswith("Data and pipelines are up to date.\n"):
        raise OSError("dvc has something to do")


def _dbt(folder: Path, count: int) -> None:
    (folder / "dbt_project.yml").write_text(DBT_PROJECT)
    (folder / "profiles.yml").write_text(DBT_PROFILE)
    (folder / "models").mkdir()
    for number in range(count):
        need = above(number)
        text = f"select {number} as n" if need is None else f"select n + 1 as n from {{{{ ref('m{need}') }}}}"
        (folder / "models" / f"m{number}.sql").write_text(text + "\n")


def _terraform(folder: Path, count: int) -> None:
    blocks = []
    for number in range(count):
        need = above(number)
        value = f'"{number}"' if need is None else f"terraform_data.t{need}.output"
        blocks.append(f'resource "terraform_data" "t{number}" {{\n  input = {value}\n}}')
    (folder / "main.tf").write_text("\n".join(blocks) + "\n")


PEERS = (
    Peer("make", _make, ("-n",), (), most=10_000),
    Peer("doit", _doit, ("list", "--all"), ("-v0",), most=10_000),
    Peer("snakemake", _snakemake, ("-n", "-c1", "-q"), ("-c1", "-q")),
    Peer("dvc", _dvc, ("repro", "--dry", "-q"), ("repro", "-q"), done=_dvc_done),
    Peer("dbt", _dbt, ("ls", "--quiet")),
    Peer("terraform", _terraform, ("plan", "-no-color")),
)
PLACES: list[str] = []  # folders that `--peers` named


def found(program: str) -> str | None:
    """The path of a program, looked for in the named folders, then on PATH."""
    return shutil.which(program, path=os.pathsep.join([*PLACES, os.environ.get("PATH", "")]))


def environment(**more: str) -> dict[str, str]:
    """The environment for a timed process: byte code is cached, as it is for everyone who installed a program."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "NO_COLOR": "1", "DO_NOT_TRACK": "1", "DVC_NO_ANALYTICS": "1", **more}


def timed(command: Sequence[str], folder: Path, **more: str) -> tuple[float, float] | None:
    """CPU seconds (children included) and wall seconds of one cold process; None when it failed or ran too long."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        done = subprocess.run(command, cwd=folder, env=environment(**more), timeout=LIMIT, check=False, **quiet)  # type: ignore[call-overload]
    except subprocess.TimeoutExpired:
        return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return (cpu, time.perf_counter() - started) if done.returncode == 0 else None


def medians(runs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The median of the CPU seconds and of the wall seconds."""
    cpu, wall = (statistics.median(part) for part in zip(*runs, strict=True))
    return cpu, wall


def floor() -> list[str]:
    """What any typed command line on these libraries pays before it reads a file."""
    return [sys.executable, "-c", "import pydantic, click, yaml; pydantic.BaseModel"]


def ask(peer: Peer, count: int, folder: Path, rounds: int, *, dry: bool, most: int) -> tuple[float, float] | str:
    """Medians of a peer's dry run, or of a run with nothing to do; a few words when there are none."""
    program = found(peer.program)
    if program is None:
        return "not installed"
    if count > min(most, peer.most):
        return f"not asked beyond {min(most, peer.most):,}"
    command = (program, *(peer.dry if dry else peer.run or ()))
    folder.mkdir()
    try:
        peer.write(folder, count)
        if peer.done is not None:
            peer.done(folder, count)
    except (OSError, subprocess.SubprocessError) as error:
        return f"could not be set up: {error}"
    if timed(command, folder) is None:  # fills caches; without `dry` it does the work once
        return "failed, or took too long"
    runs = [timed(command, folder) for _ in range(rounds)]
    return medians([run for run in runs if run]) if all(runs) else "failed, or took too long"


def row(name: str, results: Mapping[int, tuple[float, float] | str]) -> str:
    """One line of a table: CPU seconds by size."""
    cells = [f"{found[0]:10.3f}" if isinstance(found, tuple) else f"{'-':>10}" for found in results.values()]
    notes = sorted({found for found in results.values() if isinstance(found, str)})
    return f"{name:34}" + "".join(cells) + (f"   ({'; '.join(notes)})" if notes else "")
