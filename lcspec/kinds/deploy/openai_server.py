"""A service that speaks the OpenAI chat protocol, generated from the release and asked before it is released.

The generated folder stands alone: the runtime is a verbatim copy, lcspec is not needed to run it. The contract step
starts it, asks test rows through the official `openai` client and demands the evaluated model's answers exactly.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lcspec import assets, launch
from lcspec.kinds.api import (
    Body,
    Bound,
    Context,
    Estimate,
    Evidence,
    Kind,
    Lowered,
    Output,
    Resources,
    Step,
    StepIO,
    Subject,
    option,
    plain,
)
from lcspec.kinds.suites import asking
from lcspec.manifest import SLOTS, assemble
from lcspec.modelcode import code_of

START = (5.0, 20.0)  # seconds until the service is ready, beside what loading takes anyway
FOLDERS = ("model", "index", "embedder")


class ServerBody(Body):
    """An OpenAI-compatible server."""

    port: int = option(8000, doc="Port that the service listens on.", ge=1, le=65535)
    host: str = option("127.0.0.1", doc="Address; anything but loopback needs `api-keys-sha256`.")
    concurrency: int = option(
        1,
        doc="Answers that are worked on at once; each keeps its own keys and values in memory.",
        ge=1,
        le=256,
        effect="More callers are answered side by side, each more slowly; memory grows by one cache for each.",
    )
    queue: int = option(
        16,
        doc="Requests that may wait; more are refused with 429.",
        ge=1,
        le=10_000,
        effect="Longer queues refuse fewer requests and let them wait longer.",
    )
    max_body: int = option(
        1 << 20,
        doc="Largest request.",
        unit="bytes",
        ge=1024,
        effect="Requests are cut off with 413 as soon as they are longer.",
    )
    api_keys_sha256: tuple[str, ...] = option(
        (),
        doc="SHA-256 of each accepted API key; empty means no keys.",
        effect="With a key every path but the health paths asks for it; several may be valid at once.",
    )
    ask: int = option(
        100,
        doc="Test rows that are asked before the release.",
        unit="rows",
        ge=1,
        effect="More rows show a difference between service and evaluation more surely, and take longer.",
    )


def lower(ctx: Context, entry: Bound, subject: Subject, evidence: Evidence) -> Lowered:
    """Generate the service, then start it once and ask it."""
    body = entry.body
    settings = plain(body, alias=False, leave_out=("ask",))
    settings["max_body_bytes"] = settings.pop("max_body")
    generate = Step(
        id=f"generate:targets.{entry.name}",
        kind=entry.kind_id,
        action="generate",
        version=KIND.version,
        params={
            "name": ctx.name,
            "manifest": dict(evidence.manifest),
            "settings": settings,
            "template": template_digest(),
        },
        inputs={slot: subject.slots[slot] for slot in SLOTS if slot in subject.slots},
        estimate=Estimate((0.5, 10.0), 100 << 20, "formula", growing=(0.3, 5.0)),
        source=entry.path,
    )
    contract = Step(
        id=f"contract:targets.{entry.name}",
        kind=entry.kind_id,
        action="contract",
        version=KIND.version,
        params={"ask": body.ask, "concurrency": body.concurrency, "input": evidence.manifest["input"]},
        inputs={"service": Output(generate.id, "service"), "predictions": evidence.predictions},
        libraries=("torch", "transformers"),
        resources=Resources(cpus=2, memory=2 << 30),
        estimate=_asking(body.ask, evidence.manifest["scoring"]),
        source=entry.path,
        measured=True,
    )
    return Lowered(
        (generate, contract), {"service": Output(generate.id, "service"), "contract": Output(contract.id, "contract")}
    )


def _asking(rows: int, scoring: Mapping[str, Any]) -> Estimate:
    """As a suite asks its rows; the service starts first, and a line a row is all that stays."""
    method = str(scoring["method"])
    made = asking(rows, method, scoring["max_tokens"] if method == "generation" else 0)
    seconds = (made.seconds[0] + START[0], made.seconds[1] + START[1])
    return replace(made, seconds=seconds, disk=(0, 1 << 20))


def template_digest() -> str:
    """SHA-256 over the template's and the runtime's files: a new one generates the service anew."""
    return assets.tree_digest("templates/openai-server", "runtime")


def generate(io: StepIO) -> None:
    """Writes the service: template files, the runtime, the artefacts and two JSON side-cars."""
    target = io.output("service")
    assets.copy_tree("templates/openai-server", target)
    assets.copy_tree("runtime", target / "runtime")
    folders = {slot: io.input(slot) for slot in SLOTS if io.has(slot)}
    for slot in FOLDERS:
        if slot in folders:
            shutil.copytree(folders[slot], target / slot, symlinks=False)
    shutil.copyfile(folders["prompt"] / "prompt.json", target / "prompt.json")
    made = assemble(io.params["manifest"], io.params["name"], folders, code_of(io))
    _write_json(target / "pipeline.json", made)
    defaults = json.loads((target / "settings.json").read_text(encoding="utf-8"))
    _write_json(target / "settings.json", {**defaults, **io.params["settings"]})
    io.metric("files", sum(path.is_file() for path in target.rglob("*")))
    io.metric("bytes", sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def contract(io: StepIO) -> None:
    """Starts the service, asks it, and demands the evaluated answers; the first difference fails the step."""
    with (io.input("predictions") / "predictions.jsonl").open(encoding="utf-8") as lines:
        answered = [json.loads(line) for line in lines]
    rows = [row for row in answered if "history" not in row and "system" not in row][: io.params["ask"]]
    if not rows:
        help = "add rows of a single question to the suite's data"
        io.fail("the service answers single questions, and every row goes on from earlier turns", help=help)
    with serving(io.input("service"), io.threads) as (address, ready):
        different, seconds = _ask(io, address, rows)
    io.measure("ready_seconds", round(ready, 2))
    ordered = sorted(seconds)
    for name, share in (("p50", 0.50), ("p95", 0.95)):
        value = ordered[min(len(ordered) - 1, int(len(ordered) * share))]
        io.measure(f"latency_{name}", round(value, 4))
    io.metric("asked", len(rows))
    io.metric("equal", len(rows) - len(different))
    _write_json(io.output("contract") / "contract.json", {"asked": len(rows), "different": different})
    if different:
        first = different[0]
        message = f"{len(different)} of {len(rows)} served answers differ from the evaluated ones"
        io.fail(f"{message}; row {first['id']}: {first['served']!r}, evaluated {first['evaluated']!r}", help=_HELP)


_HELP = "this is a bug of lcspec or of a library: the same artefacts must answer alike; report it with the log"


def _ask(io: StepIO, address: str, rows: list[dict[str, Any]]) -> tuple[list[dict[str, str]], list[float]]:
    """The rows that were answered differently, and the seconds of each request."""
    from openai import OpenAI

    client = OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=120)
    model = client.models.list().data[0].id

    def answer(row: Mapping[str, Any]) -> tuple[str, float]:
        started = time.perf_counter()
        text = row["row"][io.params["input"]]
        reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
        return reply.choices[0].message.content or "", time.perf_counter() - started

    different, seconds = [], []
    # As many callers as the service promises to answer at once: neither answers nor the latency may hide it.
    with ThreadPoolExecutor(io.params["concurrency"]) as callers:
        for done, (row, (served, took)) in enumerate(zip(rows, callers.map(answer, rows), strict=True)):
            io.progress(done, len(rows))
            seconds.append(took)
            if served != row["answer"]:
                different.append({"id": row["id"], "served": served, "evaluated": row["answer"]})
    return different, seconds


@contextmanager
def serving(folder: Path, threads: int) -> Iterator[tuple[str, float]]:
    """The address of the started service and the seconds until it was ready; it is ended by its own process id."""
    environment = {name: os.environ[name] for name in launch.KEPT if name in os.environ}
    started = time.monotonic()
    process = launch.start(folder, host="127.0.0.1", port=0, threads=threads, environment=environment)
    try:
        address = launch.ready(process)
        if address is None:
            raise RuntimeError(f"the service ended with {process.wait()} before it was ready")
        yield address, time.monotonic() - started
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


EXAMPLE = "{kind: openai-server, port: 8000}"
KIND = Kind(
    family="deploy",
    name="openai-server",
    version=2,
    body=ServerBody,
    lower=lower,
    summary="an OpenAI-compatible service",
    example=EXAMPLE,
    actions=("generate", "contract"),
    libraries=("torch", "transformers"),
    engine="runtime",
)
