"""Rows in a script that no language of the scope is written in."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from lcspec.compile.asking import columns_of, suite_data
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

MOST_ROWS, MOST_LETTERS, SHARE = 200, 200, 0.5
# Scripts by the first word of Unicode's character names; languages by CLDR's likely subtags. Others are Latin.
SCRIPTS = {
    "CYRILLIC": "ru uk bg sr mk be kk ky mn tg tt ba cv",
    "ARABIC": "ar fa ur ps sd ug ckb ks",
    "HEBREW": "he yi iw",
    "GREEK": "el",
    "DEVANAGARI": "hi mr ne sa mai bho",
    "BENGALI": "bn as",
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "ORIYA": "or",
    "SINHALA": "si",
    "THAI": "th",
    "LAO": "lo",
    "KHMER": "km",
    "MYANMAR": "my",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
    "ETHIOPIC": "am ti",
    "HANGUL": "ko",
    "CJK": "zh ja yue",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
}
SEVERAL = frozenset({"sr", "kk", "ky", "mn", "tg", "tt", "pa", "uz", "az", "ku", "ms", "ha", "mul", "und"})
SCRIPT_TAG = re.compile(r"-[a-z]{4}\b", re.IGNORECASE)  # `sr-Latn` says its script itself


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0443 when most letters of a data set's inputs belong to no script of the scope's languages."""
    tags = [tag.lower().partition("-")[0] for tag in spec.scope.languages]
    if not tags or SEVERAL & {*tags} or any(map(SCRIPT_TAG.search, spec.scope.languages)):
        return
    expected = {script for tag in tags for script in written_in(tag)}
    for name, entry in suite_data(spec).items():
        column = getattr(columns_of(entry), "input", "")
        rows = (known.rows(name) or {}).get("test", ())[:MOST_ROWS]
        found = scripts(row.variables.get(column, "") for row in rows)
        total = sum(found.values())
        script, count = found.most_common(1)[0] if found else ("", 0)
        if total and sum(n for one, n in found.items() if one not in expected) > SHARE * total:
            shown = script if script == "CJK" else script.capitalize()
            share = round(100 * count / total)
            message = f"the test rows of `{name}` are written in {shown} ({share} % of their letters)"
            help = "say the languages of these rows under `scope.languages`: models are held against them"
            also = ((("scope", "languages"), ", ".join(spec.scope.languages)),)
            report.warning("LC0443", entry.path, message, help, key=True, also=also)


def written_in(tag: str) -> set[str]:
    """The scripts of a language; Latin for all that are not listed here."""
    return {script for script, tags in SCRIPTS.items() if tag in tags.split()} or {"LATIN"}


def scripts(texts: Iterable[str]) -> Counter[str]:
    """Letters by script, of the first letters of each text."""
    letters = Counter("".join(text[:MOST_LETTERS] for text in texts))
    found: Counter[str] = Counter()
    for letter, count in letters.items():
        if letter.isalpha():
            found["LATIN" if letter.isascii() else unicodedata.name(letter, "").partition(" ")[0]] += count
    return found
