"""Requests of the chat-completions protocol, checked, and errors in OpenAI's form. Answers: replies.py."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

# Values that ask for nothing: clients send them although they want the default.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logprobs": (False,),
    "logit_bias": ({},),
    "tools": ([],),
    "response_format": ({"type": "text"},),
    "store": (False,),
}
KNOWN = frozenset(
    {"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"}
    | {"stop", "seed", "temperature", "top_p", "user"}
)
MAX_STOPS = 4
MAX_STOP_CHARS = 256
ERROR_TYPES = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}


class ApiError(Exception):
    """An answer in OpenAI's error form; `headers` go with it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        kind = ERROR_TYPES.get(status, "invalid_request_error")
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass(frozen=True)
class ChatRequest:
    """A request that can be answered: the user's text and what deviates from the pipeline's own sampling."""

    text: str
    sampling: dict[str, Any]
    stream: bool
    include_usage: bool


def parse_json(raw: bytes) -> dict[str, Any]:
    """Return the body as an object.

    Raises:
        ApiError: 400 for anything that is not one JSON object in UTF-8 (NaN and repeated keys included).
    """
    try:
        data = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as fault:
        # UnicodeDecodeError and JSONDecodeError are ValueErrors; their text may quote the body, so it stays here.
        raise ApiError(400, "The body is not valid JSON in UTF-8.", code="invalid_json") from fault
    if not isinstance(data, dict):
        raise ApiError(400, "The body must be a JSON object.", code="invalid_json")
    return data


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice")
    return made


def parse_chat(data: Mapping[str, Any], model: str, max_tokens: int) -> ChatRequest:
    """Return the request, or say what is wrong with it.

    Args:
        data: the body.
        model: the name of the only model.
        max_tokens: the most that a client may ask for.

    Raises:
        ApiError: 404 for another model, 400 for everything else.
    """
    given = {name: value for name, value in data.items() if value is not None}
    for name in sorted(set(given) - KNOWN):
        if name not in NEUTRAL or given[name] not in NEUTRAL[name]:
            _bad(name, f"{_shown(name)} is not supported.", code="unsupported_parameter")
    if not isinstance(given.get("model"), str):
        _bad("model", "model must be a string.")
    if given["model"] != model:
        message = f"The model does not exist; this service has {model!r}."
        raise ApiError(404, message, param="model", code="model_not_found")
    stream = _flag(given, "stream")
    options = given.get("stream_options", {})
    if not isinstance(options, dict) or set(options) - {"include_usage"} or (options and not stream):
        _bad("stream_options", "stream_options takes include_usage, and only with stream.")
    return ChatRequest(
        _user_text(given.get("messages")), _sampling(given, max_tokens), stream, _flag(options, "include_usage")
    )


def _sampling(given: Mapping[str, Any], most: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if "max_tokens" in given and "max_completion_tokens" in given:
        _bad("max_tokens", "Give max_tokens or max_completion_tokens, not both.")
    for name in ("max_tokens", "max_completion_tokens"):
        if name in given:
            made["max_tokens"] = _number(given, name, 1, most, whole=True)
    if "temperature" in given:
        made["temperature"] = float(_number(given, "temperature", 0, 2))
    if "top_p" in given:
        made["top_p"] = float(_number(given, "top_p", 0, 1))
        if not made["top_p"]:
            _bad("top_p", "top_p must be above 0.")
    if "seed" in given:
        made["seed"] = _number(given, "seed", -(2**63), 2**63 - 1, whole=True)
    if "stop" in given:
        made["stop"] = _stops(given["stop"])
    if "user" in given and not isinstance(given["user"], str):
        _bad("user", "user must be a string.")
    return made


def _number(given: Mapping[str, Any], name: str, low: int, high: int, *, whole: bool = False) -> Any:
    value = given[name]
    kinds = (int,) if whole else (int, float)
    # `type`, because a bool is an int; the comparison with NaN or infinity is false.
    if type(value) not in kinds or not (low <= value <= high and math.isfinite(value)):
        _bad(name, f"{name} must be {'an integer' if whole else 'a number'} from {low} to {high}.")
    return value


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        _bad(name, f"{name} must be true or false.")
    return bool(value)


def _stops(value: Any) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or len(stops) > MAX_STOPS:
        _bad("stop", f"stop must be a string or a list of at most {MAX_STOPS}.")
    if not all(isinstance(stop, str) and 0 < len(stop) <= MAX_STOP_CHARS for stop in stops):
        _bad("stop", f"Each stop must be a string of 1 to {MAX_STOP_CHARS} characters.")
    return tuple(stops)


def _user_text(messages: Any) -> str:
    """Return the text of the only message: a pipeline is evaluated on single rows, so it takes single turns."""
    if not isinstance(messages, list) or len(messages) != 1 or not isinstance(messages[0], dict):
        _bad("messages", "messages must hold exactly one message: this pipeline answers single turns.")
    message = messages[0]
    if message.get("role") != "user":
        _bad("messages", "The message's role must be 'user': the system prompt is part of the pipeline.")
    if set(message) - {"role", "content", "name"}:
        _bad("messages", "A message takes role and content.")
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list) or not parts:
        _bad("messages", "content must be a string or a list of text parts.")
    for part in parts:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            _bad("messages", "Only content parts of type text are supported.")
    text = "".join(part["text"] for part in parts)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        _bad("messages", "content holds half of a surrogate pair.")
    return text


def _bad(param: str, message: str, code: str = "invalid_value") -> NoReturn:
    raise ApiError(400, message, param=_shown(param), code=code)


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:64])
