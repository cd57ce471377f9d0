"""Near copies between two lists of texts, at a bounded cost."""

import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

WORDS = 4  # of one shingle
LEAST = 12  # words of a text that can be a near copy; short ones are alike by chance
ALIKE = 0.8  # Jaccard similarity of the shingle sets (Broder 1997)
MOST_TEXTS, MOST_WORDS = 4000, 80  # compared of each list, and of each text: an evenly spaced sample beyond


class Near(NamedTuple):
    """Pairs (index of the left, index of the right text) and how they were found."""

    found: list[tuple[int, int]]
    how: str


def near_pairs(left: Sequence[str], right: Sequence[str]) -> Near:
    """One pair for each text on the right that has a near copy on the left; exact copies are no pairs."""
    index: dict[int, list[int]] = defaultdict(list)
    ours, theirs = _sample(left), _sample(right)
    shingled = {at: _shingles(right[at]) for at in theirs}
    for at, shingles in shingled.items():
        for shingle in shingles:
            index[shingle].append(at)
    found: dict[int, int] = {}
    for at in ours if index else ():
        shingles = _shingles(left[at])
        shared: dict[int, int] = defaultdict(int)
        for shingle in shingles:
            for other in index.get(shingle, ()):
                shared[other] += 1
        for other, count in shared.items():
            union = len(shingles) + len(shingled[other]) - count
            if other not in found and count / union >= ALIKE and left[at] != right[other]:
                found[other] = at
    sampled = len(ours) < len(left) or len(theirs) < len(right)
    how = f"at least {ALIKE:.0%} of their runs of {WORDS} words are the same"
    return Near([(a, b) for b, a in sorted(found.items())], how + (" (a sample of the rows)" if sampled else ""))


def _sample(texts: Sequence[str]) -> list[int]:
    step = max(1, -(-len(texts) // MOST_TEXTS))
    return list(range(0, len(texts), step))


def _shingles(text: str) -> frozenset[int]:
    """Checksums of the runs of words; none for a short text. `hash` would differ between runs."""
    words = re.findall(r"\w+", text.lower())[:MOST_WORDS]
    if len(words) < LEAST:
        return frozenset()
    return frozenset(zlib.crc32(" ".join(words[at : at + WORDS]).encode()) for at in range(len(words) - WORDS + 1))
