"""Requests to the hub: JSON, ranges and resumable, verified downloads. Nothing of a reply is run or unpickled.

The endpoint is `HF_ENDPOINT`. A token goes to the endpoint only, never to the host that a download is redirected to,
and stands in no message; neither does the query of a redirect, which may be signed.
"""

import fcntl
import hashlib
import http.client
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from lcspec.diag.model import Diagnostic, LcspecError

ENDPOINT = "https://huggingface.co"
TRUSTED = (".huggingface.co", ".hf.co")  # where the public hub keeps large files
TRIES, PAUSE, TIMEOUT = 5, 0.5, 30.0
PASSING = (408, 425, 429, 500, 502, 503, 504)
_CHUNK = 1 << 20
_LARGEST_JSON = 64 << 20
_CUT = (URLError, http.client.HTTPException, ConnectionError, TimeoutError)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to download: its expected size and SHA-256, None when the hub does not say."""

    path: str
    size: int | None
    sha256: str | None


class Hub:
    """One repository at one endpoint."""

    def __init__(self, type: str, repo: str, *, token: str | None = None, hosts: tuple[str, ...] = ()) -> None:
        self.repo, self._type = repo, type
        self._authorization = f"Bearer {token}" if token else None
        self._endpoint = os.environ.get("HF_ENDPOINT", ENDPOINT).rstrip("/")
        own = urlsplit(self._endpoint)
        if own.scheme not in ("http", "https") or not own.hostname:
            message = f"HF_ENDPOINT is `{self._endpoint}`, which is no address"
            raise LcspecError([Diagnostic("LC1005", message, help=f"unset it, or say {ENDPOINT}")], 4)
        self._opener = build_opener(_Redirects(self._endpoint, (own.hostname, *hosts), self._authorization))

    # --- what the hub says -----------------------------------------------------------------------------------------

    def info(self, revision: str) -> Mapping[str, Any]:
        """The commit (`sha`) that a revision means, and its files (`siblings` with sizes and digests)."""
        where = f"{self._endpoint}/api/{self._type}s/{self.repo}/revision/{quote(revision, safe='')}?blobs=true"
        with self._open(where, f"revision `{revision}`") as reply:
            text = reply.read(_LARGEST_JSON + 1)
        try:
            data = json.loads(text)
        except ValueError:
            data = None
        if not isinstance(data, dict) or not isinstance(data.get("sha"), str):
            why = "the hub's answer is not a description of a repository"
            raise self._unfetched(why, f"is {self._endpoint} a hub?")
        return data

    def range(self, commit: str, path: str, start: int, end: int) -> bytes:
        """The bytes [start, end) of a file, fewer where it is shorter."""
        headers = {"Range": f"bytes={start}-{end - 1}"}
        with self._open(self._address(commit, path), f"file `{path}`", headers) as reply:
            if reply.status == 200:  # the server knows no ranges
                reply.read(start)
            return bytes(reply.read(end - start))

    # --- downloads -------------------------------------------------------------------------------------------------

    def download(self, commit: str, wanted: Wanted, folder: Path, progress: Progress = lambda done: None) -> str:
        """The SHA-256 of the file, which lies in `folder` under that name when this returns.

        What a cut connection left is taken up where it ended. A file whose digest is not the expected one is deleted.

        Raises:
            LcspecError: LC1004 another digest, LC1008 cut again and again, or what `_open` raises.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if wanted.sha256 and _kept(folder / wanted.sha256):
            return wanted.sha256
        name = wanted.sha256 or hashlib.sha256(f"{self._type}/{self.repo}/{commit}/{wanted.path}".encode()).hexdigest()
        with _owned(folder / f"{name}.part") as part:
            if wanted.sha256 and _kept(folder / wanted.sha256):  # another step was here first
                return wanted.sha256
            resumed = part.seek(0, os.SEEK_END) > 0
            digest = self._fill(part, commit, wanted, progress)
            if wanted.sha256 not in (None, digest) and resumed:  # what was left over may be to blame
                part.truncate(0)
                digest = self._fill(part, commit, wanted, progress)
            part.flush()
            os.fsync(part.fileno())
            if wanted.sha256 not in (None, digest):
                (folder / f"{name}.part").unlink()
                self._mismatch(wanted, digest)
            (folder / f"{name}.part").replace(folder / digest)
        return digest

    def _fill(self, part: IO[bytes], commit: str, wanted: Wanted, progress: Progress) -> str:
        """Appends to `part` until it is whole; the digest of all of it."""
        part.seek(0)
        hasher = hashlib.sha256()
        while chunk := part.read(_CHUNK):
            hasher.update(chunk)
        why = ""
        for turn in range(TRIES):
            time.sleep(PAUSE * (2**turn - 1) / 2 if turn else 0)
            done = part.tell()
            if wanted.size is not None and done == wanted.size:
                return str(hasher.hexdigest())
            if wanted.size is not None and done > wanted.size:
                part.seek(0)
                part.truncate()
                done, hasher = 0, hashlib.sha256()
            try:
                hasher, whole = self._append(part, commit, wanted, hasher, progress)
                if whole:
                    return str(hasher.hexdigest())
                why = f"the connection ended after {part.tell()} of {wanted.size} bytes"
            except _CUT as error:
                why = f"after {part.tell()} bytes: {getattr(error, 'reason', None) or type(error).__name__}"
        message = f"`{self.repo}`: `{wanted.path}` did not arrive whole in {TRIES} tries: {why}"
        help = "apply again: what has arrived is kept and taken up from there"
        raise LcspecError([Diagnostic("LC1008", message, help=help)], 4)

    def _append(
        self, part: IO[bytes], commit: str, wanted: Wanted, hasher: Any, progress: Progress
    ) -> tuple[Any, bool]:
        """One request for what is missing; (the digest so far, whether the file is whole)."""
        done = part.tell()
        headers = {"Range": f"bytes={done}-"} if done else {}
        with self._open(self._address(commit, wanted.path), f"file `{wanted.path}`", headers) as reply:
            if done and reply.status != 206:  # the whole file comes again
                part.seek(0)
                part.truncate()
                hasher = hashlib.sha256()
            length = reply.headers.get("Content-Length")
            expected = wanted.size if wanted.size is not None else part.tell() + int(length) if length else None
            while chunk := reply.read(_CHUNK):
                part.write(chunk)
                hasher.update(chunk)
                progress(part.tell())
                if expected is not None and part.tell() > expected:
                    self._mismatch(wanted, f"{part.tell()} bytes or more")
        return hasher, expected is None or part.tell() == expected

    # --- one request -----------------------------------------------------------------------------------------------

    def _address(self, commit: str, path: str) -> str:
        prefix = "datasets/" if self._type == "dataset" else ""
        return f"{self._endpoint}/{prefix}{self.repo}/resolve/{quote(commit, safe='')}/{quote(path)}"

    @contextmanager
    def _open(self, address: str, what: str, headers: Mapping[str, str] | None = None) -> Iterator[Any]:
        """The reply to a GET, tried again while the fault may pass.

        Raises:
            LcspecError: LC1005 not there or not reachable, LC1006 no access, LC1007 sent elsewhere.
        """
        request = Request(address, headers={"User-Agent": "lcspec", "Accept-Encoding": "identity", **(headers or {})})
        if self._authorization:
            request.add_unredirected_header("Authorization", self._authorization)
        reply = self._reply(request, what)
        try:
            yield reply
        finally:
            reply.close()

    def _reply(self, request: Request, what: str) -> Any:
        why, host = "", urlsplit(self._endpoint).netloc
        for turn in range(TRIES):
            time.sleep(PAUSE * (2**turn - 1) / 2 if turn else 0)
            try:
                return self._opener.open(request, timeout=TIMEOUT)
            except HTTPError as error:
                error.close()
                if error.code not in PASSING:
                    self._refused(error, what)
                why = f"HTTP {error.code}"
            except _CUT as error:
                why = str(getattr(error, "reason", None) or type(error).__name__)
        raise self._unfetched(f"{host} does not answer: {why}", "check the network, the proxy and HF_ENDPOINT")

    def _refused(self, error: HTTPError, what: str) -> NoReturn:
        if error.code in (401, 403):
            said = "with the token that was sent" if self._authorization else "without a token"
            message = f"the hub refuses `{self.repo}` {said} (HTTP {error.code})"
            help = "check the name; when it is gated or private, accept its terms and say `token: {env: HF_TOKEN}`"
            raise LcspecError([Diagnostic("LC1006", message, help=help)], 4)
        if error.code in (404, 410):
            help = "check the name; after a forced push `lcspec lock --update` pins anew"
            raise self._unfetched(f"there is no {what}", help)
        raise self._unfetched(f"HTTP {error.code} for the {what}", "try again later")

    def _unfetched(self, why: str, help: str) -> LcspecError:
        return LcspecError([Diagnostic("LC1005", f"`{self.repo}` cannot be fetched: {why}", help=help)], 4)

    def _mismatch(self, wanted: Wanted, found: str) -> NoReturn:
        message = f"`{self.repo}`: `{wanted.path}` has {found[:16]}…, {(wanted.sha256 or '')[:16]}… is expected"
        help = "if the change is wanted, review it and run `lcspec lock --update`; otherwise another file was served"
        raise LcspecError([Diagnostic("LC1004", message, help=help)], 4)


