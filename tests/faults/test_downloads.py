"""A download that is cut: nothing of it is kept, cause and step are named, and the next apply gets the whole."""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.faults.project import apply, lcspec, make
from tests.faults.store_ok import assert_store_ok
from tests.kinds.test_pypi_source import SPEC, write_wheel

pytestmark = pytest.mark.slow

TARGET = ("--target", "prepare:*")
STEPS = {"fetch:data.rows", "prepare:data.rows"}


class Index(ThreadingHTTPServer):
    """A package index (PEP 503) on loopback that serves its one wheel whole, cut, or too short."""

    def __init__(self, wheel: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.wheel, self.faults, self.asked = wheel, [], 0

    def environment(self) -> dict[str, str]:
        """What pip must be told to use it, and nothing else."""
        url = f"http://127.0.0.1:{self.server_port}/simple/"
        more = {"PIP_INDEX_URL": url, "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
        return {**more, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Index

    def do_GET(self) -> None:
        wheel = self.server.wheel
        if self.path == "/simple/some-data/":
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            page = f'<!DOCTYPE html><a href="/{wheel.name}#sha256={digest}">{wheel.name}</a>'.encode()
            self._answer(page, len(page), "text/html")
        elif self.path == f"/{wheel.name}":
            data, fault = wheel.read_bytes(), self.server.faults.pop(0) if self.server.faults else None
            self.server.asked += 1
            half = data[: len(data) // 2]
            kind = "application/octet-stream"
            if fault == "cut":
                self._answer(half, len(data), kind)
                self.close_connection = True
            elif fault == "short":
                self._answer(half, len(half), kind)
            elif fault == "page":
                self._answer(b"<html>sorry</html>", 18, "text/html")
            else:
                self._answer(data, len(data), kind)
        else:
            self.send_error(404)

    def _answer(self, data: bytes, said: int, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(said))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    server = Index(write_wheel(tmp_path / "index"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def project(tmp_path: Path, index: Index) -> Path:
    """A project that is locked, and has nothing of what it locked any more."""
    folder = make(tmp_path / "project", SPEC)
    done = lcspec(folder, "lock", "spec.yaml", **index.environment())
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder / ".lcspec")
    index.asked = 0
    return folder


@pytest.mark.parametrize("fault", ["cut", "short", "page"])
def test_a_download_that_is_cut_is_named_and_the_next_apply_gets_the_whole(
    project: Path, index: Index, fault: str
) -> None:
    index.faults = [fault] * 20
    told = apply(project, *TARGET, **index.environment())
    assert told.code == 4
    [(step, code, message)] = told.failed
    assert (step, code in ("LC1004", "LC1005")) == ("fetch:data.rows", True), (code, message)
    assert "some-data==1.0" in message
    assert not list((project / ".lcspec" / "records").rglob("*.json"))
    assert_store_ok(project / ".lcspec")
    index.faults = []
    told = apply(project, *TARGET, **index.environment())
    assert (told.code, told.ran) == (0, STEPS)
    asked = index.asked
    assert (apply(project, *TARGET, **index.environment()).ran, index.asked) == (set(), asked)
    assert_store_ok(project / ".lcspec")


def test_a_download_that_is_cut_once_is_tried_again_by_the_same_apply(project: Path, index: Index) -> None:
    index.faults = ["cut"]
    told = apply(project, *TARGET, **index.environment())
    assert (told.code, told.ran) == (0, STEPS)
    assert index.asked >= 2
    pins = json.loads((project / "spec.lock.json").read_text())["sources"]["pypi:some-data==1.0"]
    kept = list((project / ".lcspec" / "cache" / "downloads").glob("*.whl"))
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in kept] == pins["wheels"]
