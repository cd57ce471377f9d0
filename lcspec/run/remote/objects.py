"""Whole objects under one URL, through fsspec: they appear complete or not at all, and one is created conditionally.

Names are relative to the URL. What the client libraries raise becomes one of two faults here; an HTTP status decides,
never a class: s3fs raises other classes for the same answer of other servers.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

EXISTS, CONFLICT, ABSENT = 412, 409, 404  # HTTP status
CREATE_ATTEMPTS = 5  # of a creation that the server answers by 409: another one is under way
_PASSWORD = re.compile(r"://[^/@\s]+@")


class Absent(Exception):
    """There is no such object."""


class Unanswered(Exception):
    """The place does not do what it is asked, after all attempts; the message is for people and holds no secret."""


class Altered(Exception):
    """A file that was to be uploaded is not what its name says (any more); no object appeared."""


class Object(NamedTuple):
    """An object: its size in bytes, seconds since the epoch when it was written, and what moves when it changes."""

    size: int
    written: float
    tag: str


class Dialect(Protocol):
    """How one kind of place does what fsspec leaves open. Faults are those of the client library."""

    def info(self, path: str) -> Mapping[str, Any]:
        """What fsspec says of one object."""

    def create(self, path: str, data: bytes) -> None:
        """Writes an object that is not there; one that is stays as it is, and that is raised."""

    def replace(self, path: str, data: bytes) -> None:
        """Writes an object, whatever is there."""

    def upload(self, path: str, file: Path, digest: str) -> None:
        """Writes an object from a file; `Altered` when what was read has another digest, as far as that is seen.

        A checksum travels with it where the place can check one.
        """

    def unfinished(self, root: str, before: float, *, remove: bool) -> list[str]:
        """Names of uploads that were left unfinished before a time; removes them when told to."""


class Objects:
    """The objects under `url`."""

    def __init__(self, url: str, fs: Any, dialect: Dialect) -> None:
        self.url, self._fs, self._dialect = url, fs, dialect
        self._root = str(fs._strip_protocol(url)).rstrip("/")

    def listed(self, folder: str) -> dict[str, Object]:
        """Name to object of everything below a folder; empty when there is none."""
        path = self._path(folder)
        try:
            found = self._ask(self._fs.find, path, detail=True)
        except Absent:
            return {}
        start = len(self._root) + 1
        return {name.rstrip("/")[start:]: _object(info) for name, info in sorted(found.items())}

    def find(self, name: str) -> Object | None:
        """One object, or None."""
        try:
            return _object(self._ask(self._dialect.info, self._path(name)))
        except Absent:
            return None

    def read(self, name: str) -> bytes:
        """The content of a small object.

        Raises:
            Absent: there is none.
        """
        return bytes(self._ask(self._fs.cat_file, self._path(name)))

    def read_many(self, names: Iterable[str]) -> dict[str, bytes]:
        """The contents of small objects, asked for at the same time where the place can; absent ones are left out."""
        wanted = list(names)
        if not wanted:
            return {}
        whole = [None] * len(wanted)  # `cat` would leave out what could not be read, too
        read = self._ask(self._fs.cat_ranges, [*map(self._path, wanted)], whole, whole, on_error="return")
        found = {}
        for name, data in zip(wanted, read, strict=True):
            if not isinstance(data, Exception):
                found[name] = bytes(data)
            elif not isinstance(fault := _fault(data), Absent):
                raise fault
        return found

    def download(self, name: str, target: Path) -> None:
        """Copies an object into a new file; `Absent` when there is none. The content is for the caller to judge."""
        self._ask(self._fs.get_file, self._path(name), str(target))

    def upload(self, name: str, file: Path, digest: str) -> None:
        """Writes an object from a file, and looks whether it is there with its size.

        Raises:
            Altered: the file has another digest; nothing was written.
        """
        self._ask(self._dialect.upload, self._path(name), file, digest)
        found, size = self.find(name), file.stat().st_size
        if found is None or found.size != size:
            raise Unanswered(f"`{name}` was uploaded and has {found.size if found else 'no'} bytes instead of {size}")

    def create(self, name: str, data: bytes) -> bool:
        """Whether the object was written: False when there is one already, which stays as it is."""
        for attempt in range(CREATE_ATTEMPTS):
            try:
                self._ask(self._dialect.create, self._path(name), data)
            except _Exists:
                return False
            except _Conflict as error:
                if attempt == CREATE_ATTEMPTS - 1:
                    raise Unanswered(str(error)) from None
                time.sleep(0.1 * 2**attempt)
            else:
                return True
        raise AssertionError("unreachable")

    def replace(self, name: str, data: bytes) -> None:
        """Writes an object, whatever is there."""
        self._ask(self._dialect.replace, self._path(name), data)

    def remove(self, name: str) -> None:
        """Removes an object; one that is gone already is no fault."""
        try:
            self._ask(self._fs.rm_file, self._path(name))
        except Absent:
            return

    def unfinished(self, before: float, *, remove: bool) -> list[str]:
        """Names of uploads that were left unfinished before a time; removes them when told to."""
        found: list[str] = self._ask(self._dialect.unfinished, self._root, before, remove=remove)
        return [name[len(self._root) + 1 :] for name in found]

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _ask(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except Altered:
            raise
        except Exception as error:
            raise _fault(error) from error


class _Exists(Exception):
    """A conditional creation found an object."""


class _Conflict(Exception):
    """Another conditional creation of the same object is under way."""


def _fault(error: Exception) -> Exception:
    status = http_status(error)
    if status == EXISTS or (status is None and isinstance(error, FileExistsError)):
        return _Exists()
    if status == ABSENT or (status is None and isinstance(error, FileNotFoundError)):
        return Absent(words(error))
    return _Conflict(words(error)) if status == CONFLICT else Unanswered(words(error))


def http_status(error: BaseException | None) -> int | None:
    """The HTTP status in an exception or in what caused it; None where no server has answered."""
    while error is not None:
        response = getattr(error, "response", None)
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, Mapping) else None
        for status in (found, getattr(error, "status", None), getattr(error, "code", None)):
            if isinstance(status, int) and 100 <= status < 600:
                return status
        error = error.__cause__ or error.__context__
    return None


def words(error: BaseException) -> str:
    """What an exception says, on one line and without a password of a URL."""
    said = " ".join(str(error).split()) or type(error).__name__
    return without_password(said)[:300]


def without_password(text: str) -> str:
    """A text whose URLs hold no name and no password."""
    return _PASSWORD.sub("://…@", text)


def _object(info: Mapping[str, Any]) -> Object:
    written = next((info[name] for name in ("LastModified", "mtime", "last_modified", "updated", "created")
                    if info.get(name)), None)  # fmt: skip
    if isinstance(written, str):
        written = datetime.fromisoformat(written)
    if isinstance(written, datetime):
        written = written.timestamp()
    # A place that tells no time: everything is young, and nothing is removed.
    moment = float(written) if written is not None else time.time()
    return Object(int(info["size"] or 0), moment, str(info.get("ETag") or f"{info['size']}-{moment}"))
