"""The generated service, started as a process with lcspec blocked, asked through the real OpenAI client."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from lcspec.runtime.digest import source_digest
from lcspec.runtime.pipeline import Pipeline
from tests import tiny

ROOT = Path(__file__).resolve().parents[2]
KEY = "secret-key-1"
BLOCKER = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "lcspec":
            raise ImportError("lcspec is blocked")
sys.meta_path.insert(0, Block())
"""
TEXTS = ["ships wait", "</s>", "caf\u00e9 \u2603", "{{ 7*7 }}", "wheat " * 40]
USER = [{"role": "user", "content": "ships wait"}]

pytestmark = pytest.mark.ml


class Server:
    """A running service."""

    def __init__(self, process: subprocess.Popen[str], address: str, folder: Path) -> None:
        self.process, self.address, self.folder = process, address, folder
        self.url = f"{address}/v1/chat/completions"

    def client(self, key: str = "none") -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.address}/v1", api_key=key, max_retries=0, timeout=30)

    def post(self, **body: Any) -> httpx.Response:
        return httpx.post(self.url, json={"model": "tiny-topics", "messages": USER} | body, timeout=30)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def build(folder: Path, pipeline: dict[str, Any], prompt: dict[str, Any], model: Path, **settings: Any) -> Path:
    shutil.copytree(ROOT / "templates" / "openai-server", folder)
    shutil.copytree(ROOT / "lcspec" / "runtime", folder / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
    tiny.write_pipeline(folder, pipeline, prompt, model)
    (folder / "settings.json").write_text(json.dumps({"format_version": 1, "threads": 1, **settings}))
    return folder


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    block = folder.parent / f"{folder.name}-block"
    block.mkdir()
    (block / "sitecustomize.py").write_text(BLOCKER)
    env = {**os.environ, "PYTHONPATH": str(block), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "serve.py", "--port", "0", *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("READY http://127.0.0.1:"), (folder / "log").read_text()
        yield Server(process, line.split()[1], folder)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_tiny_model(tmp_path_factory.mktemp("service") / "tiny", positions=4096, endless=True)


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Server]:
    guards = {"input": [{"kind": "blocklist", "action": "refuse", "words": ["forbidden"]}], "output": []}
    folder = tmp_path_factory.mktemp("topics") / "app"
    with serving(build(folder, tiny.manifest(guardrails=guards), tiny.chat_prompt(), model)) as server:
        yield server


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Server]:
    retrieval = {"index": "index", "embedder": "embedder", "top": 2}
    prompt = tiny.chat_prompt(user="{{ context }} {{ text }}", shots=[])
    folder = build(
        tmp_path_factory.mktemp("writer") / "app", tiny.generation(retrieval=retrieval), prompt, model, queue=1,
        api_keys_sha256=[hashlib.sha256(KEY.encode()).hexdigest()], drain_seconds=1, max_tokens=4000,
    )  # fmt: skip
    with serving(folder) as server:
        yield server


def test_served_label_and_scores_equal_evaluation(topics: Server) -> None:
    here = Pipeline.load(topics.folder, threads=1)
    for text in [*TEXTS, *reversed(TEXTS)]:
        expected = here.answer({"text": text})
        made = topics.client().chat.completions.create(
            model="tiny-topics", messages=[{"role": "user", "content": text}]
        )
        vendor = (made.model_extra or {})["lcspec"]
        assert made.choices[0].message.content == expected.label == vendor["label"]
        assert vendor["scores"] == expected.scores
        assert made.usage is not None
        assert made.usage.prompt_tokens == len(here.prompt_ids({"text": text})) == expected.prompt_tokens


@pytest.mark.parametrize("text", TEXTS)
def test_streamed_text_equals_plain_text_and_evaluation(writer: Server, text: str) -> None:
    expected = Pipeline.load(writer.folder, threads=1).answer({"text": text})
    ask = writer.client(KEY).chat.completions.create
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": text}]}]
    plain = ask(model="tiny-writer", messages=messages)
    chunks = list(ask(model="tiny-writer", messages=messages, stream=True, stream_options={"include_usage": True}))
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert plain.choices[0].message.content == streamed == expected.text
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == expected.completion_tokens == 24
    assert chunks[-2].choices[0].finish_reason == plain.choices[0].finish_reason == "length"
    hits = (plain.model_extra or {})["lcspec"]["hits"]
    assert [hit["id"] for hit in hits] == [hit.id for hit in expected.hits]
    assert len(hits) == 2


def test_sampling_parameters_reach_the_model(writer: Server) -> None:
    ask = writer.client(KEY).chat.completions.create
    one, two, other = (
        ask(model="tiny-writer", messages=USER, temperature=1.5, seed=seed, max_completion_tokens=9)
        for seed in (1, 1, 2)
    )
    assert one.choices[0].message.content == two.choices[0].message.content != other.choices[0].message.content
    greedy = ask(model="tiny-writer", messages=USER).choices[0].message.content or ""
    stop = next(letter for letter in greedy[3:] if letter.isascii())
    stopped = ask(model="tiny-writer", messages=USER, stop=stop).choices[0]
    assert (stopped.message.content, stopped.finish_reason) == (greedy.partition(stop)[0].strip(), "stop")


