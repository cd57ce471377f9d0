"""Which steps look at test: all that ask a model about its rows, whatever the suite calls that."""

import pytest

from lcspec.run.looks import Look, look_of


@pytest.mark.parametrize(
    ("step", "look"),
    [
        ("predict:topics.test:finalist", Look("topics", "finalist")),
        ("judge:texts.test:finalist/int8", Look("texts", "finalist/int8")),
        ("predict:topics.validation:finalist", None),
        ("score:topics.test:finalist", None),
        ("compare:topics.test:finalist", None),
        ("train:rung-1.winner/lora", None),
    ],
)
def test_what_asks_about_test_rows_is_a_look(step: str, look: Look | None) -> None:
    assert look_of(step) == look
