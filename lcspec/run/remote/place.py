"""Which place a URL means, and the objects there. fsspec is imported here, when a remote store is asked for."""

import re
from pathlib import Path

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.run.remote.objects import Objects, without_password

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>.*)")
_EXTRA = {"s3": "lcspec[s3]", "s3a": "lcspec[s3]"}


def open_objects(url: str) -> Objects:
    """The objects under `url`; nothing is asked of the place yet.

    Raises:
        LcspecError: LC1125 (exit 2), it is no URL of a place for objects, holds a password, or a library is missing.
    """
    scheme = _scheme(url)
    if scheme == "file":
        from fsspec.implementations.local import LocalFileSystem

        from lcspec.run.remote.folder import Folder

        return Objects(url, LocalFileSystem(skip_instance_cache=True, use_listings_cache=False), Folder())
    import fsspec

    from lcspec.run.remote import s3
    from lcspec.run.remote.anyfs import AnyFs

    is_s3 = scheme in _EXTRA
    options = s3.options() if is_s3 else {"use_listings_cache": False}
    try:
        fs = fsspec.filesystem(scheme, skip_instance_cache=True, **options)
    except ImportError as error:
        name = _EXTRA.get(scheme)
        help = f"`pip install '{name}'`" if name else f"install the fsspec client for `{scheme}://`"
        raise unusable(f"`{scheme}://` needs a library that is not installed: {error.name or error}", help) from None
    except ValueError:
        raise unusable(f"nothing is known of `{scheme}://`", "say `s3://bucket/prefix` or `file:///folder`") from None
    return Objects(url, fs, s3.S3(fs) if is_s3 else AnyFs(fs))


def _scheme(url: str) -> str:
    """The scheme of a URL that can be a store's."""
    help = "say `s3://bucket/prefix` or `file:///folder`"
    if not (match := _URL.fullmatch(url)):
        raise unusable(f"`{without_password(url)}` is no URL of a store", help)
    scheme, rest = match["scheme"], match["rest"]
    if "@" in rest.partition("/")[0]:
        raise unusable(
            f"the URL of the remote store (`{scheme}://`) holds a name or password",
            "leave it out: the client library takes credentials from its environment or its own files",
        )
    if scheme in ("http", "https", "data", "git", "github", "zip", "tar"):
        raise unusable(f"`{scheme}://` cannot be written to", help)
    if not rest.strip("/") or (scheme == "file" and not Path(rest).is_absolute()):
        raise unusable(f"`{url}` names no place", help)
    return scheme


def unusable(message: str, help: str) -> LcspecError:
    """The fault that a place cannot be a remote store (LC1125, exit 2)."""
    return LcspecError([Diagnostic("LC1125", message, help=help)], 2)
