"""S3 and what speaks like it: `If-None-Match: *`, a SHA-256 with every upload, large files in parts.

Credentials, region and endpoint are the client library's own business: environment, `~/.aws`, the machine's role.
"""

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcspec.content import content_digest, new_hasher
from lcspec.run.remote.objects import Altered

PART = 64 << 20  # bytes of a part; 10,000 of them make 625 GiB
CONNECT, READ = 5, 30  # seconds
ATTEMPTS = 4  # of each request, unless AWS_MAX_ATTEMPTS says otherwise


def options() -> dict[str, Any]:
    """What s3fs is told: bounded times and attempts, nothing remembered between questions."""
    config: dict[str, Any] = {"connect_timeout": CONNECT, "read_timeout": READ, "max_pool_connections": 16}
    if "AWS_MAX_ATTEMPTS" not in os.environ:
        config["retries"] = {"total_max_attempts": ATTEMPTS, "mode": "standard"}
    return {"config_kwargs": config, "use_listings_cache": False}


class S3:
    """The dialect of S3."""

    def __init__(self, fs: Any) -> None:
        self._fs = fs
        fs.retries = 1  # s3fs would multiply the attempts of the library below it

    def info(self, path: str) -> Mapping[str, Any]:
        """One request; s3fs would list what is below an object that is not there."""
        bucket, key, _ = self._fs.split_path(path)
        return {**(found := self._fs.call_s3("head_object", Bucket=bucket, Key=key)), "size": found["ContentLength"]}

    def create(self, path: str, data: bytes) -> None:
        """Writes an object that is not there; the server answers 412 when it is."""
        self._fs.pipe_file(path, data, mode="create", ChecksumSHA256=_checksum(data))

    def replace(self, path: str, data: bytes) -> None:
        """Writes an object, whatever is there."""
        self._fs.pipe_file(path, data, ChecksumSHA256=_checksum(data))

    def upload(self, path: str, file: Path, digest: str) -> None:
        """Writes an object from a file, at once or in parts; what is sent is hashed for its name and for the server."""
        if file.stat().st_size > PART:
            self._upload_parts(path, file, digest)
            return
        data = file.read_bytes()
        if content_digest(data) != digest:
            raise Altered(file.name)
        self._fs.pipe_file(path, data, ChecksumSHA256=_checksum(data))

    def _upload_parts(self, path: str, file: Path, digest: str) -> None:
        bucket, key, _ = self._fs.split_path(path)
        where = {"Bucket": bucket, "Key": key}
        upload = self._fs.call_s3("create_multipart_upload", **where, ChecksumAlgorithm="SHA256")["UploadId"]
        parts, hasher = list[dict[str, Any]](), new_hasher()
        try:
            with file.open("rb") as source:
                while data := source.read(PART):
                    number, checksum = len(parts) + 1, _checksum(data)
                    made = self._fs.call_s3(
                        "upload_part", **where, UploadId=upload, PartNumber=number, Body=data, ChecksumSHA256=checksum
                    )
                    parts.append({"PartNumber": number, "ETag": made["ETag"], "ChecksumSHA256": checksum})
                    hasher.update(data)
            if hasher.hexdigest() != digest:
                raise Altered(file.name)
            whole = {"Parts": parts}
            self._fs.call_s3("complete_multipart_upload", **where, UploadId=upload, MultipartUpload=whole)
        except BaseException:
            self._abort(bucket, key, upload)
            raise

    def _abort(self, bucket: str, key: str, upload: str) -> None:
        try:
            self._fs.call_s3("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload)
        except Exception:  # noqa: BLE001 - the first fault is the one to tell; `gc --store` sweeps what is left
            return

    def unfinished(self, root: str, before: float, *, remove: bool) -> list[str]:
        """Uploads in parts that were never completed: nobody sees them, but they are paid for."""
        bucket, _, prefix = f"{root}/".partition("/")
        found, more = [], dict[str, Any]()
        while True:
            told = self._fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix, **more)
            found += told.get("Uploads", [])
            if not told.get("IsTruncated"):
                break
            more = {"KeyMarker": told["NextKeyMarker"], "UploadIdMarker": told["NextUploadIdMarker"]}
        old = [one for one in found if one["Initiated"].timestamp() < before]
        for one in old if remove else ():
            self._abort(bucket, one["Key"], one["UploadId"])
        return [f"{bucket}/{one['Key']}" for one in old]


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
