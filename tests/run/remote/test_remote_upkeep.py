"""`verify` and `gc` of a remote store: what is found, what is mended, what goes and what stays."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lcspec.diag.model import LcspecError
from lcspec.run.garbage import Keep
from lcspec.run.remote import collect as collecting
from lcspec.run.remote.collect import collect
from lcspec.run.remote.inspect import inspect, mend
from lcspec.run.remote.remote import MARK, Remote, blob_name, record_name
from tests.run.remote import servers
from tests.run.remote.machine import Machine, Named, file_of, key


@pytest.fixture(params=["memory", "file", pytest.param("s3", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        request.getfixturevalue("s3")
    return servers.url(request.param, tmp_path)


def found(remote: Remote, *, full: bool = False) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.fault, one.what, one.steps) for one in inspect(Remote(remote.objects), full=full).findings]


def damaged_blob(one: Machine) -> str:
    """A byte of a file differs: only reading it tells."""
    name = blob_name(file_of(one, 1))
    one.remote.objects.replace(name, b"content of 2")
    return name


def cut_blob(one: Machine) -> str:
    name = blob_name(file_of(one, 1, "model.bin"))
    one.remote.objects.replace(name, b"cut")
    return name


def missing_blob(one: Machine) -> str:
    name = blob_name(file_of(one, 1, "model.bin"))
    one.remote.objects.remove(name)
    return name


def damaged_list(one: Machine) -> str:
    name = blob_name(one.store.records[key(1)].outputs["out"])
    one.remote.objects.replace(name, b"{}")
    return name


def damaged_record(one: Machine) -> str:
    name = record_name(key(1))
    one.remote.objects.replace(name, b"{}")
    return name


FAULTS = [
    (cut_blob, [("altered", "blob", ("step:1",))]),
    (missing_blob, [("missing", "blob", ("step:1",))]),
    (damaged_list, [("altered", "blob", ("step:1",))]),
    (damaged_record, [("altered", "record", ())]),
    (damaged_blob, [("altered", "blob", ("step:1",))]),
]


@pytest.mark.parametrize(("fault", "findings"), FAULTS)
def test_a_fault_is_found_with_its_step_and_mended_from_here_or_set_aside(
    machine: Named,
    fault: Callable[[Machine], str],
    findings: list[tuple[str, str, tuple[str, ...]]],
) -> None:
    one, other = machine("one"), machine("other")
    for number in (1, 2):
        one.finish(number)
    assert found(one.remote, full=True) == []
    fault(one)
    full = fault is damaged_blob
    if full:
        assert found(one.remote) == []
    assert found(one.remote, full=full) == findings
    # The machine that has it uploads it.
    report = mend(one.remote, one.store, inspect(one.remote, full=full), full=full)
    assert (report.findings, len(report.repaired)) == ([], 1)
    assert report.repaired[0].startswith("uploaded `")
    assert machine("third").need(1).warnings == []
    # One that has not sets the record aside: the step runs again.
    name = fault(one)
    report = mend(other.remote, other.store, inspect(other.remote, full=full), full=full)
    assert report.findings == []
    assert report.repaired == [f"set `{record_name(key(1))}` aside"]
    assert sorted(machine("fourth").records) == [key(2)]
    assert other.remote.objects.find(name) is None
    assert found(one.remote, full=True) == []


def test_what_does_not_belong_there_is_told_and_what_nothing_needs_is_a_note(machine: Named) -> None:
    one = machine("one")
    one.finish(1)
    one.remote.objects.replace("store/zz", b"?")
    one.remote.objects.replace(blob_name("ab" * 32), b"not that")
    assert found(one.remote) == [("extra", "file", ())]
    assert found(one.remote, full=True) == [("altered", "blob", ()), ("extra", "file", ())]
    report = inspect(one.remote, full=False)
    assert report.notes == ["1 blobs that no record needs, or not yet; `lcspec gc --store` frees the old ones"]
    assert (report.checked["records"], report.checked["blobs"]) == (1, 4)


NOTHING_KEPT = Keep(frozenset(), frozenset(), 0, -60.0)  # all is older than a minute from now


def names(remote: Remote) -> set[str]:
    return {*remote.objects.listed("store"), *remote.objects.listed("records")}


def test_gc_says_then_removes_what_nothing_needs_and_keeps_the_rest_whole(
    machine: Named,
) -> None:
    one = machine("one")
    for number in (1, 2, 3):
        one.finish(number)
    before = names(one.remote)
    keep = NOTHING_KEPT._replace(keys=frozenset({key(1)}))
    released = frozenset(one.store.records[key(2)].outputs.values())
    said = collect(Remote(one.remote.objects), keep, released, remove=False)
    assert names(one.remote) == before
    assert {one.path for one in said.items if one.category == "records"} == {record_name(key(3))}
    done = collect(Remote(one.remote.objects), keep, released, remove=True)
    assert done.items == said.items
    assert names(one.remote) == before - {item.path for item in done.items}
    assert found(one.remote, full=True) == []
    assert sorted(machine("other").records) == [key(1), key(2)]
    assert one.remote.objects.find("clock") is None


def test_gc_removes_old_records_that_were_set_aside(machine: Named) -> None:
    one, other = machine("one"), machine("other")
    one.finish(1)
    damaged_list(one)
    mend(other.remote, other.store, inspect(other.remote, full=False), full=False)
    assert collect(one.remote, NOTHING_KEPT._replace(age=60.0), frozenset(), remove=True).items == ()
    done = collect(Remote(one.remote.objects), NOTHING_KEPT, frozenset(), remove=True)
    assert [item.category for item in done.items] == ["blobs", "blobs", "aside"]
    assert one.remote.objects.listed("aside") == {}


def test_gc_keeps_what_is_young_and_everything_when_a_spec_cannot_be_planned(machine: Named) -> None:
    one = machine("one")
    one.finish(1)
    young = collect(one.remote, NOTHING_KEPT._replace(age=3600.0), frozenset(), remove=True)
    assert (young.items, young.kept["young"]) == ((), 1)
    unplanned = collect(one.remote, NOTHING_KEPT._replace(heads=None), frozenset(), remove=True)
    assert [item.category for item in unplanned.items] == []


def test_gc_spares_blobs_that_a_record_came_to_name_meanwhile(
    machine: Named,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = machine("one"), machine("other")
    one.finish(1)
    one.remote.objects.remove(record_name(key(1)))  # its blobs are garbage now, and another machine pushes the same
    looked = collecting.Contents

    class Racing(looked):  # type: ignore[misc, valid-type]
        def __init__(self, remote: Remote) -> None:
            super().__init__(remote)
            monkeypatch.setattr(collecting, "Contents", looked)
            other.finish(1)

    monkeypatch.setattr(collecting, "Contents", Racing)
    done = collect(Remote(one.remote.objects), NOTHING_KEPT, frozenset(), remove=True)
    assert len(done.items) == 3
    assert found(one.remote, full=True) == []
    assert sorted(machine("third").records) == [key(1)]


def test_gc_of_a_store_with_a_damaged_list_removes_nothing(machine: Named) -> None:
    one = machine("one")
    one.finish(1)
    damaged_list(one)
    before = names(one.remote)
    keep = NOTHING_KEPT._replace(keys=frozenset({key(1)}))
    with pytest.raises(LcspecError, match="is damaged: what it needs is not known") as caught:
        collect(one.remote, keep, frozenset(), remove=True)
    assert (caught.value.exit_code, caught.value.diagnostics[0].code) == (7, "LC1127")
    assert names(one.remote) == before


def test_an_old_blob_is_not_relied_on_but_uploaded_anew(tmp_path: Path) -> None:
    one = Machine(tmp_path / "one", f"file://{tmp_path}/remote")
    one.finish(1)
    [blob] = [path for path in (tmp_path / "remote" / "store").rglob("*") if path.name == file_of(one, 1)]
    old = time.time() - 7 * 3600
    os.utime(blob, (old, old))
    one.remote.objects.remove(record_name(key(1)))
    other = Machine(tmp_path / "other", one.url)
    other.finish(1)
    assert blob.stat().st_mtime > old + 3600


@pytest.mark.parametrize("number", [1, 9])
def test_another_form_is_refused_by_name_and_left_alone(tmp_path: Path, number: int) -> None:
    from lcspec.run.store.seal import seal

    one = Machine(tmp_path / "one", f"file://{tmp_path}/remote")
    one.remote.objects.replace(MARK, seal(b'{"format_version": %d}' % number))
    one.finish(1)
    before = names(one.remote)
    for use in (lambda: Machine(tmp_path / "other", one.url), lambda: inspect(Remote(one.remote.objects), full=True)):
        with pytest.raises(LcspecError, match=f"has format {number}; this lcspec reads and writes 2") as caught:
            use()
        assert caught.value.diagnostics[0].code == "LC1125"
    assert names(one.remote) == before
