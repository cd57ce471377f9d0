import pytest

from lcspec import assets


def test_finds_templates_and_the_runtime_beside_the_package():
    assert assets.path("templates/report/report.html.jinja").is_file()
    assert assets.path("runtime").parent.name == "lcspec"
    assert "<html" in assets.text("templates/report/report.html.jinja")


def test_the_wheels_own_copy_comes_first(tmp_path, monkeypatch):
    package = tmp_path / "lcspec"
    (package / "_assets/templates").mkdir(parents=True)
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(assets, "_PACKAGE", package)
    assert assets.path("templates") == package / "_assets/templates"


def test_what_is_missing_is_our_bug():
    with pytest.raises(FileNotFoundError, match="templates/nothing"):
        assets.path("templates/nothing")


def test_tree_digest_sees_names_and_contents_and_no_caches(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "_PACKAGE", tmp_path / "lcspec")
    tree = tmp_path / "templates/x"
    (tree / "__pycache__").mkdir(parents=True)
    (tree / "a.py").write_text("1")
    before = assets.tree_digest("templates/x")
    (tree / "__pycache__/a.pyc").write_text("2")
    assert assets.tree_digest("templates/x") == before
    (tree / "a.py").write_text("2")
    changed = assets.tree_digest("templates/x")
    (tree / "a.py").rename(tree / "b.py")
    assert len({before, changed, assets.tree_digest("templates/x")}) == 3


def test_copy_tree_copies_files_that_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "_PACKAGE", tmp_path / "lcspec")
    tree = tmp_path / "templates/x/sub"
    tree.mkdir(parents=True)
    (tree / "a.txt").write_text("1")
    (tree / "a.txt").chmod(0o444)
    assets.copy_tree("templates/x", tmp_path / "out")
    (tmp_path / "out/sub/a.txt").write_text("2")
    assert (tree / "a.txt").read_text() == "1"
