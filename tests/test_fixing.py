"""Fixes do what they say: a safe one removes its diagnostic and brings no other, and doing it again changes nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcspec.cli.check import command
from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.fixing import edited, repaired
from lcspec.project import rewrite
from tests.compile.mutate import edited as mutated
from tests.compile.test_mutations import SPECS, checked

QUICKSTART = SPECS["quickstart.yaml"]

# name: (as it should be, as it was written, whether repairing it is safe)
BREAKS = {
    "no version": ("lcspec: 1\n", "", True),
    "version as a text": ("lcspec: 1\n", 'lcspec: "1"\n', True),
    "snake case": ("learning-rate:", "learning_rate:", True),
    "capitals in a section": ("\nprompts:\n", "\nPrompts:\n", True),
    "plural of a unit": ("2 GiB", "2 GiBs", True),
    "unit in words": ("2 GiB", "2 gibibytes", True),
    "number as a text": ("rank: 8", 'rank: "8"', True),
    "small number as a text": ("0.001", "'1e-3'", True),
    "yes and no": ("redistributable: false", "redistributable: no", True),
    "boolean as a text": ("redistributable: false", 'redistributable: "false"', True),
    "version of a package as a number": ('version: "0.2"', "version: 0.2", True),
    "one metric for a list": ("metrics: [accuracy]", "metrics: accuracy", True),
    "kind in capitals": ("kind: gguf", "kind: GGUF", True),
    "duplicate with an equal value": ("seed: 7}", "seed: 7, seed: 7}", True),
    "duplicate line": ("name: newsdesk\n", "name: newsdesk\nname: newsdesk\n", True),
    "tab": ("  smollm2: ", "\tsmollm2: ", True),
    "tabs in a block": ("  few-shot:\n    extends", "\tfew-shot:\n\t\textends", True),
    "zero-width space": ("name: newsdesk", "name: news\u200bdesk", True),
    "mark inside": ("name: newsdesk", "\ufeffname: newsdesk", True),
    "control character": ("name: newsdesk", "name: newsdesk\x07", True),
    "template without quotes": ('answer-prefix: "{{ Text }}"', "answer-prefix: {{ Text }}", True),
    "misspelt key": ("rank: 8", "rnk: 8", False),
    "misspelt section": ("\nprompts:\n", "\npromts:\n", False),
    "misspelt kind": ("kind: gguf", "kind: ggfu", False),
    "misspelt choice": ("task: classification", "task: classificaton", False),
    "misspelt name": ("data: reuters.train", "data: reutters.train", False),
    "misspelt split": ("data: reuters.train", "data: reuters.trian", False),
    "misspelt metric": ("metric: topics.accuracy", "metric: topics.acuracy", False),
    "misspelt name on the ladder": ("[zero-shot, few-shot]", "[zero-shot, few-shots]", False),
    "direction character": ("name: newsdesk", "name: news\u202edesk", False),
    "capitals in the name": ("name: newsdesk", "name: News Desk", True),
}
BASE = (
    QUICKSTART.replace("version: 1.16.3", 'version: "0.2"')
    .replace("metrics: [accuracy, macro-f1]", "metrics: [accuracy]")
    .replace('answer-prefix: " "', 'answer-prefix: "{{ Text }}"')
)


def spec(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_bytes(text.encode())
    return path


def test_the_base_is_sound_and_has_every_place_once() -> None:
    assert [one for one in checked(BASE) if one.severity == "error"] == []
    assert len(BREAKS) >= 30
    assert {name: BASE.count(good) for name, (good, _, _) in BREAKS.items() if BASE.count(good) != 1} == {}


@pytest.mark.parametrize("name", sorted(BREAKS))
def test_each_break_is_repaired_as_its_fix_promises(name: str, tmp_path: Path) -> None:
    good, bad, safe = BREAKS[name]
    path = spec(tmp_path, BASE.replace(good, bad))
    (found,) = [one for one in checked(path.read_bytes().decode()) if one.severity == "error"]
    assert found.fix is not None
    assert found.fix.safe is safe
    before = repaired(path)
    assert bool(before.after) is safe
    made = repaired(path, unsafe=True)
    assert [one.code for one in made.loaded.diagnostics if one.severity == "error"] == []
    assert len(made.applied) == 1
    assert path.read_bytes().decode() == BASE.replace(good, bad)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.sampled_from(sorted(BREAKS)), min_size=2, max_size=8))
def test_breaks_are_repaired_together_and_once(tmp_path: Path, names: set[str]) -> None:
    text = BASE
    for name in sorted(names):
        good, bad, _ = BREAKS[name]
        text = text.replace(good, bad)  # where two change one place, the first has it
    path = spec(tmp_path, text)
    made = repaired(path, unsafe=True)
    assert [one.code for one in made.loaded.diagnostics if one.severity == "error"] == []
    path.write_bytes(made.after.get(str(path), text).encode())
    again = repaired(path, unsafe=True)
    assert (again.applied, again.after) == ((), {})


def phase(one: Diagnostic) -> str:
    return one.code[:4]


def told(found: list[Diagnostic]) -> set[tuple[str, str]]:
    return {(one.code, one.message) for one in found}


def test_a_safe_fix_of_any_edit_removes_its_diagnostic_and_brings_no_other() -> None:
    fixes = 0
    for seed in range(900):
        text = mutated(list(SPECS.values())[seed % len(SPECS)], seed).text
        found = checked(text)
        for one in found:
            if one.fix is None or not one.fix.safe:
                continue
            fixes += 1
            after = checked(edited(text, one.fix.edits))
            same = [other for other in found if (other.code, other.message) == (one.code, one.message)]
            left = [other for other in after if (other.code, other.message) == (one.code, one.message)]
            assert len(left) < len(same), (seed, one)
            if len({phase(other) for other in found}) == 1 and len(found) > 1:  # not the last of its phase
                assert {pair for pair in told(after) if pair[0][:4] == phase(one)} <= told(found), (seed, one)
    assert fixes >= 30


# --- the command -----------------------------------------------------------------------------------------------------


def check(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout, done.stderr


def test_fix_writes_the_safe_ones_and_tells_them(tmp_path: Path) -> None:
    path = spec(tmp_path, BASE.replace("2 GiB", "2 GiBs").replace("rank: 8", "rnk: 8"))
    path.chmod(0o640)
    code, out, err = check(path, "--fix")
    assert code == 1
    assert path.read_text() == BASE.replace("rank: 8", "rnk: 8")
    assert f"fixed {path}:13 LC0105: write `2 GiB`" in err
    assert "LC0101" in out
    assert path.stat().st_mode & 0o777 == 0o640
    code, out, _ = check(path, "--fix", "--unsafe-fixes")
    assert (code, "no problems" in out or "warning" in out) == (0, True)
    assert path.read_text() == BASE


def test_diff_shows_and_writes_nothing(tmp_path: Path) -> None:
    text = BASE.replace("2 GiB", "2 GiBs")
    path = spec(tmp_path, text)
    code, out, err = check(path, "--diff")
    assert code == 1
    assert "-    memory: {max: 2 GiBs}\n+    memory: {max: 2 GiB}\n" in out
    assert "would fix" in err
    assert path.read_text() == text
    assert check(spec(tmp_path, BASE), "--diff")[:2] == (0, "")


def test_fixes_reach_the_base_that_a_spec_extends_and_keep_a_link_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text(BASE.replace("learning-rate", "learning_rate"))
    (tmp_path / "base.yaml").symlink_to("real.yaml")
    path = spec(tmp_path, "extends: base.yaml\nlcspec: 1\nname: other\n")
    assert check(path, "--fix")[0] == 0
    assert (tmp_path / "base.yaml").is_symlink()
    assert (tmp_path / "real.yaml").read_text() == BASE


def test_line_ends_of_windows_stay(tmp_path: Path) -> None:
    path = spec(tmp_path, BASE.replace("2 GiB", "2 GiBs").replace("\n", "\r\n"))
    assert check(path, "--fix")[0] == 0
    assert path.read_bytes() == BASE.replace("\n", "\r\n").encode()


def test_what_was_set_from_outside_is_not_written_into_the_spec(tmp_path: Path) -> None:
    path = spec(tmp_path, BASE)
    code, _, err = check(path, "--fix", "--unsafe-fixes", "--set", "tuning.lora.rnk=4")
    assert (code, err) == (1, "")
    assert path.read_text() == BASE


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(LcspecError) as raised:
        rewrite(tmp_path / "folder", "text")
    assert [one.code for one in raised.value.diagnostics] == ["LC0019"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("arguments", [["--unsafe-fixes"], ["--diff", "--format", "json"]])
def test_options_that_make_no_sense_are_refused(arguments: list[str], tmp_path: Path) -> None:
    assert check(spec(tmp_path, BASE), *arguments)[0] == 2
