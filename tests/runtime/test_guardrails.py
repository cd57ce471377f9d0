from __future__ import annotations

import time

import pytest

from lcspec.runtime.guardrails import UNGROUNDED_MESSAGE, GuardResult, check_input, check_output
from lcspec.runtime.pii import find_pii, iban, luhn


def test_long_input_is_refused_or_truncated() -> None:
    guard = {"kind": "max-length", "max_words": 2}
    assert check_input([guard], "a b") == GuardResult("a b")
    assert check_input([guard], "a b c").refused == "max-length"
    cut = check_input([guard | {"action": "truncate"}], "a  b c")
    assert (cut.text, cut.refused, cut.notes) == ("a b", None, ("max-length: truncate",))


def test_refusal_gives_the_fixed_message_and_nothing_of_the_text() -> None:
    made = check_input([{"kind": "blocklist", "words": ["bomb"], "message": "No."}], "a Bomb!")
    assert made == GuardResult("No.", "blocklist", ("blocklist: refuse",))


@pytest.mark.parametrize(
    ("text", "blocked"),
    [
        ("Bad idea", "[blocked] idea"),
        ("badge", None),
        ("so BAD.", "so [blocked]."),
        ("use C++ now", "use [blocked] now"),
        ("very bad day", "[blocked] day"),
        ("(a.b)", "([blocked])"),
        ("axb", None),
    ],
)
def test_blocklist_takes_whole_words_in_any_case(text: str, blocked: str | None) -> None:
    guard = {"kind": "blocklist", "action": "redact", "words": ["bad", "c++", "very bad", "a.b"]}
    assert check_input([guard], text).text == (blocked or text)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("mail a.b+c@ex-ample.co.uk now", "mail [email] now"),
        ("card 4111 1111 1111 1111.", "card [card]."),
        ("card 4111-1111-1111-1111", "card [card]"),
        ("order 4111 1111 1111 1112", "order 4111 1111 1111 1112"),
        ("IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [iban] please"),
        ("IBAN GB82WEST12345698765432", "IBAN [iban]"),
        ("GB82WEST12345698765431", "GB82WEST12345698765431"),
        ("call +49 (0)30 1234567 or 020 7946 0958", "call [phone] or [phone]"),
        ("on 2026-11-23 12 people paid 1,250.00", "on 2026-11-23 12 people paid 1,250.00"),
        ("version 1.2.3 of 100 items", "version 1.2.3 of 100 items"),
    ],
)
def test_personal_data_is_found_by_its_form_and_check_digits(text: str, redacted: str) -> None:
    assert check_input([{"kind": "pii", "action": "redact"}], text).text == redacted
    assert (check_input([{"kind": "pii"}], text).refused == "pii") is (text != redacted)


def test_only_the_named_types_are_looked_for() -> None:
    guard = {"kind": "pii", "action": "redact", "types": ["email"]}
    assert check_input([guard], "a@b.de 4111111111111111").text == "[email] 4111111111111111"


def test_check_digits() -> None:
    assert luhn("79927398713")
    assert not luhn("79927398710")
    assert iban("FR14 2004 1010 0505 0001 3M02 606")


@pytest.mark.parametrize("text", ["1" * 50_000, "a" * 50_000 + "@", "1 " * 25_000, "a.b@" * 12_000, "AB12" * 12_000])
def test_search_stays_fast_on_hostile_text(text: str) -> None:
    began = time.perf_counter()
    find_pii(text)
    assert time.perf_counter() - began < 2


def test_answer_outside_the_label_set_is_refused() -> None:
    assert check_output([{"kind": "label-set"}], "oil", labels=["oil"]).refused is None
    assert check_output([{"kind": "label-set"}], "gas", labels=["oil"]).refused == "label-set"
    assert check_output([{"kind": "label-set", "labels": ["gas"]}], "gas", labels=["oil"]).refused is None


def test_ungrounded_answer_is_refused_with_a_fixed_text() -> None:
    context = "The office opens at nine on weekdays."
    good, bad = "It opens at nine.", "It opens at noon on 25 May."
    assert check_output([{"kind": "grounded"}], good, context=context).refused is None
    made = check_output([{"kind": "grounded"}], bad, context=context)
    assert (made.text, made.refused) == (UNGROUNDED_MESSAGE, "grounded")
    assert check_output([{"kind": "grounded", "min_share": 0.3}], bad, context=context).refused is None
    assert check_output([{"kind": "grounded"}], "", context=context).refused == "grounded"


def test_guards_run_in_order_and_the_first_refusal_ends_it() -> None:
    guards = [
        {"kind": "pii", "action": "redact"},
        {"kind": "max-length", "max_words": 1},
        {"kind": "blocklist", "words": ["x"]},
    ]
    made = check_input(guards, "x a@b.de")
    assert (made.refused, made.notes) == ("max-length", ("pii: redact", "max-length: refuse"))


@pytest.mark.parametrize(
    "guard",
    [
        {"kind": "toxicity"},
        {},
        {"kind": "grounded"},
        {"kind": "label-set"},
        {"kind": "pii", "action": "truncate"},
        {"kind": "pii", "types": ["passport"]},
        {"kind": "pii", "words": ["x"]},
        {"kind": "blocklist"},
        {"kind": "max-length"},
        {"kind": "max-length", "max_words": 0},
        {"kind": "max-length", "max_words": True},
    ],
    ids=str,
)
def test_guard_that_would_not_work_is_an_error_on_any_text(guard: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="guard"):
        check_input([guard], "harmless")
