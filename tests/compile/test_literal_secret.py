"""Values that look like keys are refused; what only resembles them is not."""

import pytest

from lcspec.compile.rules.literal_secret import looks_like

SECRETS = [
    "hf_" + "a1" * 17,
    "sk-ant-" + "b2" * 12,
    "AKIAIOSFODNN7EXAMPLE",
    "AIza" + "c" * 35,
    "ghp_" + "d" * 36,
    "glpat-" + "e" * 20,
    "xoxb-1234567890-abc",
    "-----BEGIN RSA PRIVATE KEY-----",
    "https://me:hunter22@index.example/packages",
]
PLAIN = [
    "News: {{ text }}",
    "https://example.org:8000/path",
    "https://${user}:${password}@index.example/",
    "desk-oriented work",
    "hf_internal_testing",
    "HuggingFaceTB/SmolLM2-135M-Instruct",
    "sk-learn",
    "ask-me-anything",
    "0" * 64,
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_known_for_one_also_inside_a_text(text: str) -> None:
    assert looks_like(text)
    assert looks_like(f"use {text} here")


@pytest.mark.parametrize("text", PLAIN)
def test_what_only_resembles_one_is_let_through(text: str) -> None:
    assert looks_like(text) is None
