"""The version of the store's form on disk, in `store.json`: a store of another one is refused by name, not half read.

Digests are in keys, so that results of an older format cannot be carried over: the folder is left as it is.
"""

import json
import os
from pathlib import Path

from lcspec.canon import pretty
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.run.store.files import replace_file

STORE_FORMAT = 3  # 1 had no seals and no journal, 2 named blobs by SHA-256
TREE_FORMAT = 2  # of lists of files; 1 named files by SHA-256
_LOOKS = 20  # records that are asked when the file does not say


def read_format(root: Path) -> int | None:
    """The version of a store; None where there is none yet. What `store.json` does not say its records do."""
    try:
        return int(json.loads((root / "store.json").read_bytes())["format_version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        made = _format_of_records(root)
        return STORE_FORMAT if made is None and not isinstance(error, FileNotFoundError) else made


def _format_of_records(root: Path) -> int | None:
    """The version that a store's records were written by, from the first that can be read; None when none can."""
    for path in sorted(root.glob("records/*/*.json"))[:_LOOKS]:
        try:
            record = json.loads(path.read_bytes())
            if "sha256" not in record:
                return 1
            for tree in record["outputs"].values():
                listed = json.loads((root / "store" / tree[:2] / tree).read_bytes())["format_version"]
                return STORE_FORMAT if listed == TREE_FORMAT else 2
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return None


def read_format_strictly(root: Path) -> bool:
    """Whether `store.json` is there and says the format; a store that was never written has none."""
    try:
        return int(json.loads((root / "store.json").read_bytes())["format_version"]) == STORE_FORMAT
    except FileNotFoundError:
        return not (root / "store").exists()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_format(root: Path) -> None:
    """Refuses a store that an older or a newer lcspec made.

    Raises:
        LcspecError: LC1122 (exit 7), naming both versions.
    """
    found = read_format(root)
    if found is not None and found != STORE_FORMAT:
        from lcspec import __version__

        message = f"the store `{root.name}` has format {found}; lcspec {__version__} reads and writes {STORE_FORMAT}"
        help = f"use the lcspec that made it, or move it away (`mv {root.name} {root.name}-{found}`): "
        help += "the next apply fills a new one"
        raise LcspecError([Diagnostic("LC1122", message, help=help)], 7)


def write_format(root: Path) -> None:
    """Marks the store as one of this form; `check_format` has found no other."""
    path = root / "store.json"
    if not read_format_strictly(root):
        staging = root / "tmp" / f"{os.getpid()}-{os.urandom(6).hex()}"
        replace_file(path, pretty({"format_version": STORE_FORMAT}).encode(), staging)
