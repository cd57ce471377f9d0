"""A service on a public address must ask for a key."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0801 for a host beyond loopback without authentication."""
    for entry in spec.entries("deploy").values():
        host = getattr(entry.body, "host", "127.0.0.1")
        if host not in ("127.0.0.1", "localhost", "::1") and not getattr(entry.body, "api_keys_sha256", ()):
            message = f"`{host}` can be reached from outside, and no key is asked for"
            report.error("LC0801", (*entry.path, "host"), message, "add `api-keys-sha256: […]`, or bind 127.0.0.1")
