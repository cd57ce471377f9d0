"""Sealed JSON: an object whose first member is the SHA-256 of the rest of its text, so that a flipped bit is seen."""

import hashlib
import json
from typing import Any

_HEAD, _TAIL = b'{"sha256": "', b'",'
_END = len(_HEAD) + 64


def seal(text: bytes) -> bytes:
    """The JSON object `text` (one member at least) with its seal in front."""
    return _HEAD + hashlib.sha256(text[1:]).hexdigest().encode() + _TAIL + text[1:]


def seal_of(data: bytes) -> str:
    """The digest in a sealed text.

    Raises:
        ValueError: the text is not sealed, or is not what was sealed.
    """
    digest = data[len(_HEAD) : _END]
    rest = data[_END + len(_TAIL) :]
    if not data.startswith(_HEAD) or data[_END : _END + len(_TAIL)] != _TAIL:
        raise ValueError("the file has no seal")
    if hashlib.sha256(rest).hexdigest().encode() != digest:
        raise ValueError("the file is not what was written")
    return digest.decode()


def unseal(data: bytes) -> dict[str, Any]:
    """The object that was sealed.

    Raises:
        ValueError: the text is not sealed, or is not what was sealed.
    """
    seal_of(data)
    made: dict[str, Any] = json.loads(data)
    del made["sha256"]
    return made