class _Redirects(HTTPRedirectHandler):
    """Follows redirects to known hosts only, without the token once they leave the endpoint."""

    def __init__(self, endpoint: str, hosts: tuple[str, ...], authorization: str | None) -> None:
        self._endpoint, self._hosts, self._authorization = urlsplit(endpoint), hosts, authorization

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        target = urlsplit(newurl)
        host = target.hostname or ""
        public = self._endpoint.hostname == urlsplit(ENDPOINT).hostname
        known = host in self._hosts or (public and f".{host}".endswith(TRUSTED))
        if not known or (self._endpoint.scheme == "https" and target.scheme != "https"):
            message = f"the hub sends the download to `{target.scheme}://{host}`, which is not allowed"
            help = f"if you trust that host, add `hosts: [{host}]` beside `repo`"
            raise LcspecError([Diagnostic("LC1007", message, help=help)], 4)
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None and self._authorization and target[:2] == self._endpoint[:2]:
            made.add_unredirected_header("Authorization", self._authorization)
        return made


@contextmanager
def _owned(path: Path) -> Iterator[IO[bytes]]:
    """`path` opened for appending by one process at a time; the others wait."""
    while True:
        file = path.open("a+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            same = path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
        except FileNotFoundError:
            same = False
        if same:
            break
        file.close()  # another process finished it and renamed it while we waited
    with file:
        yield file


def _kept(path: Path) -> bool:
    """Whether the cache has the file that is called by its digest; a damaged one is deleted."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        sound = hashlib.file_digest(file, "sha256").hexdigest() == path.name
    if not sound:
        path.unlink(missing_ok=True)
    return sound
