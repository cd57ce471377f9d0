"""The version of the store's form on disk, in `store.json`: a newer one is refused by name, an older one is renewed."""

import json
import os
from pathlib import Path

from lcspec.canon import pretty
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.run.store.files import replace_file
from lcspec.run.store.seal import seal

STORE_FORMAT = 2  # 1 had no seals and no journal


def read_format(root: Path) -> int | None:
    """The version of a store; None where there is none yet."""
    try:
        return int(json.loads((root / "store.json").read_bytes())["format_version"])
    except FileNotFoundError:
        return 1 if (root / "records").is_dir() and any((root / "records").iterdir()) else None
    except (OSError, ValueError, KeyError, TypeError):
        return STORE_FORMAT  # damaged, which `verify` says; what it stands for is written anew


def read_format_strictly(root: Path) -> bool:
    """Whether `store.json` is there and says the format; a store that was never written has none."""
    try:
        return int(json.loads((root / "store.json").read_bytes())["format_version"]) == STORE_FORMAT
    except FileNotFoundError:
        return not (root / "store").exists()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_format(root: Path) -> None:
    """Refuses a store that a newer lcspec made.

    Raises:
        LcspecError: LC1122 (exit 7), naming both versions.
    """
    found = read_format(root)
    if found is not None and found > STORE_FORMAT:
        from lcspec import __version__

        message = f"the store `{root.name}` has format {found}; lcspec {__version__} reads up to {STORE_FORMAT}"
        help = "use the lcspec that made it, or move the folder away: a new store is filled by the next apply"
        raise LcspecError([Diagnostic("LC1122", message, help=help)], 7)


def write_format(root: Path) -> None:
    """Marks the store as one of this form, and brings the records of an older one into it."""
    found = read_format(root)
    path = root / "store.json"
    if found == STORE_FORMAT and path.exists():
        return
    if found == 1:
        _seal_records(root)
    replace_file(path, pretty({"format_version": STORE_FORMAT}).encode(), _staging(root))


def _seal_records(root: Path) -> None:
    """Format 1 to 2: records and releases get seals. After a kill it goes on with those without."""
    found = [*(root / "records").glob("*/*.json"), *(root / "releases").glob("*/[0-9]*.json")]
    for path in sorted(found):
        data = path.read_bytes()
        if data.startswith(b"{\n"):
            replace_file(path, seal(data), _staging(root))


def _staging(root: Path) -> Path:
    return root / "tmp" / f"{os.getpid()}-{os.urandom(6).hex()}"
