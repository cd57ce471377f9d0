"""Releases that machines share: numbered once, promoted for all, and made only of what is there."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lcspec.diag.model import LcspecError
from lcspec.project import Project
from lcspec.run.garbage import Keep
from lcspec.run.gc import collect
from lcspec.run.release import Releases, contents, copies
from lcspec.run.remote.collect import LEAST_AGE
from lcspec.run.remote.collect import collect as collect_remote
from lcspec.run.remote.inspect import inspect, look
from lcspec.run.remote.releases import PROMOTIONS, RELEASES, entry_name
from lcspec.run.remote.remote import record_name
from lcspec.run.store import Store
from lcspec.serving import laid_out, released_service
from tests.faults.project import lcspec
from tests.faults.test_release import apply
from tests.run.remote.machine import Machine, Named, key

NOTHING = Keep(frozenset(), frozenset(), 0, LEAST_AGE)


def make(known: Releases, part: str) -> tuple[int, bool]:
    manifest, new = known.make(
        candidate="c", parts={"model": part}, evidence={}, verdicts=[], spec_sha256="", lock_sha256="", looks=0
    )
    return manifest["number"], new


def releases(machine: Machine) -> Releases:
    return machine.behind.releases(machine.root, "spec")


def test_a_release_has_one_number_for_all_machines(machine: Named) -> None:
    one, other = releases(machine("one")), releases(machine("other"))
    assert make(one, "a" * 64) == (1, True)
    assert make(other, "a" * 64) == (1, False)
    assert make(other, "b" * 64) == (2, True)
    assert [manifest["number"] for manifest in one.all()] == [1, 2]
    assert Releases.local(machine("one").root, "spec").all() == []


def test_machines_that_release_at_once_get_different_numbers(machine: Named) -> None:
    with ThreadPoolExecutor(6) as pool:
        known = [releases(machine(f"m{n}")) for n in range(6)]
        made = list(pool.map(lambda n: make(known[n], f"{n:064x}"), range(6)))
    assert sorted(made) == [(number, True) for number in range(1, 7)]


def test_a_promotion_holds_for_all_and_never_goes_over_another_one(machine: Named) -> None:
    one, other = releases(machine("one")), releases(machine("other"))
    for part in ("a", "b"):
        make(one, part * 64)
    one.promote(1)
    assert other.champion_facts() == {"model": "a" * 64}
    other.promote(2)
    assert (one.promoted(), one.rollback(), other.promoted()) == (2, 1, 1)
    assert other.rollback() is None
    seen = other.shelf.promotions()
    one.promote(2)
    assert not other.shelf.promoted(seen, [1, 1])
    other.shelf.promotions = lambda: seen  # as one that read before the other one wrote
    with pytest.raises(LcspecError) as caught:
        other.promote(1)
    assert (caught.value.diagnostics[0].code, caught.value.exit_code) == ("LC1128", 6)
    assert one.promoted() == 2


def test_a_damaged_entry_is_named_and_set_aside(machine: Named) -> None:
    one = machine("one")
    make(releases(one), "a" * 64)
    releases(one).promote(1)
    for log in (RELEASES, PROMOTIONS):
        name = entry_name(log, "spec", 1)
        one.remote.objects.replace(name, one.remote.objects.read(name).replace(b"1", b"2"))
    with pytest.raises(LcspecError) as caught:
        releases(one).all()
    assert caught.value.diagnostics[0].code == "LC1127"
    assert [finding.path for finding in inspect(one.remote, full=False).findings] == [
        entry_name(RELEASES, "spec", 1),
        entry_name(PROMOTIONS, "spec", 1),
    ]
    assert look(machine("one").remote, one.store, full=False, repair=True).findings == []
    assert (releases(machine("one")).all(), releases(machine("one")).promoted()) == ([], None)


def test_verify_and_gc_know_what_releases_consist_of(machine: Named, place: str) -> None:
    one = machine("one")
    one.finish(1)
    one.finish(2)
    trees = [one.store.records[key(number)].outputs["out"] for number in (1, 2)]
    make(releases(one), trees[0])
    one.remote.objects.remove(record_name(key(1)))  # another project's `gc` that knows of no spec with it
    assert inspect(machine("one").remote, full=True).notes == []
    assert collect_remote(machine("one").remote, NOTHING, frozenset(), remove=False).kept["releases"] == 1
    one.remote.objects.remove(f"store/{trees[0][:2]}/{trees[0]}")
    [finding] = inspect(machine("one").remote, full=False).findings
    assert (finding.fault, finding.releases) == ("missing", ("spec 1",))


# --- whole applies ---------------------------------------------------------------------------------------------------


SPEC = "lcspec: 1\nname: test\nscope: {task: classification, labels: [a, b]}\n"


def url_of(tmp_path: Path) -> str:
    (tmp_path / "remote").mkdir()
    return f"file://{tmp_path}/remote"


def folder(tmp_path: Path, name: str) -> Path:
    (tmp_path / name).mkdir()
    (tmp_path / name / "spec.yaml").write_text(SPEC)
    (tmp_path / name / "lcspec.toml").touch()
    return tmp_path / name


def listed(where: Path, url: str) -> dict[str, Any]:
    done = lcspec(where, "release", "list", "--store", url, "--format", "json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_machine_that_ran_nothing_lists_promotes_and_keeps_the_release_of_another(tmp_path: Path) -> None:
    url, one, other = url_of(tmp_path), folder(tmp_path, "one"), folder(tmp_path, "other")
    made = apply(one, url)
    assert (made["exit_code"], made["release"], made["new"]) == (0, 1, True)
    assert [manifest["number"] for manifest in listed(other, url)["releases"]] == [1]
    assert listed(other, "none")["releases"] == []
    assert lcspec(other, "release", "promote", "1", "--store", url).returncode == 0
    assert listed(one, url)["promoted"] == 1
    again = apply(other, url)
    assert (again["exit_code"], again["ran"], again["release"], again["new"]) == (0, [], 1, False)
    [copy] = copies(other / ".lcspec", "test")
    collect(other / ".lcspec", Keep(frozenset(), frozenset(), 0, 0.0), remove=True)
    store = Store.peek(other / ".lcspec")
    here = [tree for tree in contents(copy) if store.blob(tree).exists()]
    assert copy["parts"]["model"] in here
    for tree in here:
        store.verify_tree(tree)


def test_a_release_waits_until_it_can_be_shared(tmp_path: Path) -> None:
    url, one = url_of(tmp_path), folder(tmp_path, "one")
    blocker = tmp_path / "remote" / "releases"
    blocker.touch()  # no folder can be made there
    made = apply(one, url)
    assert (made["exit_code"], made["release"]) == (7, None)
    assert "the next apply releases" in made["why_not"]
    blocker.unlink()
    again = apply(one, url)
    assert (again["exit_code"], again["ran"], again["release"], again["new"]) == (0, [], 1, True)


def test_what_was_served_before_is_served_without_the_remote_store(machine: Named, tmp_path: Path) -> None:
    url, one, other = url_of(tmp_path), folder(tmp_path, "one"), folder(tmp_path, "other")
    here = Machine(one / ".lcspec", url)
    here.finish(1)
    tree = here.store.records[key(1)].outputs["out"]
    here.behind.releases(here.root, "test").make(
        candidate="c", parts={"service.api": tree}, evidence={}, verdicts=[], spec_sha256="", lock_sha256="", looks=0
    )
    there = Machine(other / ".lcspec", url)
    project = Project(other / "spec.yaml")
    service = released_service(project, None, there.behind)
    with laid_out(project, service, there.behind) as laid:
        assert (laid / "file.txt").read_text() == "content of 1"
    (tmp_path / "remote").rename(tmp_path / "gone")
    (tmp_path / "remote").touch()
    served = released_service(project, 1, there.again(attached=False).behind)
    assert served.warning is not None and served.warning.code == "LC1126"
    with laid_out(project, served, there.behind) as laid:
        assert (laid / "file.txt").read_text() == "content of 1"
    with pytest.raises(LcspecError):
        released_service(Project(one / "spec.yaml"), 2, here.again(attached=False).behind)
