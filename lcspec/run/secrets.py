"""Secrets: looked up when a step starts, handed to it through its pipe, and taken out of all that it says.

A spec holds references only, `{env: NAME}` or `{file: path}`. Their values are never part of a plan, a lock, a key, a
record or an artefact; an output that holds one is not published.
"""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from lcspec.diag.model import Diagnostic, LcspecError

SHORTEST = 6  # characters: a shorter value would be found everywhere
_HIDDEN = "***"
_URLS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_CHUNK = 1 << 20


def resolve(references: Mapping[str, Mapping[str, str]], root: Path) -> dict[str, str]:
    """The values that references stand for, by their names in the step.

    Raises:
        LcspecError: LC1215, a variable is not set, or a file cannot be read.
    """
    return {name: _value(name, reference, root) for name, reference in sorted(references.items())}


def _value(name: str, reference: Mapping[str, str], root: Path) -> str:
    if "env" in reference:
        value = os.environ.get(reference["env"], "")
        if not value:
            help = f"set it where you run apply: `export {reference['env']}=…`"
            raise _missing(f"`{name}`: the environment variable `{reference['env']}` is not set", help)
        return value
    path = root / Path(reference["file"]).expanduser()
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        help = "the file holds nothing but the secret"
        raise _missing(f"`{name}`: the file `{reference['file']}` cannot be read: {why}", help) from None
    if not value:
        raise _missing(f"`{name}`: the file `{reference['file']}` is empty", "the file holds nothing but the secret")
    return value


def _missing(message: str, help: str) -> LcspecError:
    return LcspecError([Diagnostic("LC1215", message, help=help)], 4)


def passwords_of_urls() -> list[str]:
    """Passwords inside the addresses of proxies and indexes, which network steps are configured by."""
    found = []
    for name, value in os.environ.items():
        if name.upper() in _URLS:
            for address in value.split():
                try:
                    found.append(urlsplit(address).password or "")
                except ValueError:
                    continue
    return found


class Redactor:
    """Replaces values, and their base64 and URL-encoded forms, by `***`."""

    def __init__(self, values: list[str]) -> None:
        forms = {form for value in values if len(value) >= SHORTEST for form in _forms(value)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self.longest = max(map(len, self._forms), default=0)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def data(self, data: bytes) -> bytes:
        """`data` without secrets."""
        for form in self._forms:
            data = data.replace(form, _HIDDEN.encode())
        return data

    def text(self, text: str) -> str:
        """`text` without secrets."""
        return self.data(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass") if self else text

    def value(self, value: Any) -> Any:
        """Plain JSON data without secrets, in names and values."""
        if not self:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def found_in(self, folder: Path) -> str | None:
        """The name of the first file below `folder` that holds a secret, in its name or its content."""
        for path in sorted(folder.rglob("*")) if self else ():
            name = path.relative_to(folder).as_posix()
            if self.text(name) != name or (path.is_file() and not path.is_symlink() and self._in_file(path)):
                return self.text(name)
        return None

    def _in_file(self, path: Path) -> bool:
        kept = b""
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                window = kept + chunk
                if any(form in window for form in self._forms):
                    return True
                kept = window[-self.longest :]
        return False


def _forms(value: str) -> set[bytes]:
    """A value as it may appear: itself, URL-encoded, and base64 at each of the three places in a longer text."""
    raw = value.encode()
    forms = {raw, quote(value, safe="").encode(), quote_plus(value).encode(), repr(value)[1:-1].encode()}
    forms.add(json.dumps(value)[1:-1].encode())
    forms.add(raw.hex().encode())
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            coded = encode(b"\0" * shift + raw)
            skip = (0, 2, 3)[shift]  # characters that depend on what stands before the value
            whole = coded[skip : len(coded.rstrip(b"=")) - (1 if (len(raw) + shift) % 3 else 0)]
            if len(whole) >= SHORTEST:
                forms.add(whole)
    return {form for form in forms if len(form) >= SHORTEST}
