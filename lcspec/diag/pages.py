"""The page of a code in its parts: what `explain` and SARIF tell about it."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lcspec.diag.codes import TITLES

_FOLDER = Path(__file__).parent / "explain"
_FENCE = re.compile(r"```(?:yaml|text name=(?P<name>\S+))\n(?P<text>.*?)```\n", re.DOTALL)


class Page(NamedTuple):
    """One page: `fails` and `fixed` map file names to texts (`spec.yaml` is the spec); empty where none shows it."""

    code: str
    title: str
    markdown: str
    why: str
    fails: dict[str, str]
    fixed: dict[str, str]


@cache
def page(code: str) -> Page:
    """The page of `code`; KeyError when there is none."""
    title = TITLES[code]
    text = (_FOLDER / f"{code}.md").read_text(encoding="utf-8")
    why = text.partition("\n")[2].partition("\n## ")[0].strip()
    return Page(code, title, text, why, _blocks(text, "Fails"), _blocks(text, "Fixed"))


def _blocks(text: str, section: str) -> dict[str, str]:
    body = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return {match["name"] or "spec.yaml": match["text"] for match in _FENCE.finditer(body)}
