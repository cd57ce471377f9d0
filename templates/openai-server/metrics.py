"""Counters, gauges and histograms in Prometheus' text form, under vLLM's names where vLLM has one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
COUNTERS = {
    "vllm:prompt_tokens_total": "Prompt tokens that were read.",
    "vllm:generation_tokens_total": "Tokens that were answered.",
    "vllm:request_success_total": "Answered requests by finish reason.",
    "lcspec:request_rejected_total": "Refused requests by reason.",
    "lcspec:request_cancelled_total": "Requests whose client hung up.",
}
GAUGES = {
    "vllm:num_requests_running": "Requests that the model works on.",
    "vllm:num_requests_waiting": "Requests that wait for the model.",
    "lcspec:build_info": "1, with the digests of what is served.",
}
HISTOGRAMS = {
    "vllm:time_to_first_token_seconds": "From the request's arrival to the first text.",
    "vllm:e2e_request_latency_seconds": "From the request's arrival to the end of the answer.",
    "vllm:request_queue_time_seconds": "Time spent waiting for the model.",
}


class Metrics:
    """The service's numbers. Label values come from fixed sets only, so the number of series is bounded.

    Used from the event loop's thread alone, so it needs no lock.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = dict(labels)
        self._values: dict[tuple[str, str], float] = {}
        self._counts = {name: [0] * (len(SECONDS) + 1) for name in HISTOGRAMS}
        self._sums = dict.fromkeys(HISTOGRAMS, 0.0)
        for name in ("vllm:prompt_tokens_total", "vllm:generation_tokens_total", "lcspec:request_cancelled_total"):
            self.add(name, 0)

    def add(self, name: str, value: float = 1, **labels: str) -> None:
        """Raise a counter."""
        key = name, self._series(labels)
        self._values[key] = self._values.get(key, 0) + value

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._values[name, self._series(labels)] = value

    def observe(self, name: str, seconds: float) -> None:
        """Count a duration in a histogram."""
        self._counts[name][bisect_left(SECONDS, seconds)] += 1
        self._sums[name] += seconds

    def text(self) -> str:
        """Return the exposition text, in a fixed order."""
        lines: list[str] = []
        for kind, names in (("counter", COUNTERS), ("gauge", GAUGES)):
            for name, about in names.items():
                lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
                series = sorted((labels, value) for (found, labels), value in self._values.items() if found == name)
                lines += [f"{name}{{{labels}}} {value:g}" for labels, value in series]
        for name, about in HISTOGRAMS.items():
            lines += [f"# HELP {name} {about}", f"# TYPE {name} histogram", *self._histogram(name)]
        return "\n".join(lines) + "\n"

    def _histogram(self, name: str) -> list[str]:
        lines: list[str] = []
        total = 0
        for bound, count in zip([*map(str, SECONDS), "+Inf"], self._counts[name], strict=True):
            total += count
            lines.append(f"{name}_bucket{{{self._series({'le': bound})}}} {total}")
        series = self._series({})
        return [*lines, f"{name}_sum{{{series}}} {self._sums[name]:g}", f"{name}_count{{{series}}} {total}"]

    def _series(self, labels: Mapping[str, str]) -> str:
        return ",".join(f'{key}="{_escape(value)}"' for key, value in sorted({**self._labels, **labels}.items()))


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
