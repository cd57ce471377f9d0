"""An answer cannot come faster than its weights are read: decoding is bound by memory bandwidth."""

from lcspec.compile.asking import columns_of, scoring_of
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import generators, select_by
from lcspec.estimate.time import DEVICES, Device
from lcspec.ir.document import Path
from lcspec.ir.spec import Bound, Spec
from lcspec.units import format_bytes, format_count, format_latency

BYTES = 4  # float32, in which the runtime computes


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0314 for a limit below the floor; LC0315 for answers that stay under it only where they are short."""
    limit, where = _limit(spec)
    suite = spec.entries("suite").get(select_by(spec)[0])
    if limit is None or spec.scope.hardware is None or suite is None:
        return
    device = DEVICES[spec.scope.hardware.device]
    for name in generators(spec):
        parameters = known.models.get(name, {}).get("parameters")
        if not parameters:
            continue
        one = parameters * BYTES / device.bandwidth
        usual = _usual_answer(spec, known, suite, name)
        tokens = usual or 1
        most = getattr(suite.body, "max_tokens", 1) if scoring_of(spec, suite) == "generation" else 1
        note = (
            f"formula: {format_count(parameters)} × {BYTES} bytes = {format_bytes(parameters * BYTES)} a token, at "
            f"{format_bytes(device.bandwidth)} a second on `{device.name}`: {format_latency(one)}"
        )
        also: tuple[tuple[Path, str], ...] = ((where, f"{format_latency(limit)} are allowed"),)
        if tokens * one > limit:
            _beyond(spec.find("model", name), tokens, one, limit, device, report, note, also)
        elif usual is None and most * one > limit:
            message = f"with `{name}`, an answer of {most} tokens takes {format_latency(most * one)} at least"
            help = f"`max-tokens: {int(limit / one)}` stays under the limit, or a smaller model"
            path = (*suite.path, "max-tokens") if "max_tokens" in suite.body.model_fields_set else suite.path
            report.warning("LC0315", path, message, help, also=also, notes=(note,))


def _beyond(
    model: Bound,
    tokens: int,
    one: float,
    limit: float,
    device: Device,
    report: Reporter,
    note: str,
    also: tuple[tuple[Path, str], ...],
) -> None:
    what = "one token" if tokens == 1 else f"an answer of {tokens} tokens"
    message = f"`{model.name}` takes {format_latency(tokens * one)} at least for {what}"
    fitting = format_count(limit * device.bandwidth / BYTES / tokens)
    faster = [
        d.name
        for d in DEVICES.values()
        if d.bandwidth > device.bandwidth and tokens * one * device.bandwidth / d.bandwidth <= limit
    ]
    help = f"a model of at most {fitting} parameters keeps it" + (f", or `device: {faster[0]}`" if faster else "")
    tell = report.warning if device.name == "cpu" else report.error  # CPUs differ; a data sheet's bandwidth is a bound
    tell("LC0314", model.path, message, help, key=True, also=also, notes=(note,))


def _limit(spec: Spec) -> tuple[float | None, Path]:
    found: list[tuple[float, Path]] = []
    if spec.scope.requires.latency_p95 is not None:
        found.append((spec.scope.requires.latency_p95.max, ("scope", "requires", "latency-p95")))
    for name, gate in spec.gates.items():
        if gate.metric in ("serving.latency-p95", "serving.latency-p50") and gate.at_most is not None:
            found.append((gate.at_most, ("evaluation", "gates", name, "at-most")))
    return min(found, default=(None, ()))


def _usual_answer(spec: Spec, known: Known, suite: Bound, model: str) -> int | None:
    """Tokens of the median right answer; 1 where labels are scored in one pass, None where nothing is known."""
    if scoring_of(spec, suite) != "generation":
        return 1
    counter, data = known.counter(model), str(getattr(suite.body, "data", ""))
    if counter is None or columns_of(spec.entries("data").get(data)) is None:
        return None
    answers = [row.target for row in (known.rows(data) or {}).get("test", ()) if row.target]
    counts = sorted(counter(answer) for answer in answers[:200])
    return max(1, counts[len(counts) // 2]) if counts else None
