"""A server between a client and S3 that misbehaves on purpose: on loopback, on a free port."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OK, BUSY, CUT, CUT_ANSWER, STALL = "ok", "busy", "cut", "cut answer", "stall"
BUSY_ANSWER = b"<Error><Code>ServiceUnavailable</Code><Message>later</Message></Error>"


class Proxy:
    """What it does is said by `rule`, which is told method and path; `asked` are the requests so far."""

    def __init__(self, target: str) -> None:
        self.target = target.removeprefix("http://")
        self.rule: Callable[[str, str], str] = lambda method, path: OK
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()
        self.gate = threading.Event()  # what is stalled goes on when it is set


@contextmanager
def proxy(target: str) -> Iterator[tuple[Proxy, str]]:
    """A proxy and its address."""
    state = Proxy(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            pass

        def handle_any(self) -> None:
            with state.lock:
                state.asked.append((self.command, self.path))
                state.headers.append({name.lower(): value for name, value in self.headers.items()})
                what = state.rule(self.command, self.path)
            if what == STALL:
                state.gate.wait(60)
            size = int(self.headers.get("Content-Length") or 0)
            if self.headers.get("Expect") == "100-continue" and what != BUSY:
                self.send_response_only(100)
                self.end_headers()
            if what == CUT:
                self.rfile.read(size // 2)
                self.close_connection = True
                self.connection.close()
                return
            body = self.rfile.read(size)
            if what == BUSY:
                self._answer(503, {}, BUSY_ANSWER)
                return
            there = http.client.HTTPConnection(state.target, timeout=30)
            there.request(self.command, self.path, body, dict(self.headers.items()))
            answer = there.getresponse()
            self._answer(answer.status, dict(answer.getheaders()), answer.read(), cut=what == CUT_ANSWER)
            there.close()

        def _answer(self, status: int, headers: dict[str, str], data: bytes, *, cut: bool = False) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            length = headers.get("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data[: len(data) // 2] if cut else data)
            if cut:
                self.close_connection = True

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
