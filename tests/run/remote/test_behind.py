"""Local stores with one remote store behind them: what one machine finished, the other reuses; promises hold."""

import pytest

from lcspec.run.remote.remote import blob_name, record_name
from tests.faults.store_ok import assert_store_ok
from tests.run.remote.machine import Machine, Named, file_of, key, planned


def codes(news) -> list[str]:
    return [warning.code for warning in news.warnings]


def test_what_one_finishes_another_reuses_and_fetches_only_when_it_needs_it(machine: Named) -> None:
    one = machine("one")
    made = [one.publish(number) for number in (1, 2)]
    for number, record in enumerate(made, 1):
        one.behind.take(planned(number), record)
    assert codes(one.settle()) == []
    assert one.behind.left() is None
    other = machine("other")
    assert sorted(other.records) == [key(1), key(2)]
    assert [other.records[key(number)] for number in (1, 2)] == made
    assert other.behind.foreign([planned(1, "reuse")]) == {"step:1": key(1)}
    assert other.here() == []
    assert not list((other.root / "store").rglob("*"))
    news = other.need(2)
    assert (news.adopted, news.plan_anew, news.warnings) == ([made[1]], False, [])
    assert news.told == [("step:2", f"fetching its result from {other.url}")]
    assert other.here() == [key(2)]
    assert other.behind.ready(made[1].outputs.values())
    assert other.behind.foreign([planned(1, "reuse"), planned(2, "reuse")]) == {"step:1": key(1)}
    assert_store_ok(other.root)
    assert_store_ok(one.root)


def test_the_first_writer_wins_and_another_output_is_reported(machine: Named) -> None:
    one, other = machine("one"), machine("other")
    first = one.publish(1, "first")
    one.behind.take(planned(1), first)
    one.settle()
    news = other.finish(1, "second")
    assert codes(news) == ["LC1205"]
    assert "`step:1` made other outputs under the same key" in news.warnings[0].message
    assert news.warnings[0].notes[0].startswith("out/file.txt: ")
    assert other.behind.left() is None
    assert machine("third").records[key(1)] == first
    assert codes(other.finish(2)) == []


def test_measured_outputs_may_differ_and_equal_ones_are_no_news(machine: Named) -> None:
    one, other = machine("one"), machine("other")
    one.finish(1, "12 ms")
    assert codes(other.finish(1, "13 ms", measured=True)) == []
    one.finish(2)
    assert codes(other.finish(2)) == []


def test_what_was_finished_without_the_remote_store_is_pushed_by_the_next_apply(machine: Named) -> None:
    one = machine("one")
    one.publish(1)
    assert "1 here only" in one.behind.shared([planned(1, "reuse")]).words
    one.behind.offer([planned(1, "reuse"), planned(2, "run")])
    one.settle()
    assert sorted(machine("other").records) == [key(1)]
    again = machine("one")
    assert "0 of this plan" in again.behind.shared([planned(1, "reuse")]).words
    again.behind.offer([planned(1, "reuse")])
    assert not again.behind.busy()


def test_a_damaged_blob_is_refused_the_step_runs_again_and_heals_it(machine: Named) -> None:
    one = machine("one")
    one.finish(1)
    one.remote.objects.replace(blob_name(file_of(one, 1)), b"content of 2")
    other = machine("other")
    news = other.need(1)
    assert (news.adopted, news.plan_anew, codes(news)) == ([], True, ["LC1127"])
    assert key(1) not in other.records
    assert other.here() == []
    assert codes(other.finish(1)) == []
    third = machine("third")
    assert codes(third.need(1)) == []
    assert_store_ok(third.root)


def test_a_missing_blob_is_refused_and_another_output_takes_the_place_of_what_is_damaged(machine: Named) -> None:
    one = machine("one")
    one.finish(1, "first")
    one.remote.objects.remove(blob_name(file_of(one, 1, "model.bin")))
    other = machine("other")
    assert codes(other.need(1)) == ["LC1127"]
    assert codes(other.finish(1, "second")) == []
    third = machine("third")
    assert codes(third.need(1)) == []
    assert file_of(third, 1) == file_of(other, 1)


def test_a_damaged_record_is_no_record_and_is_healed(machine: Named) -> None:
    one = machine("one")
    one.finish(1)
    one.remote.objects.replace(record_name(key(1)), b'{"sha256": "00", "key": "x"}')
    other = machine("other")
    assert key(1) not in other.records
    assert codes(other.finish(1)) == ["LC1127"]
    assert codes(machine("third").need(1)) == []


def test_a_damaged_local_blob_is_fetched(machine: Named) -> None:
    one = machine("one")
    one.finish(1)
    digest = file_of(one, 1)
    one.store.blob(digest).chmod(0o644)
    one.store.blob(digest).write_text("broken")
    assert one.store.blobs.need(digest, "file.txt").read_text() == "content of 1"
    assert_store_ok(one.root)


def test_a_result_that_is_damaged_here_is_not_pushed(machine: Named) -> None:
    one = machine("one")
    record = one.publish(1)
    blob = one.store.blob(file_of(one, 1))
    blob.chmod(0o644)
    blob.write_text("broken")
    one.behind.take(planned(1), record)
    news = one.settle()
    assert [(warning.code, warning.severity) for warning in news.warnings] == [("LC1104", "warning")]
    assert dict(machine("other").records) == {}


def test_a_record_is_read_once_and_a_reader_writes_nothing(machine: Named) -> None:
    one = machine("one")
    one.finish(1)
    reader = Machine(one.root.parents[1] / "reader", one.url, attached=False)
    assert key(1) in reader.records
    assert not (reader.root / "cache" / "remote").exists()
    reader.behind.attach(reader.store)
    assert len(list((reader.root / "cache" / "remote").iterdir())) == 1
    one.remote.objects.remove(record_name(key(1)))
    assert key(1) not in machine("other").records
    again = reader.again(attached=False)
    again.remote.keys()
    one.finish(1)
    assert key(1) not in again.records  # as listed when this apply began


def test_the_cache_is_not_believed_when_the_record_has_another_text(machine: Named) -> None:
    one, other = machine("one"), machine("other")
    one.finish(1, "first")
    assert machine("other").records[key(1)].outputs == one.records[key(1)].outputs
    one.remote.objects.remove(record_name(key(1)))
    assert codes(other.finish(1, "second")) == []
    assert machine("third").records[key(1)].outputs == other.records[key(1)].outputs
    (other.root / "records").rename(other.root / "gone")
    assert machine("other").records[key(1)].outputs != one.records[key(1)].outputs


def test_of_very_many_records_just_those_are_read_that_are_asked_for(
    machine: Named, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine("one")
    for number in (1, 2, 3):
        one.finish(number)
    monkeypatch.setattr("lcspec.run.remote.remote.AT_ONCE", 2)
    other = machine("other")
    assert other.records[key(2)] == one.records[key(2)]
    cached = [path.name[:64] for path in (other.root / "cache" / "remote").iterdir()]
    assert cached == [key(2)]
