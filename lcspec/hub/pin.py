"""A repository to its pin: the commit, and of each file that is meant its size and SHA-256.

A member is a path, or a choice that is made when locking (`@model`, `@rows:CONFIG`, `@files:SPLIT=PATTERN`); a choice
is pinned by the digest of the list of its files, so that it moves when any of them does.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lcspec.canon import digest
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.diag.suggest import did_you_mean
from lcspec.hub.body import FILES, MODEL, ROWS, HubBody
from lcspec.hub.client import Hub, Wanted
from lcspec.hub.select import NotThere, match, model_files, row_files, safe
from lcspec.modelfacts import languages_of, source_facts

LARGEST_README = 1 << 20
LARGEST_CODE = 4 << 20  # bytes of one Python file of a model


def connect(body: HubBody) -> Hub:
    """The client for the repository that `body` names.

    Raises:
        LcspecError: LC1006, the variable that should hold the token is not set.
    """
    token = os.environ.get(body.token.env, "").strip() if body.token else None
    if token == "" and body.token:
        message = f"`{body.token.env}`, which should hold the token for `{body.repo}`, is not set"
        help = f"set it where you run lcspec: `export {body.token.env}=…`"
        raise LcspecError([Diagnostic("LC1006", message, help=help)], 4)
    return Hub(body.type, body.repo, token=token, hosts=body.hosts)


def pin(body: HubBody, members: Sequence[str], cache: Path, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the lock holds: `commit`, `members` with digests, `choices` (split to paths) and `files` of it all.

    `languages` are those of the card, where it names some; `code` are the Python files of a model, with their digests
    and what they import beside them, so that a check can tell what would run. Both reach no key; code is not fetched
    by a step unless it is a member.

    Small files whose SHA-256 the hub does not keep are downloaded and hashed.

    Raises:
        LcspecError: the repository or a member is not there, or cannot be used.
    """
    hub = connect(body)
    commit = str(known["commit"]) if known else None
    info = hub.info(commit or body.revision)
    listing = {str(one["rfilename"]): one for one in info.get("siblings", ()) if safe(str(one.get("rfilename", "")))}
    work = _Pinning(hub, body, str(info["sha"]), listing, cache, dict(known["files"]) if known else {})
    digests = dict(known["members"]) if known else {}
    choices = dict(known["choices"]) if known else {}
    for member in members:
        if member.startswith("@"):
            choices[member] = {split: list(paths) for split, paths in work.choose(member).items()}
            pinned = {split: {p: work.file(p)["sha256"] for p in paths} for split, paths in choices[member].items()}
            digests[member] = digest(pinned)
        else:
            digests[member] = work.file(member)["sha256"]
    card = info.get("cardData")
    languages = languages_of(card.get("language")) if isinstance(card, dict) else None
    said: dict[str, Any] = {"languages": languages} if languages else {}
    if MODEL in digests and (code := work.code()):
        said["code"] = code
    return {"commit": work.commit, "members": digests, "choices": choices, "files": work.files, **said}


def narrowed(pinned: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    """The pin with what `wanted` members need and nothing else."""
    choices = {name: pinned["choices"][name] for name in sorted(wanted) if name.startswith("@")}
    paths = {path for splits in choices.values() for listed in splits.values() for path in listed}
    paths |= {name for name in wanted if not name.startswith("@")}
    return {
        "commit": pinned["commit"],
        "members": {name: pinned["members"][name] for name in sorted(wanted)},
        "choices": choices,
        "files": {path: pinned["files"][path] for path in sorted(paths)},
        **{name: pinned[name] for name in ("languages", "code") if name in pinned},
    }


class _Pinning:
    """The state of one pinning: the listing of a commit, and what has been pinned of it."""

    def __init__(
        self, hub: Hub, body: HubBody, commit: str, listing: Mapping[str, Any], cache: Path, files: dict[str, Any]
    ) -> None:
        self.hub, self.body, self.commit = hub, body, commit
        self.listing, self.cache, self.files = listing, cache, files

    def file(self, path: str) -> Mapping[str, Any]:
        """Size and SHA-256 of one file."""
        if path not in self.files:
            entry = self.listing.get(path)
            if entry is None:
                help = did_you_mean(path, self.listing, "files")
                raise _unusable(self.body.repo, f"it has no file `{path}` at {self.commit[:12]}", help)
            large = entry.get("lfs") or {}
            sha, size = large.get("sha256"), large.get("size", entry.get("size"))
            if not sha:
                sha = self.hub.download(self.commit, Wanted(path, size, None), self.cache)
                self._verify(path, entry, sha)
                size = (self.cache / sha).stat().st_size
            self.files[path] = {"sha256": sha, "size": size}
        found: Mapping[str, Any] = self.files[path]
        return found

    def _verify(self, path: str, entry: Mapping[str, Any], sha: str) -> None:
        """A small file against the git object id of the listing."""
        said = entry.get("blobId")
        if not said:
            return
        data = (self.cache / sha).read_bytes()
        found = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        if said != found:
            (self.cache / sha).unlink()
            message = f"`{self.body.repo}`: `{path}` is git object {found[:12]}…, the hub lists {said[:12]}…"
            raise LcspecError([Diagnostic("LC1004", message, help="lock again; if it stays, report it to the hub")], 4)

    def choose(self, member: str) -> Mapping[str, tuple[str, ...]]:
        """The files of a choice by split (a model has one, called `model`)."""
        try:
            if member == MODEL:
                return {"model": model_files(self.listing)}
            if member.startswith(ROWS):
                return row_files(self.listing, self._readme(), member.removeprefix(ROWS))
            split, _, pattern = member.removeprefix(FILES).partition("=")
            found = match(pattern, self.listing)
            if not found:
                raise NotThere(f"no file matches `{pattern}`", did_you_mean(pattern, self.listing, "files"))
            return {split: found}
        except NotThere as fault:
            message, help = fault.args
            raise _unusable(self.body.repo, message, help, "LC1009" if fault.unsafe else "LC1005") from None

    def code(self) -> dict[str, Any]:
        """What is known of the Python files beside the weights; they are read, and nothing of them runs."""
        found = {}
        for path, entry in sorted(self.listing.items()):
            if path.endswith(".py") and "/" not in path and (entry.get("size") or 0) <= LARGEST_CODE:
                sha = self.hub.download(self.commit, Wanted(path, entry.get("size"), None), self.cache)
                self._verify(path, {} if entry.get("lfs") else entry, sha)
                found[path] = source_facts((self.cache / sha).read_bytes())
        return found

    def _readme(self) -> str:
        size = self.listing.get("README.md", {}).get("size") or 0
        if "README.md" not in self.listing or size > LARGEST_README:
            return ""
        sha = self.hub.download(self.commit, Wanted("README.md", size or None, None), self.cache)
        return (self.cache / sha).read_text(encoding="utf-8", errors="replace")


def _unusable(repo: str, why: str, help: str, code: str = "LC1005") -> LcspecError:
    return LcspecError([Diagnostic(code, f"`{repo}` cannot be used: {why}", help=help)], 4)
