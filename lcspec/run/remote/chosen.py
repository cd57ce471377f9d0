"""Which remote store a command means: the one that it was told, else the one of `lcspec.toml`."""

from pathlib import Path

from lcspec.run.behind import NOTHING, Behind
from lcspec.run.remote.behind import RemoteBehind
from lcspec.run.remote.place import open_objects, unusable
from lcspec.run.remote.remote import Remote
from lcspec.run.settings import remote_of

NONE, CONFIGURED = "none", "remote"


def url_of(root: Path, said: str | None) -> str | None:
    """The URL that is meant by a project at `root`; None without a remote store.

    `said` is a URL, `none`, or `remote` for the one of `lcspec.toml`; without it, that one if there is one.

    Raises:
        LcspecError: LC1125 (exit 2), there is none; LC1212 (exit 2), `lcspec.toml` is wrong.
    """
    if said == NONE:
        return None
    found = said if said and said != CONFIGURED else remote_of(root)
    if said and found is None:
        raise unusable("`lcspec.toml` names no remote store", 'write `remote = "s3://bucket/prefix"` under `[store]`')
    return found


def open_remote(url: str, store: Path) -> Remote:
    """The remote store under `url`, behind the local one in `store`; nothing is asked of it yet."""
    return Remote(open_objects(url), store / "cache" / "remote")


def behind_of(root: Path, store: Path, said: str | None) -> Behind:
    """What lies behind the local `store` of the project at `root`; see `url_of` for what may be said."""
    url = url_of(root, said)
    return NOTHING if url is None else RemoteBehind(open_remote(url, store))
