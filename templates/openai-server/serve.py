"""Start the service: `python serve.py --port 8000`. Prints `READY <address>` once it answers; SIGTERM drains it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Read while the libraries load: nothing is ever fetched.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import uvicorn
from access import MAX_HEADER_BYTES
from app import create_app
from settings import Settings

HERE = Path(__file__).resolve().parent
HARD_STOP_EXTRA_SECONDS = 5


class Server(uvicorn.Server):
    """uvicorn without its signal handling: that ends the process by the signal, and this one ends with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `run`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where the service listens, once it does."""
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"READY http://{shown}:{port}", flush=True)


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


async def run(app: Any, listener: socket.socket, drain_seconds: float) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was begun, for at most `drain_seconds`."""
    config = uvicorn.Config(
        app,
        http="h11",  # the only one of uvicorn's parsers that bounds the headers
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=int(drain_seconds) + HARD_STOP_EXTRA_SECONDS,
    )
    server = Server(config)
    loop = asyncio.get_running_loop()
    admission = app.state.service.admission

    def drain() -> None:
        admission.draining = True
        server.should_exit = True
        loop.call_later(drain_seconds, admission.abort)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, drain)
    await server.serve(sockets=[listener])
    admission.close()


def main() -> int:
    """Read the options, load the model, serve. Returns the exit code."""
    parser = argparse.ArgumentParser(description="OpenAI-compatible service of one lcspec pipeline.")
    parser.add_argument("--host", help="address to bind; beyond loopback only with API keys")
    parser.add_argument("--port", type=int, help="port to bind; 0 takes a free one")
    options = parser.parse_args()
    try:
        settings = Settings.load(HERE / "settings.json")
        host = options.host or settings.host
        settings.refuse_open_bind(host)
        listener = listen(host, settings.port if options.port is None else options.port)
    except (ValueError, OSError) as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 2
    with listener:
        asyncio.run(run(create_app(HERE, settings), listener, settings.drain_seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
