"""What the operator may set, read from settings.json beside this file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path

SHA256 = re.compile(r"[0-9a-f]{64}")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """Limits and access; README.md says what each is for."""

    format_version: int = 1
    host: str = "127.0.0.1"
    port: int = 8000
    api_keys_sha256: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    max_body_bytes: int = 1 << 20
    body_seconds: float = 10.0
    max_tokens: int = 1024
    concurrency: int = 1
    queue: int = 16
    drain_seconds: float = 30.0
    stall_seconds: float = 120.0
    threads: int | None = None
    device: str = "cpu"

    @classmethod
    def load(cls, path: Path) -> Settings:
        """Return the settings of a file, or the defaults where there is none.

        Raises:
            ValueError: an unknown key, a value of a wrong type, or a key that is not a SHA-256 digest.
        """
        if not path.exists():
            return cls()
        data = json.loads(path.read_text(encoding="utf-8"))
        defaults = {field.name: field.default for field in fields(cls)}
        for name, value in data.items():
            if name not in defaults:
                raise ValueError(f"settings.json: unknown key {name!r}")
            if not _fits(value, defaults[name]):
                raise ValueError(f"settings.json: {name} has a value of a wrong type")
        made = cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in data.items()})
        if made.format_version != 1:
            raise ValueError("settings.json: format_version is 1")
        if not all(SHA256.fullmatch(key) for key in made.api_keys_sha256):
            raise ValueError("settings.json: api_keys_sha256 holds SHA-256 digests in lower-case hex, not keys")
        return made

    def hosts(self) -> tuple[str, ...]:
        """Return the host names that a request may carry; `*` allows all.

        Without keys only the loopback names are allowed, or a web page could reach the service by DNS rebinding.
        """
        return self.allowed_hosts or (("*",) if self.api_keys_sha256 else LOOPBACK)

    def refuse_open_bind(self, host: str) -> None:
        """Refuse an address beyond this machine where nobody has to show a key.

        Raises:
            ValueError: `host` is not a loopback address and there are no keys.
        """
        if host not in LOOPBACK and not self.api_keys_sha256:
            raise ValueError(f"binding {host} needs api_keys_sha256 in settings.json")


def _fits(value: object, default: object) -> bool:
    if isinstance(default, tuple):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if default is None:
        return value is None or (type(value) is int and value > 0)
    if isinstance(default, str):
        return isinstance(value, str)
    numbers = (int, float) if isinstance(default, float) else (int,)
    return type(value) in numbers and value > 0  # type: ignore[operator]
