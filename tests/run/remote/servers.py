"""Places for remote stores: memory, a folder, and S3 of moto's server on a free loopback port."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUCKET = "lcspec-tests"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key-for-tests", "AWS_SECRET_ACCESS_KEY": "secret-for-tests"}


@contextmanager
def environment(endpoint: str, **more: str) -> Iterator[None]:
    """The client library's environment for a server."""
    wanted = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": endpoint, "AWS_DEFAULT_REGION": "us-east-1", **more}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


@contextmanager
def moto() -> Iterator[str]:
    """The address of a server of moto, with a bucket."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        with environment(f"http://{host}:{port}"):
            client().create_bucket(Bucket=BUCKET)
            yield f"http://{host}:{port}"
    finally:
        server.stop()


def client():
    import boto3

    return boto3.client("s3")


def url(kind: str, folder: Path) -> str:
    """A place of its own."""
    name = uuid.uuid4().hex
    return {"memory": f"memory://{name}", "file": f"file://{folder}/remote", "s3": f"s3://{BUCKET}/{name}/x"}[kind]