def test_refusal_is_a_normal_answer(topics: Server) -> None:
    made = topics.post(messages=[{"role": "user", "content": "a Forbidden thing"}]).json()
    assert made["choices"][0]["finish_reason"] == "content_filter"
    assert made["lcspec"]["refused"] == "blocklist"


def test_models_health_version_and_metrics(topics: Server) -> None:
    assert [model.id for model in topics.client().models.list()] == ["tiny-topics"]
    assert topics.client().models.retrieve("tiny-topics").id == "tiny-topics"
    for path in ("/livez", "/readyz", "/health"):
        assert httpx.get(topics.address + path).status_code == 200
    assert httpx.get(topics.address + "/version").json()["digests"]["runtime"] == source_digest()
    topics.post()
    text = httpx.get(topics.address + "/metrics").text
    assert 'vllm:request_success_total{finished_reason="stop",model_name="tiny-topics"}' in text
    assert "vllm:e2e_request_latency_seconds_bucket{le=" in text


GOOD = b'{"model": "tiny-topics", "messages": [{"role": "user", "content": "x"}]'
BODIES: dict[str, bytes] = {
    "empty": b"",
    "cut": GOOD,
    "list": b"[]",
    "invalid utf-8": GOOD + b', "user": "\xff"}',
    "nan": GOOD + b', "temperature": NaN}',
    "overflow": GOOD + b', "temperature": 1e999}',
    "long integer": GOOD + b', "seed": ' + b"9" * 5000 + b"}",
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "repeated key": GOOD + b', "model": "tiny-topics"}',
    "surrogate": GOOD.replace(b'"x"', b'"\\ud800"') + b"}",
}


@pytest.mark.parametrize("name", BODIES)
def test_broken_body_is_a_400(topics: Server, name: str) -> None:
    made = httpx.post(topics.url, content=BODIES[name], timeout=30)
    assert made.status_code == 400
    assert set(made.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("param", "body"),
    [
        ("messages", {"messages": []}),
        ("messages", {"messages": USER * 2}),
        ("messages", {"messages": [{"role": "system", "content": "x"}, *USER]}),
        ("messages", {"messages": [{"role": "system", "content": "x"}]}),
        ("messages", {"messages": [{"role": "user", "content": None}]}),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}),
        ("messages", {"messages": "x"}),
        ("messages", {"messages": [{"role": "user", "content": "x" * 5000}]}),
        ("n", {"n": 2}),
        ("tools", {"tools": [{"type": "function"}]}),
        ("logprobs", {"logprobs": True}),
        ("chat_template", {"chat_template": "{{ x }}"}),
        ("max_tokens", {"max_tokens": 0}),
        ("max_tokens", {"max_tokens": 10**6}),
        ("max_tokens", {"max_tokens": True}),
        ("temperature", {"temperature": -1}),
        ("temperature", {"temperature": "hot"}),
        ("top_p", {"top_p": 0}),
        ("seed", {"seed": 1.5}),
        ("stop", {"stop": [""]}),
        ("stop", {"stop": ["a"] * 5}),
        ("stream", {"stream": 1}),
        ("stream_options", {"stream_options": {"include_usage": True}}),
        ("model", {"model": None}),
    ],
    ids=str,
)
def test_bad_parameter_is_a_400_that_names_it(topics: Server, param: str, body: dict[str, Any]) -> None:
    made = topics.post(**body)
    assert made.status_code == 400, made.text
    assert made.json()["error"]["param"] == param


def test_client_sees_openai_errors(topics: Server) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        topics.client().chat.completions.create(model="gpt-4o", messages=USER)
    with pytest.raises(openai.BadRequestError, match="exactly one message"):
        topics.client().chat.completions.create(model="tiny-topics", messages=USER * 2)
    for method, path, status in (("GET", "/docs", 404), ("GET", "/v1/chat/completions", 405), ("GET", "/", 404)):
        made = httpx.request(method, topics.address + path)
        assert (made.status_code, "error" in made.json()) == (status, True)


def test_neutral_and_null_parameters_are_accepted(topics: Server) -> None:
    assert topics.post(n=1, logprobs=False, frequency_penalty=0, stop=None, user="me").status_code == 200


def test_large_body_is_cut_off_while_streaming(topics: Server) -> None:
    assert topics.post(user="x" * (1 << 20)).status_code == 413
    sent = 0

    def parts() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(2000):
            sent += 1
            yield b" " * 65536

    # The server may have closed before the client reads its answer.
    with suppress(httpx.WriteError, httpx.ReadError):
        assert httpx.post(topics.url, content=parts(), timeout=30).status_code == 413
    assert sent < 1000
    assert topics.post().status_code == 200


