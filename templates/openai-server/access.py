"""What comes before a request is read: host, key, size and time of the body, request id, one log line."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from protocol import ApiError
from settings import Settings
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_HEADER_BYTES = 16 * 1024
OPEN_PATHS = frozenset({"/livez", "/readyz", "/health"})
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Access:
    """ASGI middleware: every path needs a key except the health paths, so that a new route is closed by default."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 400, 401 or 431, or hand the request on; log it either way."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        began = time.monotonic()
        status = 500

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            self._check(scope["path"], headers)
        except ApiError as fault:
            await respond(fault)(scope, receive, send_marked)
        else:
            await self._app(scope, receive, send_marked)
        finally:
            if scope["path"] not in OPEN_PATHS:
                total = round((time.monotonic() - began) * 1000, 1)
                log("request", request_id=request_id, path=scope["path"], status=status, total_ms=total)

    def _check(self, path: str, headers: Headers) -> None:
        # h11 bounds headers that are incomplete; those that arrive in one read are bounded here.
        if sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEADER_BYTES:
            raise ApiError(431, "The headers are too long.", code="headers_too_long")
        allowed = self._settings.hosts()
        host = headers.get("host", "")
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if path not in OPEN_PATHS and "*" not in allowed and name.lower() not in allowed:
            raise ApiError(400, "This host name is not served.", code="invalid_host")
        if path not in OPEN_PATHS and not has_key(headers.get("authorization", ""), self._settings.api_keys_sha256):
            message = "A valid API key is needed: Authorization: Bearer <key>."
            raise ApiError(401, message, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})


def has_key(header: str, digests: Sequence[str]) -> bool:
    """Return whether the header carries one of the keys; true where none are set."""
    scheme, _, key = header.partition(" ")
    digest = hashlib.sha256(key.strip().encode("utf-8", "surrogateescape")).hexdigest()
    # All are compared, so the time does not tell which one fits.
    matches = [hmac.compare_digest(digest, known) for known in digests]
    return not digests or (scheme.lower() == "bearer" and any(matches))


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """Return the body.

    Raises:
        ApiError: 413 as soon as it is longer than `limit` bytes, 408 where it takes longer than `seconds`.
    """
    declared = request.headers.get("content-length", "")
    body = bytearray()
    try:
        if declared.isdecimal() and int(declared[:20]) > limit:
            raise OverflowError
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > limit:
                    raise OverflowError
    except OverflowError:
        message = f"The body is longer than {limit} bytes."
        raise ApiError(413, message, code="body_too_large", headers={"Connection": "close"}) from None
    except TimeoutError:
        message = f"The body did not arrive within {seconds:g} s."
        raise ApiError(408, message, code="body_timeout", headers={"Connection": "close"}) from None
    return bytes(body)


def respond(fault: ApiError) -> JSONResponse:
    """Return the response of an error."""
    return JSONResponse(fault.body, fault.status, headers=fault.headers)


def log(event: str, **fields: Any) -> None:
    """Write one JSON object on a line to stderr; JSON escapes control characters, so a line stays one line."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    sys.stderr.write(json.dumps({"ts": now, "event": event, **fields}) + "\n")
    sys.stderr.flush()
