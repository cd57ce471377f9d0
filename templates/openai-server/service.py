"""The handlers of the service: each turns a request into an answer of the pipeline, or into an `ApiError`."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import aclosing
from typing import Any, cast

from access import log, read_body
from admission import Admission
from fastapi import Request
from metrics import Metrics
from protocol import ApiError, ChatRequest, parse_chat, parse_json
from replies import DONE, chunk, completion, event, usage_chunk
from runtime.decoder import ContextLengthError
from runtime.pipeline import Answer, Pipeline
from settings import Settings
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

HANG_UP_POLL_SECONDS = 0.25


class _Stream(StreamingResponse):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Starlette leaves the iterator of a client that hung up to the garbage collector; the model is to stop now.
        async with aclosing(cast("AsyncGenerator[bytes, None]", self.body_iterator)):
            await super().__call__(scope, receive, send)


class Service:
    """The handlers and what they share."""

    def __init__(self, pipeline: Pipeline, settings: Settings, digests: dict[str, str]) -> None:
        absent = pipeline.variables - {pipeline.manifest["input"]}
        if absent:
            raise ValueError(f"the prompt needs variables that a request cannot give: {', '.join(sorted(absent))}")
        self.name = str(pipeline.manifest["name"])
        self.settings = settings
        self.metrics = Metrics({"model_name": self.name})
        self.metrics.set("lcspec:build_info", 1, **digests)
        self.admission = Admission(settings.concurrency, settings.queue, settings.stall_seconds, self.metrics)
        self._pipeline = pipeline
        self._digests = digests
        self._created = int(time.time())

    async def chat(self, request: Request) -> Response:
        """POST /v1/chat/completions."""
        body = await read_body(request, self.settings.max_body_bytes, self.settings.body_seconds)
        asked = parse_chat(parse_json(body), self.name, self.settings.max_tokens)
        id = f"chatcmpl-{uuid.uuid4().hex}"
        pieces = self._answer(asked)
        # The first piece is awaited here: a refusal to queue or a prompt too long is still a plain HTTP error.
        first = await self._unless_hung_up(request, anext(pieces))
        if asked.stream:
            return _Stream(self._sse(id, asked, first, pieces), media_type="text/event-stream")
        answer = await self._unless_hung_up(request, _last(first, pieces))
        if self.admission.aborted and answer.finish_reason == "cancelled":
            raise ApiError(503, "The service is shutting down.", code="draining")
        return JSONResponse(completion(answer, id=id, model=self.name))

    async def models(self) -> JSONResponse:
        """GET /v1/models."""
        return JSONResponse({"object": "list", "data": [self._card()]})

    async def model(self, name: str) -> JSONResponse:
        """GET /v1/models/{name}."""
        if name != self.name:
            raise ApiError(404, "The model does not exist.", param="model", code="model_not_found")
        return JSONResponse(self._card())

    async def live(self) -> JSONResponse:
        """GET /livez: fails where the model's thread hangs."""
        return _health(self.admission.alive)

    async def ready(self) -> JSONResponse:
        """GET /readyz and /health: fails while shutting down."""
        return _health(self.admission.alive and not self.admission.draining)

    async def version(self) -> JSONResponse:
        """GET /version: the digests of what is served."""
        return JSONResponse({"name": self.name, "digests": self._digests})

    async def numbers(self) -> PlainTextResponse:
        """GET /metrics."""
        return PlainTextResponse(self.metrics.text(), media_type="text/plain; version=0.0.4")

    def _card(self) -> dict[str, Any]:
        return {"id": self.name, "object": "model", "created": self._created, "owned_by": "lcspec"}

    async def _answer(self, asked: ChatRequest) -> AsyncGenerator[str | Answer, None]:
        """Yield pieces and the answer, and count them."""
        row = {str(self._pipeline.manifest["input"]): asked.text}

        def steps(should_stop: Callable[[], bool]) -> Generator[str, None, Answer]:
            return self._pipeline.stream(row, should_stop, **asked.sampling)

        began = time.monotonic()
        first = True
        try:
            async with aclosing(self.admission.run(steps)) as pieces:
                async for piece in pieces:
                    if first:
                        self.metrics.observe("vllm:time_to_first_token_seconds", time.monotonic() - began)
                        first = False
                    if isinstance(piece, Answer):
                        self._count(piece, time.monotonic() - began)
                    yield piece
        except ContextLengthError as fault:
            raise ApiError(400, str(fault), param="messages", code="context_length_exceeded") from fault

    def _count(self, answer: Answer, seconds: float) -> None:
        self.metrics.add("vllm:prompt_tokens_total", answer.prompt_tokens)
        self.metrics.add("vllm:generation_tokens_total", answer.completion_tokens)
        self.metrics.add("vllm:request_success_total", finished_reason=answer.finish_reason)
        self.metrics.observe("vllm:e2e_request_latency_seconds", seconds)

    async def _sse(
        self, id: str, asked: ChatRequest, first: str | Answer, pieces: AsyncGenerator[str | Answer, None]
    ) -> AsyncGenerator[bytes, None]:
        yield event(chunk({"role": "assistant", "content": ""}, id=id, model=self.name))
        try:
            async for piece in _chain(first, pieces):
                if isinstance(piece, str):
                    yield event(chunk({"content": piece}, id=id, model=self.name))
                    continue
                if self.admission.aborted and piece.finish_reason == "cancelled":
                    yield event(ApiError(503, "The service is shutting down.", code="draining").body)
                else:
                    yield event(chunk({}, piece, id=id, model=self.name))
                if asked.include_usage:
                    yield event(usage_chunk(piece, id=id, model=self.name))
        except Exception as fault:  # noqa: BLE001 - the status is sent, so the client learns of it in the stream
            log("error", error=type(fault).__name__)
            yield event(ApiError(500, "The answer failed.", code="internal_error").body)
        finally:
            await pieces.aclose()
        yield DONE

    async def _unless_hung_up(self, request: Request, work: Any) -> Any:
        """Return what `work` comes to; a client that hangs up cancels it."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=HANG_UP_POLL_SECONDS)
                if not task.done() and await request.is_disconnected():
                    raise ApiError(499, "The client hung up.", code="cancelled")
            return task.result()
        finally:
            task.cancel()


async def _chain(first: str | Answer, pieces: AsyncIterator[str | Answer]) -> AsyncIterator[str | Answer]:
    yield first
    async for piece in pieces:
        yield piece


async def _last(first: str | Answer, pieces: AsyncIterator[str | Answer]) -> Answer:
    answer = first
    async for piece in pieces:
        answer = piece
    if isinstance(answer, str):
        raise RuntimeError("the pipeline ended without an answer")
    return answer


def _health(good: bool) -> JSONResponse:
    return JSONResponse({"status": "ok" if good else "unavailable"}, 200 if good else 503)
