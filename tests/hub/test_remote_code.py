"""A repository that brings its own code: the lock knows its files, so that a check can say what would run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.server import FakeHub, serving
from tests.hub.test_kinds import SPEC, lcspec, lock, model, rows
from tests.owncode import AUTO_MAP, BENDING, FILES, allow, digest

CODE = {name: text.encode() for name, text in FILES.items()}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    (tmp_path / "hubs.yaml").write_text(SPEC)
    with serving(FakeHub()) as fake:
        fake.push("model", "org/model", {**model(auto_map=AUTO_MAP), **CODE, "train_it.py": b"print('never')"})
        fake.push("dataset", "org/rows", {"train.jsonl": rows("train", 40), "test.jsonl": rows("test", 8)})
        yield fake


def test_the_lock_tells_what_would_run_and_a_check_what_to_write(hub: FakeHub, tmp_path: Path) -> None:
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    assert not any(
        name.endswith(".py") for name in lock(tmp_path)["sources"]["huggingface:model/org/model@main"]["files"]
    )
    hub.asked.clear()
    done = lcspec(tmp_path, hub, "check", "hubs.yaml", "--format", "json")
    assert done.returncode == 1
    found = [one for one in json.loads(done.stdout)["diagnostics"] if one["severity"] == "error"]
    assert [one["code"] for one in found] == ["LC1009"] * 3
    for name, text in FILES.items():
        assert any(f"file: {name}, sha256: {digest(text)}" in one["help"] for one in found)
    assert hub.asked == []


def test_it_is_allowed_until_the_lock_holds_other_code(hub: FakeHub, tmp_path: Path) -> None:
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    (tmp_path / "hubs.yaml").write_text(SPEC + allow("m"))
    done = lcspec(tmp_path, hub, "check", "hubs.yaml")
    assert done.returncode == 0, done.stdout
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    done = lcspec(tmp_path, hub, "check", "hubs.yaml")
    assert done.returncode == 0, done.stdout
    assert "LC0354" not in done.stdout
    files = lock(tmp_path)["sources"]["huggingface:model/org/model@main"]["files"]
    assert {name: one["sha256"] for name, one in files.items() if name.endswith(".py")} == {
        name: digest(text) for name, text in FILES.items()
    }
    hub.push("model", "org/model", {**model(auto_map=AUTO_MAP), **CODE, "bending.py": CODE["bending.py"] + b"#"})
    assert lcspec(tmp_path, hub, "check", "hubs.yaml").returncode == 0
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml", "--update").returncode == 0
    done = lcspec(tmp_path, hub, "check", "hubs.yaml")
    assert done.returncode == 1
    assert digest(BENDING + "#") in done.stdout


def test_code_of_another_repository_is_refused_whatever_is_allowed(hub: FakeHub, tmp_path: Path) -> None:
    elsewhere = {**AUTO_MAP, "AutoModelForCausalLM": "org/other--modeling_bent.BentForCausalLM"}
    hub.push("model", "org/model", {**model(auto_map=elsewhere), **CODE})
    (tmp_path / "hubs.yaml").write_text(SPEC + allow("m"))
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    done = lcspec(tmp_path, hub, "check", "hubs.yaml")
    assert done.returncode == 1
    assert "org/other--modeling_bent" in done.stdout


def test_files_of_a_repository_that_a_folder_names_are_known_to_the_lock_too(hub: FakeHub, tmp_path: Path) -> None:
    named = ", ".join(["config.json", "tokenizer.json", "model-00001-of-00002.safetensors", *FILES])
    own = f"{{m: {{kind: folder, path: ., files: [{named}], from: {{kind: huggingface, repo: org/model}}}}}}"
    spec = SPEC.replace("{m: {kind: huggingface, repo: org/model}}", own)
    (tmp_path / "hubs.yaml").write_text(spec + allow("m"))
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    done = lcspec(tmp_path, hub, "check", "hubs.yaml")
    assert done.returncode == 0, done.stdout
    hub.push("model", "org/model", {**model(auto_map=AUTO_MAP), **CODE, "bending.py": CODE["bending.py"] + b"#"})
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml", "--update").returncode == 0
    done = lcspec(tmp_path, hub, "check", "hubs.yaml")
    assert done.returncode == 1
    assert digest(BENDING + "#") in done.stdout


@pytest.mark.slow
def test_a_step_fetches_what_is_allowed_and_hashes_it_again(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "hubs.yaml").write_text(SPEC + allow("m"))
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml").returncode == 0
    hub.asked.clear()
    done = lcspec(tmp_path, hub, "apply", "hubs.yaml", "--target", "convert:models.m")
    assert done.returncode == 0, done.stderr
    assert not any(path.endswith("train_it.py") for path, _, _ in hub.asked)
    # The lock is edited by hand to other bytes; the entry of `allow` is not.
    other = BENDING + "#"
    hub.push("model", "org/model", {**model(auto_map=AUTO_MAP), **CODE, "bending.py": other.encode()})
    assert lcspec(tmp_path, hub, "lock", "hubs.yaml", "--update").returncode == 0
    pins = (tmp_path / "hubs.lock.json").read_text()
    data = json.loads(pins)
    del data["models"]["m"]["code"]
    (tmp_path / "hubs.lock.json").write_text(json.dumps(data))
    done = lcspec(tmp_path, hub, "apply", "hubs.yaml", "--target", "convert:models.m")
    assert done.returncode == 4
    assert "LC1009" in done.stderr
    assert digest(other) in done.stderr
