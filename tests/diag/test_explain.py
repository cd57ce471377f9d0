"""Every code has a page, and each page that shows a faulty spec is right about it."""

import re
from pathlib import Path

import pytest

from lcspec import api
from lcspec.diag.codes import TITLES
from lcspec.diag.pages import page as parts

PACKAGE = Path(__file__).parents[2] / "lcspec"
PAGES = sorted((PACKAGE / "diag" / "explain").glob("*.md"))
SHOWN = [page for page in PAGES if "## Fails" in page.read_text(encoding="utf-8")]


def codes(folder: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return [(found.code, found.severity) for found in api.load(folder / "spec.yaml").diagnostics]


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert [page.stem for page in PAGES] == sorted(TITLES)
    assert len(SHOWN) >= 130
    for page in PAGES:
        assert page.read_text(encoding="utf-8").startswith(f"# {page.stem}: {TITLES[page.stem]}\n")


def test_every_code_that_the_source_names_has_a_title() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    named = {code for file in files for code in re.findall(r'"(LC\d{4})"', file.read_text(encoding="utf-8"))}
    assert named == set(TITLES)
    assert len(named) >= 200


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_the_faulty_spec_raises_its_code_and_no_other(page: Path, tmp_path: Path) -> None:
    found = codes(tmp_path, parts(page.stem).fails)
    assert {code for code, _ in found} == {page.stem}
    assert len({severity for _, severity in found}) == 1


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_the_fixed_spec_raises_nothing(page: Path, tmp_path: Path) -> None:
    assert codes(tmp_path, parts(page.stem).fixed) == []
