"""What a run looks like: a live display on a terminal, plain lines elsewhere, JSON lines for machines."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TextIO

from lcspec.ir.record import Event
from lcspec.units import format_seconds

PLAIN_EVERY = 15.0  # seconds between plain progress lines of one step


class Display(Protocol):
    """Takes events as they happen."""

    def emit(self, event: Event) -> None:
        """Shows one event."""


@contextmanager
def make_display(form: str, terminal: bool | None) -> Iterator[Display]:
    """The display for `form` (text or json); `terminal` None asks standard error."""
    if form == "json":
        yield JsonLines()
    elif sys.stderr.isatty() if terminal is None else terminal:
        live = Live()
        try:
            yield live
        finally:
            live.close()
    else:
        yield Plain()


class JsonLines:
    """One event per line on standard output: schema `schemas/event/v1.json`."""

    def emit(self, event: Event) -> None:
        """Prints the event."""
        _print(sys.stdout, json.dumps(event.to_json(), ensure_ascii=False, sort_keys=True))


def _print(stream: TextIO, text: str) -> None:
    """Prints a line; that nobody reads it any more is no reason to stop the work."""
    with suppress(BrokenPipeError):
        stream.write(text + "\n")
        stream.flush()


def line(event: Event) -> str | None:
    """The line that stays on the screen for an event; None for those that pass."""
    data = event.data
    if event.kind == "step-finished":
        return f"✓ {event.step}  {format_seconds(data['seconds'])}{_numbers(data.get('metrics', {}))}"
    if event.kind == "step-failed":
        return f"✗ {event.step}  {data['message']}"
    if event.kind == "step-skipped":
        return f"- {event.step}  {data['reason']}"
    if event.kind == "log":
        return f"! {event.step}  {data['message']}"
    if event.kind == "choice":
        return f"→ {data['choice']}: {data['name']}  ({data['why']})"
    return None


def _numbers(metrics: Any) -> str:
    """The measured values worth a glance."""
    shown = []
    for name, value in metrics.items():
        if isinstance(value, dict) and isinstance(value.get("value"), int | float):
            shown.append(f"{name} {value['value']:.3f} on {value.get('n')} rows")
        elif name == "comparison" and isinstance(value, dict) and value.get("agreement") is not None:
            shown.append(f"agreement {value['agreement']:.3f}, difference {value.get('difference') or 0:+.3f}")
        elif name in ("rows", "passages", "asked", "equal", "documents", "parameters") and isinstance(value, int):
            shown.append(f"{name} {value:,}")
    return "  " + ", ".join(shown) if shown else ""


class Plain:
    """Lines on standard error: what finished, and now and then how far a long step is."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def emit(self, event: Event) -> None:
        """Prints the event if it is worth a line."""
        text = line(event)
        now = time.monotonic()
        if event.kind == "step-started":
            self._said[event.step or ""] = now
            text = f"· {event.step}"
        elif event.kind == "progress" and now - self._said.get(event.step or "", 0.0) > PLAIN_EVERY:
            self._said[event.step or ""] = now
            text = f"  {event.step}  {event.data['done']}/{event.data['total']}{pace(event.data)}"
        if text is not None:
            _print(sys.stderr, text)


def pace(data: Any) -> str:
    """Reward or loss, rate and time left of a step, as far as they are known."""
    what = next((name for name in ("reward", "loss") if name in data), None)
    shown = [f"{what} {data[what]:.3f}"] if what else []
    if "rate" in data:
        shown.append(f"{data['rate']:.3g}/s" if data["rate"] >= 1 else f"{format_seconds(1 / data['rate'])} each")
        shown.append(f"{format_seconds(data['eta'])} left")
    return "".join(f"  {one}" for one in shown)


class Live:
    """Bars for running steps; finished steps scroll away above them."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=24))
        more = (MofNCompleteColumn(), TextColumn("{task.fields[note]}", markup=False), TimeElapsedColumn())
        self._progress = Progress(*columns, *more, console=Console(stderr=True), transient=True)
        self._progress.start()
        self._tasks: dict[str, Any] = {}

    def emit(self, event: Event) -> None:
        """Moves a bar or prints a line."""
        step = event.step or ""
        if event.kind == "step-started":
            self._tasks[step] = self._progress.add_task(step, total=None, note="")
        elif event.kind == "progress" and step in self._tasks:
            data = event.data
            note = pace(data).strip()
            self._progress.update(self._tasks[step], completed=data["done"], total=data["total"], note=note)
        elif event.kind in ("step-finished", "step-failed") and step in self._tasks:
            self._progress.remove_task(self._tasks.pop(step))
        text = line(event)
        if text is not None:
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Ends the display and leaves the cursor where it belongs."""
        self._progress.stop()
