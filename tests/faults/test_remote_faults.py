"""A remote store that races, refuses, cuts, vanishes: nothing partial is seen there, and the next apply converges."""

import base64
import hashlib
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.run.remote import s3 as dialect
from lcspec.run.remote.inspect import inspect
from lcspec.run.remote.objects import CREATE_ATTEMPTS, Unanswered
from lcspec.run.remote.place import open_objects
from lcspec.run.remote.remote import Remote, blob_name
from lcspec.run.store import Store
from tests.faults.machine import end, start
from tests.faults.store_ok import assert_store_ok
from tests.run import harness
from tests.run.remote import servers
from tests.run.remote.conftest import s3  # noqa: F401 - a fixture
from tests.run.remote.machine import Machine, file_of, key, planned
from tests.run.remote.proxy import BUSY, CUT, CUT_ANSWER, OK, STALL, Proxy, proxy

pytestmark = pytest.mark.slow

ROUNDS, PUBLISHERS = 20, 5
LEAST = {"AWS_MAX_ATTEMPTS": "2"}  # so that a test waits less for what is bounded anyway


def assert_whole(remote: Remote) -> None:
    """Every record has all its blobs, byte by byte."""
    assert inspect(Remote(remote.objects), full=True).findings == []


def race(url: str, folder: Path) -> None:
    """Rounds in which all machines push another result for the same key at the same time."""
    machines = [Machine(folder / str(number) / ".lcspec", url) for number in range(PUBLISHERS)]
    for turn in range(ROUNDS):
        records = [one.publish(turn, f"made by {number}") for number, one in enumerate(machines)]
        barrier = threading.Barrier(PUBLISHERS)
        warnings: list[list[str]] = [[] for _ in machines]

        def work(number: int, turn: int = turn, barrier=barrier, warnings=warnings, records=records) -> None:
            barrier.wait()
            machines[number].behind.take(planned(turn), records[number])
            warnings[number] = [one.code for one in machines[number].settle().warnings]

        threads = [threading.Thread(target=work, args=(number,)) for number in range(PUBLISHERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(warnings) == [[], *([["LC1205"]] * (PUBLISHERS - 1))]
        stands = Remote(machines[0].remote.objects).record(key(turn))
        assert stands == records[warnings.index([])]
    assert all(one.behind.left() is None for one in machines)
    assert_whole(machines[0].remote)


@pytest.mark.parametrize("kind", ["file", pytest.param("s3", marks=pytest.mark.slow)])
def test_of_many_publishers_of_one_key_exactly_one_wins_each_round(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    if kind == "s3":
        request.getfixturevalue("s3")
    race(servers.url(kind, tmp_path), tmp_path)
    record_property("injected", ROUNDS)


@pytest.mark.slow
def test_killed_at_every_point_of_a_push_nothing_partial_is_seen_and_the_next_apply_converges(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    whole = Machine(tmp_path / "whole" / "s", f"file://{tmp_path}/whole/remote")
    whole.finish(1)
    for at in range(1, 100):
        base = tmp_path / str(at)
        Machine(base / "s", f"file://{base}/remote").publish(1)

        def push(base: Path = base) -> None:
            one = Machine(base / "s", f"file://{base}/remote")
            one.behind.offer([planned(1, "reuse")])
            one.settle()

        killed = not end(start(push, at), may_be_killed=True)
        remote = Machine(base / "reader", f"file://{base}/remote", attached=False).remote
        assert_whole(remote)
        push()
        other = Machine(base / "other", f"file://{base}/remote")
        assert other.need(1).warnings == []
        assert other.records[key(1)].outputs == whole.records[key(1)].outputs
        assert_store_ok(other.root)
        shutil.rmtree(base)
        if not killed:
            break
    assert at > 15
    record_property("injected", at - 1)


@pytest.fixture
def bad(s3: str) -> Iterator[Proxy]:  # noqa: F811
    """A proxy before the server; the environment names it."""
    with proxy(s3) as (state, address), servers.environment(address, **LEAST):
        yield state


def blobs(method: str, path: str) -> bool:
    return method == "PUT" and "/store/" in path


def test_a_checksum_travels_with_every_upload_and_a_condition_with_every_record(bad: Proxy, tmp_path: Path) -> None:
    one = Machine(tmp_path / "one", servers.url("s3", tmp_path))
    one.finish(1)
    puts = [(path, headers) for (method, path), headers in zip(bad.asked, bad.headers, strict=True) if method == "PUT"]
    sent = {path.rpartition("/")[2]: headers["x-amz-checksum-sha256"] for path, headers in puts if "/store/" in path}
    assert len(sent) == 3
    content = {digest: one.store.blob(digest).read_bytes() for digest in sent}
    assert sent == {one: base64.b64encode(hashlib.sha256(data).digest()).decode() for one, data in content.items()}
    created = [headers for path, headers in puts if "/records/" in path or path.endswith("lcspec-store.json")]
    assert [headers["if-none-match"] for headers in created] == ["*", "*", "*"]
    assert all("x-amz-checksum-sha256" in headers for headers in created)


@pytest.mark.slow
def test_a_storm_of_503_is_answered_by_trying_again(bad: Proxy, tmp_path: Path) -> None:
    url = servers.url("s3", tmp_path)
    bad.rule = lambda method, path: BUSY if len(bad.asked) % 4 == 1 else OK
    one = Machine(tmp_path / "one", url)
    assert one.finish(1).warnings == []
    assert one.behind.left() is None
    other = Machine(tmp_path / "other", url)
    assert other.need(1).warnings == []
    assert_store_ok(other.root)


@pytest.mark.slow
@pytest.mark.parametrize("what", [BUSY, CUT])
def test_a_push_that_fails_is_bounded_told_and_done_by_the_next_apply(bad: Proxy, tmp_path: Path, what: str) -> None:
    url = servers.url("s3", tmp_path)
    one = Machine(tmp_path / "one", url)
    bad.rule = lambda method, path: what if blobs(method, path) else OK
    asked = len(bad.asked)
    for number in (1, 2, 3):
        one.behind.take(planned(number), one.publish(number))
    one.settle()
    tries = [path for method, path in bad.asked[asked:] if method == "PUT"]
    assert 2 <= len(tries) <= 4
    assert len(set(tries)) == 1
    left = one.behind.left()
    assert left is not None
    assert left.code == "LC1126"
    assert left.message.startswith("3 results could not be pushed: the remote store")
    assert_store_ok(one.root)
    bad.rule = lambda method, path: OK
    assert_whole(one.remote)
    again = Machine(tmp_path / "one", url)
    again.behind.offer([planned(number, "reuse") for number in (1, 2, 3)])
    assert again.settle().warnings == []
    assert again.behind.left() is None
    assert sorted(Machine(tmp_path / "other", url).records) == [key(1), key(2), key(3)]
    assert_whole(one.remote)


SLOW = pytest.mark.slow


@pytest.mark.parametrize("what", [pytest.param(BUSY, marks=SLOW), pytest.param(CUT, marks=SLOW), CUT_ANSWER])
def test_a_download_that_fails_brings_nothing_and_is_no_damage(bad: Proxy, tmp_path: Path, what: str) -> None:
    url = servers.url("s3", tmp_path)
    Machine(tmp_path / "one", url).finish(1)
    other = Machine(tmp_path / "other", url)
    trees = list(other.records[key(1)].outputs.values())
    bad.rule = lambda method, path: what if method == "GET" and "/store/" in path else OK
    other.need(1)
    with pytest.raises(LcspecError, match="does not answer") as caught:
        other.behind.ready(trees)
    assert (caught.value.exit_code, caught.value.diagnostics[0].code) == (7, "LC1126")
    assert other.here() == []
    bad.rule = lambda method, path: OK
    again = Machine(tmp_path / "other", url)
    assert again.need(1).warnings == []
    assert_store_ok(again.root)


@pytest.mark.slow
def test_what_cannot_be_read_is_not_taken_for_damaged(bad: Proxy, tmp_path: Path) -> None:
    one = Machine(tmp_path / "one", servers.url("s3", tmp_path))
    one.finish(1)
    for part in ("/records/00/", "/store/"):
        bad.rule = lambda method, path, part=part: BUSY if method == "GET" and part in path else OK
        with pytest.raises(Unanswered):
            inspect(Remote(one.remote.objects), full=False)
    bad.rule = lambda method, path: OK
    assert_whole(one.remote)


def test_without_an_answer_an_apply_stops_before_anything_runs(s3: str, tmp_path: Path) -> None:  # noqa: F811
    with servers.environment("http://127.0.0.1:1", **LEAST):
        made = harness.run(tmp_path, "write", options={"remote": "s3://bucket/prefix"})
    assert (made["status"], made["exit_code"]) == ("refused", 7)
    assert made["codes"] == [(None, "LC1126")]
    assert list(Store.peek(tmp_path / ".lcspec").records) == []


@pytest.mark.slow
def test_an_apply_whose_pushes_fail_goes_on_and_its_next_one_pushes(bad: Proxy, tmp_path: Path) -> None:
    url = servers.url("s3", tmp_path)
    options = {"remote": url}
    bad.rule = lambda method, path: BUSY if "/store/" in path else OK
    made = harness.run(tmp_path, "write", "other+write", options=options)
    assert (made["status"], made["ran"]) == ("ok", 2)
    assert made["unpushed"].startswith("2 results could not be pushed")
    bad.rule = lambda method, path: OK
    made = harness.run(tmp_path, "write", "other+write", options=options)
    assert (made["status"], made["ran"], made["unpushed"]) == ("ok", 0, None)
    third = Machine(tmp_path / "third", url)
    assert len(third.remote.keys()) == 2
    assert_whole(third.remote)


@pytest.mark.slow
@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGKILL])
def test_an_apply_that_is_ended_while_it_pushes_waits_for_nothing_and_the_next_one_pushes(
    bad: Proxy, tmp_path: Path, ends: signal.Signals
) -> None:
    url = servers.url("s3", tmp_path)
    options = {"remote": url}
    bad.rule = lambda method, path: STALL if blobs(method, path) else OK
    process = harness.start(tmp_path, "write", "other+write", options=options)
    deadline = time.monotonic() + 60
    while len(Store.peek(tmp_path / ".lcspec").records) < 2 or not any(blobs(*one) for one in bad.asked):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(ends)
    out, _ = process.communicate(timeout=20)
    if ends == signal.SIGINT:
        made = harness.told(out)
        assert (made["status"], made["exit_code"], made["ran"]) == ("interrupted", 130, 2)
    bad.rule = lambda method, path: OK
    bad.gate.set()
    made = harness.run(tmp_path, "write", "other+write", options=options)
    assert (made["status"], made["ran"], made["reused"], made["unpushed"]) == ("ok", 0, 2, None)
    third = Machine(tmp_path / "third", url)
    assert len(third.remote.keys()) == 2
    assert_whole(third.remote)


@pytest.mark.parametrize(("conflicts", "created"), [(0, True), (2, True), (CREATE_ATTEMPTS, None)])
def test_a_conflict_with_a_creation_that_is_under_way_is_tried_again(
    tmp_path: Path, conflicts: int, created: bool | None
) -> None:
    objects = open_objects(f"file://{tmp_path}/remote")
    create, left = objects._dialect.create, [conflicts]

    class Conflict(OSError):
        response = {"ResponseMetadata": {"HTTPStatusCode": 409}}

    def contended(path: str, data: bytes) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise Conflict("another one is under way")
        create(path, data)

    objects._dialect.create = contended
    if created is None:
        with pytest.raises(Unanswered, match="another one is under way"):
            objects.create("x", b"1")
    else:
        assert objects.create("x", b"1")
        assert objects.read("x") == b"1"


def test_a_place_that_overwrites_what_it_should_create_is_refused(tmp_path: Path) -> None:
    one = Machine(tmp_path / "one", f"file://{tmp_path}/remote", attached=False)
    create = one.remote.objects._dialect.replace  # a place that does not know conditions
    one.remote.objects._dialect.create = create
    for _ in range(2):
        with pytest.raises(LcspecError, match="overwrites what it should only create") as caught:
            one.behind.attach(one.store)
        assert caught.value.diagnostics[0].code == "LC1125"


def test_a_bucket_that_is_not_there_is_told(s3: str, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(LcspecError, match="`s3://no-such-bucket/x` is not there") as caught:
        Machine(tmp_path / "one", "s3://no-such-bucket/x")
    assert caught.value.diagnostics[0].code == "LC1125"


def test_a_large_file_travels_in_parts_and_an_abandoned_upload_is_seen_by_nobody_and_swept(
    s3: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dialect, "PART", 5 << 20)  # the least that S3 takes
    url = servers.url("s3", tmp_path)
    one = Machine(tmp_path / "one", url)
    folder = one.store.work("x")
    folder.mkdir()
    (folder / "model.bin").write_bytes(bytes(range(256)) * (12 << 12))  # 12 MiB: two parts and a rest
    record = one.publish(1)
    made = one.store.publish(type(record)(key(2), "step:2", "k/a", {}, {}), {"out": folder})
    one.behind.take(planned(2), made)
    assert one.settle().warnings == []
    other = Machine(tmp_path / "other", url)
    assert other.need(2).warnings == []
    assert file_of(other, 2, "model.bin") == file_of(one, 2, "model.bin")
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    client = servers.client()
    client.create_multipart_upload(Bucket=bucket, Key=f"{prefix}/store/ab/{'ab' * 32}")
    client.create_multipart_upload(Bucket=bucket, Key="another/place")
    assert inspect(one.remote, full=False).notes == ["1 uploads that were not finished, or not yet"]
    assert one.remote.objects.unfinished(0.0, remove=True) == []
    assert one.remote.objects.unfinished(2e10, remove=True) == [f"store/ab/{'ab' * 32}"]
    assert [one["Key"] for one in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["another/place"]
    assert inspect(one.remote, full=True).notes == []


@pytest.mark.parametrize("kind", ["file", "s3"])
@pytest.mark.parametrize("part", [64 << 20, 200_000])
def test_a_blob_that_changes_after_it_was_looked_at_is_not_pushed(
    s3: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    part: int,
) -> None:
    monkeypatch.setattr(dialect, "PART", part)
    one = Machine(tmp_path / "one", servers.url(kind, tmp_path))
    record = one.publish(1)
    blob = one.store.blob(file_of(one, 1, "model.bin"))
    blob.chmod(0o644)
    blob.write_bytes(bytes(300_000))
    monkeypatch.setattr(one.store.blobs, "sound", lambda digest: True)
    one.behind.take(planned(1), record)
    assert [warning.code for warning in one.settle().warnings] == ["LC1104"]
    assert (one.behind.left(), dict(Machine(tmp_path / "other", one.url).records)) == (None, {})
    assert one.remote.objects.find(blob_name(blob.name)) is None
    assert one.remote.objects.unfinished(time.time() + 1, remove=False) == []
