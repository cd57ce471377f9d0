"""Names of other tools to names of lcspec."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath


def slug(text: str, fallback: str = "entry") -> str:
    """Lower-case words joined by `-`, as names in a spec are written."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    made = "-".join(words)
    return made if made and made[0].isalpha() else f"{fallback}-{made}".rstrip("-")


def short(repo: str, fallback: str = "entry") -> str:
    """The name of an entry for a repository or a file: its last part."""
    return slug(re.sub(r"\.(jsonl?|csv|tsv|parquet|txt|yaml|yml)$", "", PurePosixPath(repo).name), fallback)


def unused(name: str, taken: Iterable[str]) -> str:
    """`name`, with a number where it is taken."""
    known = set(taken)
    number = 2
    made = name
    while made in known:
        made, number = f"{name}-{number}", number + 1
    return made


def is_repo(text: str) -> bool:
    """Whether a text looks like a repository of the hub rather than a path."""
    return re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", text, re.ASCII) is not None
