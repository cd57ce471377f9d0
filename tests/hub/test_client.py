"""Downloads from the hub: resumed, verified, and only from where the spec allows."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.hub import client
from lcspec.hub.client import Hub, Wanted
from tests.hub.server import FakeHub, serving

BIG = random.Random(1).randbytes(300_000)
SHA = hashlib.sha256(BIG).hexdigest()
WANTED = Wanted("model.safetensors", len(BIG), SHA)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr(client, "PAUSE", 0)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serving(FakeHub()) as fake:
        monkeypatch.setenv("HF_ENDPOINT", fake.address)
        fake.push("model", "org/m", {"model.safetensors": BIG, "config.json": b"{}"})
        yield fake


def commit(hub: FakeHub) -> str:
    return hub.branches["model", "org/m", "main"]


def refused(code: str, call: object) -> str:
    with pytest.raises(LcspecError) as raised:
        call()  # type: ignore[operator]
    assert [one.code for one in raised.value.diagnostics] == [code]
    assert raised.value.exit_code == 4
    return str(raised.value)


def test_a_file_lands_under_its_digest_and_is_not_fetched_again(hub: FakeHub, tmp_path: Path) -> None:
    assert Hub("model", "org/m").download(commit(hub), WANTED, tmp_path) == SHA
    assert (tmp_path / SHA).read_bytes() == BIG
    asked = len(hub.asked)
    Hub("model", "org/m").download(commit(hub), WANTED, tmp_path)
    assert len(hub.asked) == asked
    assert [path.name for path in tmp_path.iterdir()] == [SHA]


def test_a_damaged_cached_file_is_fetched_again(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / SHA).write_bytes(b"x" * len(BIG))
    Hub("model", "org/m").download(commit(hub), WANTED, tmp_path)
    assert (tmp_path / SHA).read_bytes() == BIG


def test_a_cut_download_goes_on_where_it_ended(hub: FakeHub, tmp_path: Path) -> None:
    hub.cut["model.safetensors"] = 2
    Hub("model", "org/m").download(commit(hub), WANTED, tmp_path)
    assert (tmp_path / SHA).read_bytes() == BIG
    assert [said for _, said, _ in hub.asked] == [None, "bytes=150000-", "bytes=225000-"]


def test_a_server_without_ranges_sends_the_whole_file_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.cut["model.safetensors"], hub.ranges = 1, False
    Hub("model", "org/m").download(commit(hub), WANTED, tmp_path)
    assert (tmp_path / SHA).read_bytes() == BIG


def test_a_download_that_is_always_cut_fails_and_the_next_one_takes_it_up(hub: FakeHub, tmp_path: Path) -> None:
    hub.cut["model.safetensors"] = client.TRIES
    said = refused("LC1008", lambda: Hub("model", "org/m").download(commit(hub), WANTED, tmp_path))
    assert f"in {client.TRIES} tries" in said
    assert not (tmp_path / SHA).exists()
    left = (tmp_path / f"{SHA}.part").stat().st_size
    Hub("model", "org/m").download(commit(hub), WANTED, tmp_path)
    assert (tmp_path / SHA).read_bytes() == BIG
    assert hub.asked[-1][1] == f"bytes={left}-"


def test_another_digest_is_refused_and_nothing_is_kept(hub: FakeHub, tmp_path: Path) -> None:
    hub.lies["model.safetensors"] = BIG[:-1] + bytes([BIG[-1] ^ 1])
    refused("LC1004", lambda: Hub("model", "org/m").download(commit(hub), WANTED, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_more_bytes_than_listed_are_refused(hub: FakeHub, tmp_path: Path) -> None:
    hub.lies["model.safetensors"] = BIG + b"more"
    refused("LC1004", lambda: Hub("model", "org/m").download(commit(hub), WANTED, tmp_path))


def test_a_spoilt_beginning_is_thrown_away_once(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / f"{SHA}.part").write_bytes(b"spoilt")
    Hub("model", "org/m").download(commit(hub), WANTED, tmp_path)
    assert (tmp_path / SHA).read_bytes() == BIG


def test_a_busy_hub_is_asked_again(hub: FakeHub) -> None:
    hub.busy = 2
    assert Hub("model", "org/m").info("main")["sha"] == commit(hub)


def test_what_is_not_there_is_said(hub: FakeHub, tmp_path: Path) -> None:
    assert "no revision `v9`" in refused("LC1005", lambda: Hub("model", "org/m").info("v9"))
    gone = Wanted("nothing.bin", None, None)
    assert "nothing.bin" in refused("LC1005", lambda: Hub("model", "org/m").download(commit(hub), gone, tmp_path))


def test_a_gated_repository_needs_a_token_and_the_token_is_never_shown(hub: FakeHub) -> None:
    hub.gated.add("org/m")
    assert "HTTP 401" in refused("LC1006", lambda: Hub("model", "org/m").info("main"))
    said = refused("LC1006", lambda: Hub("model", "org/m", token="wrong-token").info("main"))
    assert "HTTP 403" in said
    assert "wrong-token" not in said
    assert Hub("model", "org/m", token="secret").info("main")["sha"] == commit(hub)


def test_a_redirect_to_the_same_host_is_followed_without_the_token(hub: FakeHub, tmp_path: Path) -> None:
    with serving(FakeHub()) as store:
        store.commits = hub.commits
        hub.elsewhere = store.address
        Hub("model", "org/m", token="secret").download(commit(hub), WANTED, tmp_path)
        assert hub.asked[-1][2] == "Bearer secret"
        assert [token for _, _, token in store.asked] == [None]


def test_a_redirect_to_another_host_is_refused_until_the_spec_allows_it(hub: FakeHub, tmp_path: Path) -> None:
    with serving(FakeHub(), host="localhost") as store:
        store.commits = hub.commits
        hub.elsewhere = store.address
        said = refused("LC1007", lambda: Hub("model", "org/m").download(commit(hub), WANTED, tmp_path))
        assert "localhost" in said
        assert "signature" not in said
        assert store.asked == []
        Hub("model", "org/m", hosts=("localhost",)).download(commit(hub), WANTED, tmp_path)
        assert (tmp_path / SHA).read_bytes() == BIG


def test_a_range_is_only_what_was_asked_for(hub: FakeHub) -> None:
    assert Hub("model", "org/m").range(commit(hub), "model.safetensors", 10, 30) == BIG[10:30]
    hub.ranges = False
    assert Hub("model", "org/m").range(commit(hub), "model.safetensors", 10, 30) == BIG[10:30]


def test_an_endpoint_that_is_no_address_is_a_diagnostic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc/passwd")
    refused("LC1005", lambda: Hub("model", "org/m"))
