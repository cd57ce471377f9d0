"""A spec is reviewed, committed, embedded in plans and releases: it refers to secrets and never holds one."""

import re

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.document import Mapping, Node, Scalar, Sequence
from lcspec.ir.document import Path as SpecPath
from lcspec.ir.spec import Spec

# What services call their keys; each form is unmistakable, so that no prompt or path is taken for one.
_FORMS = {
    "a token of the Hugging Face hub": r"\bhf_[A-Za-z0-9]{30,}\b",
    "an API key": r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}\b",
    "a key of a cloud account": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a key of a cloud project": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a token of a code host": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{50,}|glpat-[A-Za-z0-9_-]{20,})\b",
    "a token of a chat service": r"\bxox[abprs]-[A-Za-z0-9-]{10,}\b",
    "a private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    "a password in an address": r"\b[a-z][a-z0-9+.-]*://[^/\s:@{}$]+:[^/\s:@{}$]+@[^/\s]",
}
_MARKS = ("hf_", "sk-", "AKIA", "ASIA", "AIza", "gh", "glpat-", "xox", "-----BEGIN ", "://")  # each form has one


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0350 for each value that looks like a key; the value itself is not repeated."""
    _look(report.root, (), report)


def _look(node: Node, path: SpecPath, report: Reporter) -> None:
    if isinstance(node, Mapping):
        for entry in node.entries:
            _look(entry.value, (*path, entry.key), report)
    elif isinstance(node, Sequence):
        for place, item in enumerate(node.items):
            _look(item, (*path, place), report)
    elif isinstance(node, Scalar) and isinstance(node.value, str) and (what := looks_like(node.value)):
        help = "revoke it, and say where its successor is: `{env: NAME}`"
        report.error("LC0350", path, f"this looks like {what}", help)


def looks_like(text: str) -> str | None:
    """What of a secret a text holds, in words; None for what is none."""
    if not any(mark in text for mark in _MARKS):
        return None
    return next((name for name, form in _FORMS.items() if re.search(form, text)), None)
