"""Languages of the scope against what a model was made for, and what rows are written in."""

import json
from pathlib import Path

import pytest

from lcspec import api
from lcspec.compile.rules.rows.other_script import scripts, written_in

SPECS = Path(__file__).parents[2] / "specs"


def codes(folder: Path, needed: str, made_for: object) -> list[str]:
    text = (SPECS / "quickstart.yaml").read_text()
    assert "languages: [en]" in text
    (folder / "spec.yaml").write_text(text.replace("languages: [en]", f"languages: {needed}"))
    lock = json.loads((SPECS / "quickstart.lock.json").read_text())
    lock["models"]["smollm2"]["languages"] = made_for
    (folder / "spec.lock.json").write_text(json.dumps(lock))
    return [one.code for one in api.load(folder / "spec.yaml").diagnostics]


@pytest.mark.parametrize(
    ("needed", "made_for", "told"),
    [
        ("[en]", ["en"], False),
        ("[en]", ["eng"], False),
        ("[pt-BR]", ["pt"], False),
        ("[pt]", ["pt-BR"], False),
        ("[sw]", ["multilingual"], False),
        ("[sw]", None, False),
        ("[sw]", [], False),
        ("[en, de]", ["en", "fr"], True),
        ("[de]", ["en"], True),
    ],
)
def test_a_model_is_judged_only_by_the_languages_that_it_lists(
    needed: str, made_for: object, told: bool, tmp_path: Path
) -> None:
    assert codes(tmp_path, needed, made_for) == (["LC0307"] if told else [])


def test_letters_are_counted_by_script_and_signs_are_none() -> None:
    assert scripts(["abc é", "дом, 12!", "東京とカナ", "한국"]) == {
        "LATIN": 4,
        "CYRILLIC": 3,
        "CJK": 2,
        "HIRAGANA": 1,
        "KATAKANA": 2,
        "HANGUL": 2,
    }


def test_japanese_has_three_scripts_and_what_is_not_listed_is_latin() -> None:
    assert written_in("ja") == {"CJK", "HIRAGANA", "KATAKANA"}
    assert written_in("sw") == written_in("en") == {"LATIN"}