def test_foreign_host_name_is_refused_and_long_headers_too(topics: Server) -> None:
    assert httpx.get(topics.address + "/v1/models", headers={"Host": "evil.example"}).status_code == 400
    # The server may close, with the rest of the headers unread, before the client has its answer.
    with suppress(httpx.WriteError, httpx.ReadError):
        assert httpx.get(topics.address + "/v1/models", headers={"X-Long": "x" * 100_000}).status_code == 431
    assert topics.post().status_code == 200


def test_request_id_is_echoed_only_if_it_is_plain(topics: Server) -> None:
    for given, kept in (("abc-1", True), ("a b", False), ("x" * 65, False)):
        made = httpx.get(topics.address + "/version", headers={"x-request-id": given})
        assert (made.headers["x-request-id"] == given) is kept


def test_every_route_but_health_needs_a_key(writer: Server) -> None:
    for path in ("/v1/models", "/v1/models/tiny-writer", "/version", "/metrics", "/nowhere"):
        assert httpx.get(writer.address + path).status_code == 401
        assert httpx.get(writer.address + path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert httpx.post(writer.url, content=b"{").status_code == 401
    assert httpx.get(writer.address + "/readyz").status_code == 200
    with pytest.raises(openai.AuthenticationError):
        writer.client("wrong").models.list()


def test_full_queue_is_a_429_and_a_client_that_hangs_up_frees_it(writer: Server) -> None:
    def ask() -> openai.Stream[Any]:
        make = writer.client(KEY).chat.completions.create
        return make(model="tiny-writer", messages=USER, stream=True, max_tokens=3000)

    running = ask()
    next(iter(running))
    waiting = threading.Thread(target=lambda: ask().close())
    waiting.start()
    time.sleep(0.5)
    with pytest.raises(openai.RateLimitError) as refused:
        ask()
    assert refused.value.response.headers["retry-after"] == "1"
    began = time.monotonic()
    running.close()
    waiting.join(10)
    made = writer.client(KEY).chat.completions.create(model="tiny-writer", messages=USER, max_tokens=2)
    assert made.choices[0].finish_reason == "length"
    assert time.monotonic() - began < 5
    numbers = httpx.get(writer.address + "/metrics", headers={"Authorization": f"Bearer {KEY}"}).text
    assert 'lcspec:request_cancelled_total{model_name="tiny-writer"} 2' in numbers
    assert 'lcspec:request_rejected_total{model_name="tiny-writer",reason="queue_full"} 1' in numbers


def test_answers_side_by_side_are_those_of_one_at_a_time(tmp_path: Path, model: Path) -> None:
    retrieval = {"index": "index", "embedder": "embedder", "top": 2}
    prompt = tiny.chat_prompt(user="{{ context }} {{ text }}", shots=[])
    folder = build(tmp_path / "app", tiny.generation(retrieval=retrieval), prompt, model, concurrency=3, queue=32)
    texts = [f"{text} {number}" for number in range(6) for text in TEXTS]
    here = Pipeline.load(folder, threads=1)
    expected = {text: here.answer({"text": text}).text for text in texts}
    with serving(folder) as server, ThreadPoolExecutor(6) as callers:
        long = server.client().chat.completions.create
        streams = [long(model="tiny-writer", messages=USER, stream=True, max_tokens=1000) for _ in range(3)]
        for stream in streams:
            next(iter(stream))
        numbers = httpx.get(server.address + "/metrics").text
        assert 'vllm:num_requests_running{model_name="tiny-writer"} 3' in numbers
        for stream in streams:
            stream.close()

        def ask(text: str) -> str | None:
            made = long(model="tiny-writer", messages=[{"role": "user", "content": text}])
            return made.choices[0].message.content

        assert dict(zip(texts, callers.map(ask, texts), strict=True)) == expected
        assert httpx.get(server.address + "/livez").status_code == 200


def test_sigterm_ends_an_answer_in_order_and_exits_0(writer: Server) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    body = {"model": "tiny-writer", "messages": USER, "stream": True, "max_tokens": 3900}
    with httpx.stream("POST", writer.url, json=body, headers=headers, timeout=30) as answer:
        lines = answer.iter_lines()
        next(lines)
        writer.process.send_signal(signal.SIGTERM)
        rest = [line for line in lines if line]
    assert rest[-1] == "data: [DONE]"
    assert '"code": "draining"' in rest[-2]
    assert writer.process.wait(10) == 0


def test_sigterm_when_idle_exits_0(topics: Server) -> None:
    assert topics.end() == 0
    assert "Traceback" not in (topics.folder / "log").read_text()


def test_open_address_without_keys_is_refused(tmp_path: Path, model: Path) -> None:
    folder = build(tmp_path / "app", tiny.manifest(), tiny.chat_prompt(), model)
    command = [sys.executable, "serve.py", "--host", "0.0.0.0", "--port", "0"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    assert "api_keys_sha256" in ended.stderr


@pytest.mark.slow
def test_slow_body_is_a_408(tmp_path: Path, model: Path) -> None:
    folder = build(tmp_path / "app", tiny.manifest(), tiny.chat_prompt(), model, body_seconds=1)
    with serving(folder) as server:
        host, port = server.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as link:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n{{"
            link.sendall(head.encode())
            assert b" 408 " in link.recv(4096)
