"""Token ids become text that can be streamed: whole characters only, and nothing of a stop string."""

from __future__ import annotations

from collections.abc import Callable, Sequence

UNFINISHED = "\ufffd"


class TextBuffer:
    """Collects the tokens of one answer.

    Attributes:
        ids: the tokens so far.
        text: the text that has been handed out so far.
        stopped: a stop string was met; it and what follows are not part of the text.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], stop: Sequence[str]) -> None:
        self.ids: list[int] = []
        self.text = ""
        self.stopped = False
        self._decode = decode
        self._stop = tuple(item for item in stop if item)

    def push(self, token: int) -> str:
        """Add a token and return the text that has become certain, often empty."""
        self.ids.append(token)
        # A byte-level tokenizer decodes the first bytes of a character to U+FFFD until the last one is there.
        return self._advance(self._decode(self.ids).rstrip(UNFINISHED), final=False)

    def close(self) -> str:
        """Return what was held back, at the end of the answer."""
        return "" if self.stopped else self._advance(self._decode(self.ids), final=True)

    def _advance(self, whole: str, *, final: bool) -> str:
        places = [place for place in (whole.find(stop) for stop in self._stop) if place >= 0]
        if places:
            self.stopped = True
            whole = whole[: min(places)]
        elif not final:
            whole = whole[: len(whole) - self._held(whole)]
        if len(whole) <= len(self.text) or not whole.startswith(self.text):
            return ""
        piece = whole[len(self.text) :]
        self.text = whole
        return piece

    def _held(self, whole: str) -> int:
        """Return how many last characters could be the start of a stop string."""
        return max(
            (size for stop in self._stop for size in range(1, len(stop)) if whole.endswith(stop[:size])), default=0
        )


class EdgeTrimmer:
    """Streams the text that `str.strip` would return of the whole."""

    def __init__(self) -> None:
        self._begun = False
        self._held = ""

    def push(self, piece: str) -> str:
        """Return the part of the text so far that is certain to stay."""
        text = self._held + piece
        if not self._begun:
            text = text.lstrip()
        kept = text.rstrip()
        self._held = text[len(kept) :]
        self._begun = self._begun or bool(kept)
        return kept
