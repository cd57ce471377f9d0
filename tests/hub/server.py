"""A hub on loopback: repositories in memory, the part of the API that lcspec uses, and faults on demand."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = 512  # files of this size and more are stored as LFS, whose SHA-256 the API tells


def commit_of(files: Mapping[str, bytes]) -> str:
    """A 40-digit name of a state of the files."""
    hasher = hashlib.sha1(usedforsecurity=False)
    for name, data in sorted(files.items()):
        hasher.update(name.encode() + b"\0" + data)
    return hasher.hexdigest()


class FakeHub:
    """The state of the server; tests change it while it runs.

    Attributes:
        branches: (type, repo, branch) to commit; `commits`: commit to its files.
        gated: repositories that need `Bearer secret`.
        cut: path to the number of replies that end after half of what they promise.
        elsewhere: a base address that large files are redirected to.
        lies: path to other bytes that are sent under the listed digest.
        card: what the hub read from the front matter of a repository's README.
    """

    def __init__(self) -> None:
        self.branches: dict[tuple[str, str, str], str] = {}
        self.commits: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.cut: Counter[str] = Counter()
        self.busy = 0
        self.elsewhere: str | None = None
        self.lies: dict[str, bytes] = {}
        self.ranges = True
        self.asked: list[tuple[str, str | None, str | None]] = []  # path, Range, Authorization
        self.address = ""
        self.card: dict[str, object] = {}

    def push(self, type: str, repo: str, files: Mapping[str, bytes], branch: str = "main") -> str:
        commit = commit_of(files)
        self.commits[commit] = dict(files)
        self.branches[type, repo, branch] = commit
        return commit

    def files(self, type: str, repo: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        commit = self.branches.get((type, repo, revision), revision)
        return (commit, self.commits[commit]) if commit in self.commits else None

    def info(self, type: str, repo: str, revision: str) -> bytes | None:
        found = self.files(type, repo, revision)
        if found is None:
            return None
        siblings = []
        for name, data in sorted(found[1].items()):
            one: dict[str, object] = {"rfilename": name, "size": len(data)}
            one["blobId"] = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
            if len(data) >= LARGE:
                one["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
                one["blobId"] = "0" * 40  # of the pointer
            siblings.append(one)
        return json.dumps({"id": repo, "sha": found[0], "siblings": siblings, "cardData": self.card}).encode()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        hub.asked.append((path, self.headers.get("Range"), self.headers.get("Authorization")))
        if hub.busy:
            hub.busy -= 1
            self._send(503, b"busy")
            return
        if path.startswith("/store/"):
            self._file(path.removeprefix("/store/"))
            return
        parts = path.strip("/").split("/")
        if parts[0] == "api":
            type, repo, revision = parts[1].removesuffix("s"), "/".join(parts[2:4]), "/".join(parts[5:])
            reply = None if self._locked(repo) else hub.info(type, repo, revision)
            if not self._locked(repo):
                self._send(200, reply) if reply is not None else self._send(404, b"{}")
            return
        type = "dataset" if parts[0] == "datasets" else "model"
        parts = parts[1:] if type == "dataset" else parts
        repo, commit, name = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        if self._locked(repo):
            return
        found = hub.files(type, repo, commit)
        if found is None or name not in found[1]:
            self._send(404, b"")
        elif hub.elsewhere and len(found[1][name]) >= LARGE:
            self.send_response(302)
            self.send_header("Location", f"{hub.elsewhere}/store/{commit}/{name}?signature=hidden")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._file(f"{commit}/{name}")

    def _locked(self, repo: str) -> bool:
        if repo in self.hub.gated and self.headers.get("Authorization") != "Bearer secret":
            if not getattr(self, "_answered", False):
                self._answered = True
                self._send(401 if not self.headers.get("Authorization") else 403, b"")
            return True
        return False

    def _file(self, where: str) -> None:
        hub = self.hub
        commit, _, name = where.partition("/")
        data = hub.lies.get(name, hub.commits[commit][name])
        status, start, end = 200, 0, len(data)
        said = self.headers.get("Range")
        if said and hub.ranges:
            first, _, last = said.removeprefix("bytes=").partition("-")
            start, end, status = int(first), min(int(last) + 1 if last else len(data), len(data)), 206
        body = data[start:end]
        self.send_response(status)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if hub.cut[name] > 0:
            hub.cut[name] -= 1
            body = body[: max(len(body) // 2, 1)]
            self.close_connection = True
        self.wfile.write(body)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(hub: FakeHub, host: str = "127.0.0.1") -> Iterator[FakeHub]:
    """`hub` behind an address of loopback, for as long as the block lasts."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    hub.address = f"http://{host}:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
