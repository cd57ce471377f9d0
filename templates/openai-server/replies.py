"""Answers in the form of OpenAI's chat completions, and the vendor field `lcspec`."""

from __future__ import annotations

import json
import time
from typing import Any

from runtime.pipeline import Answer

DONE = b"data: [DONE]\n\n"


def completion(answer: Answer, *, id: str, model: str) -> dict[str, Any]:
    """Return the body of an answer that is not streamed."""
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
    made = _frame("chat.completion", [choice], id=id, model=model)
    return made | {"usage": usage(answer), "lcspec": vendor(answer)}


def chunk(delta: dict[str, Any], answer: Answer | None = None, *, id: str, model: str) -> dict[str, Any]:
    """Return one event of a stream; the last one carries the answer's facts."""
    reason = answer.finish_reason if answer else None
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    made = _frame("chat.completion.chunk", [choice], id=id, model=model)
    return made | ({"lcspec": vendor(answer)} if answer else {})


def usage_chunk(answer: Answer, *, id: str, model: str) -> dict[str, Any]:
    """Return the event that `stream_options.include_usage` asks for."""
    return _frame("chat.completion.chunk", [], id=id, model=model) | {"usage": usage(answer)}


def usage(answer: Answer) -> dict[str, int]:
    """Return the token counts."""
    total = answer.prompt_tokens + answer.completion_tokens
    counts = {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens}
    return counts | {"total_tokens": total}


def vendor(answer: Answer) -> dict[str, Any]:
    """Return the field `lcspec`: what OpenAI's form has no place for."""
    hits = [{"id": hit.id, "title": hit.title, "score": hit.score} for hit in answer.hits]
    return {"label": answer.label, "scores": answer.scores, "refused": answer.refused, "hits": hits}


def _frame(kind: str, choices: list[dict[str, Any]], *, id: str, model: str) -> dict[str, Any]:
    return {"id": id, "object": kind, "created": int(time.time()), "model": model, "choices": choices}


def event(body: dict[str, Any]) -> bytes:
    """Return a body as one server-sent event."""
    return b"data: " + json.dumps(body, ensure_ascii=False, allow_nan=False).encode() + b"\n\n"
