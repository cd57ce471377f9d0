"""Rows that do not fit: which are counted, and when a model's tokenizer is asked at all."""

from lcspec.compile.asking import Fields
from lcspec.compile.known import Counter
from lcspec.compile.tokens import Shown, over
from lcspec.rowset import Row

PROMPT = Fields({"user": "Say: {{ text }}", "system": "Answer."}, {})
FRAME = len("Answer. Say: ")


def rows(*texts: str) -> list[Row]:
    return [Row(str(number), {"text": text}, target="y") for number, text in enumerate(texts)]


def bytewise() -> Counter:
    return lambda text: len(text.encode())


def test_no_tokenizer_is_asked_where_even_the_bytes_fit() -> None:
    def never() -> Counter:
        raise AssertionError("asked")

    assert over(Shown(rows("a" * 20, "b")), PROMPT, never, FRAME + len("a" * 20 + " y")).rows == 0
    assert over(Shown([]), PROMPT, never, 0).rows == 0


def test_a_row_of_few_characters_and_many_bytes_is_counted_too() -> None:
    shown = Shown(rows("a" * 12, "\N{FIRE}" * 10, "b"))
    assert over(shown, PROMPT, bytewise, FRAME + 20).rows == 1
    assert over(shown, PROMPT, bytewise, FRAME + 13).rows == 2
    assert "takes 55 tokens" in over(shown, PROMPT, bytewise, FRAME + 20).how


def test_what_a_prompt_truncates_is_shown_short() -> None:
    shown = Shown(rows("one two three"))
    short = Fields({**PROMPT.values, "truncate": {"text": 1}}, {})
    assert shown.texts(PROMPT) == ("one two three y",)
    assert shown.texts(short) == ("one y",)
    assert over(shown, short, bytewise, FRAME + len("one y")).rows == 0
    assert over(shown, PROMPT, bytewise, FRAME + len("one y")).rows == 1


def test_without_a_tokenizer_an_estimate_is_told_with_caution() -> None:
    shown = Shown(rows("x" * 4000))
    assert over(shown, PROMPT, lambda: None, 600).rows == 1
    assert over(shown, PROMPT, lambda: None, 700).rows == 0
