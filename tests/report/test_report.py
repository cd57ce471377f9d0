import os
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from r8 import source

from lcspec.ir.plan import Gate
from lcspec.ir.record import StepRecord
from lcspec.report import html, markdown, svg
from lcspec.report.build import build
from lcspec.report.model import Curve

GOLDEN = Path(__file__).parent / "golden.md"
EVIL = "<script>alert(1)</script> | \"'`*_[x](y)"


@pytest.fixture(scope="module")
def finished():
    return build(source())


class Page(HTMLParser):
    """Counts tags, and fails on one that is not closed."""

    VOID = frozenset({"meta", "line", "circle", "polyline"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_model_tells_the_story(finished):
    assert (finished.headline.state, finished.metric, finished.limit.value) == ("released", "topics.accuracy", 0.9)
    assert [(rung.state, len(rung.candidates)) for rung in finished.rungs] == [("failed", 2), ("passed", 1)]
    assert [row.name for row in finished.tests] == ["smollm2/few-shot/lora", "smollm2/few-shot/lora/-/int8"]
    assert [(v.judged.name.split("/")[-1], v.agreement) for v in finished.variants][1:] == [
        ("int8", 0.985),
        ("int4", 0.94),
    ]
    assert [verdict.outcome for verdict in finished.headline.verdicts] == ["pass", "not applicable", "pass"]
    assert len(finished.curves[0].points) == 120
    assert finished.contract.equal == 100
    assert finished.data[0].counts[0] == ("train", 5285)
    assert finished.variants[0].bytes == 538_090_408  # through two choices to the training step


def test_markdown_is_as_the_golden_file(finished):
    text = markdown.render(finished)
    if os.environ.get("LCSPEC_UPDATE"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_page_is_well_formed_self_contained_and_accessible(finished):
    text = html.render(finished)
    page = Page(text)
    assert page.open == []
    assert page.links == ["#verdict"]
    assert "script" not in page.tags and "url(" not in text and "@import" not in text
    assert (page.tags.count("h1"), page.tags.count("table"), page.tags.count("svg")) == (1, 8, 2)
    assert page.tags.count("caption") == page.tags.count("table")
    assert page.tags.count("title") >= 3 and 'lang="en"' in text
    assert len(set(re.findall(r'\bid="([^"]+)"', text))) == len(re.findall(r'\bid="([^"]+)"', text))


def test_rendering_is_a_pure_function(finished):
    assert html.render(finished) == html.render(build(source()))


def test_hostile_texts_stay_texts():
    graph = source().graph
    gates = (*graph.gates, Gate(EVIL, "topics", "accuracy", at_least=0.5))
    made = build(
        source(
            name=EVIL,
            description=EVIL,
            scope={EVIL: EVIL},
            problems=(EVIL,),
            graph=replace(graph, gates=(Gate(EVIL, "topics", "accuracy", at_least=0.9), *gates)),
            lock={EVIL: EVIL},
            licenses={"data.reuters": EVIL},
            release={"number": EVIL, "candidate": EVIL, "created": EVIL, "digests": {EVIL: EVIL}},
        )
    )
    page = Page(html.render(made))
    assert "script" not in page.tags and page.open == []
    shown = markdown.render(made)
    assert "<script" not in shown and "[x](" not in shown
    assert all(
        line.count(" | ") + 2 == line.count("|") - line.count("\\|") for line in shown.splitlines() if line[:1] == "|"
    )


def test_nothing_measured_is_undecided():
    made = build(source(records={}, decisions={}, release=None))
    assert made.headline.state == "undecided"
    assert [rung.state for rung in made.rungs] == ["not measured", "not measured"]
    assert made.forest == () and made.classes is None and made.contract is None
    assert Page(html.render(made)).open == []
    assert markdown.render(made).startswith("# quickstart: undecided\n")


def test_a_rung_that_was_not_reached_is_not_needed():
    full = source()
    decisions = {"rung-1": replace(full.decisions["rung-1"], passed=True)}
    assert [rung.state for rung in build(replace(full, decisions=decisions)).rungs] == ["passed", "not needed"]


def test_a_failed_test_is_not_released():
    full = source(release=None)
    gates = tuple(replace(gate, at_least=0.99) if gate.name == "good-enough" else gate for gate in full.graph.gates)
    made = build(replace(full, graph=replace(full.graph, gates=gates)))
    assert made.headline.state == "not released"
    assert "test judges once" in made.headline.sentence


def test_passed_without_a_release_is_ready():
    assert build(source(release=None)).headline.state == "ready"


def test_no_rung_passed_says_why():
    full = source(release=None)
    kept = {id: record for id, record in full.records.items() if ":release" not in id and ":finalist" not in id}
    finalist = replace(full.decisions["rung-1"], choice="finalist", winner=None, why="no rung passed its gates")
    made = build(replace(full, records=kept, decisions={"rung-1": full.decisions["rung-1"], "finalist": finalist}))
    assert (made.headline.state, made.headline.sentence) == ("not released", "No rung passed its gates.")
    assert made.headline.verdicts[0].outcome == "fail"
    assert made.classes.split == "validation"


def test_a_metric_without_interval_still_shows():
    full = source()
    id = "score:topics.validation:smollm2/zero-shot"
    record = full.records[id]
    records = {**full.records, id: replace(record, metrics={"accuracy": {"value": 0.13, "n": None}})}
    row = build(replace(full, records=records)).rungs[0].candidates[0]
    assert (row.measure.value, row.measure.low, row.measure.n) == (0.13, None, 0)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.91, 0.94), (0, 3.2), (5, 5), (-0.2, 17000.0)])
def test_ticks_cover_the_range(low, high):
    marks = svg.ticks(low, high)
    assert marks[0] <= low and marks[-1] >= high and 2 <= len(marks) <= 9


@pytest.mark.parametrize("losses", [(-0.016, -0.066, -0.045), (0.3, -0.2, 0.1), (0.0, 0.0, 0.0), (-2.0, -2.0, -2.0)])
def test_a_loss_below_zero_is_drawn_within_its_frame(losses):
    drawn = svg.curve(Curve("x", tuple((step, loss, None) for step, loss in enumerate(losses, 1))), 1, wide=True)
    heights = [float(one.split(",")[1]) for one in re.search(r'points="([^"]*)" class="loss raw"', drawn)[1].split()]
    assert all(12 <= height <= 230 - 34 for height in heights)
    assert sorted(range(3), key=losses.__getitem__) == sorted(range(3), key=lambda n: -heights[n])


def test_a_curve_of_one_point_or_of_infinities_is_not_drawn():
    assert svg.curve(Curve("x", ((1, 2.0, None),)), 1, wide=True) == ""
    assert svg.curve(Curve("x", ((1, float("nan"), None), (2, float("inf"), None))), 1, wide=True) == ""


def test_a_training_on_rewards_shows_the_reward_where_there_is_one():
    full = source()
    points = [
        {"step": n, "loss": 0.0, "learning_rate": 0.1, **({"reward": n / 9} if n % 2 else {})} for n in range(1, 8)
    ]
    told = StepRecord("k" * 64, "train:rung-1.winner/lora", "tuning.grpo/train", {}, {}, {"curve": points}, {})
    made = build(replace(full, records={**full.records, told.step: told}))
    (curve,) = made.curves
    assert (curve.what, [value for _, value, _ in curve.points]) == ("reward", [1 / 9, 3 / 9, 5 / 9, 7 / 9])
    page = html.render(made)
    assert "reward by step" in page and "reward from 0.111 to 0.667 in 7 steps" in page


def test_records_of_another_kind_of_model_do_not_break_the_page():
    full = source()
    odd = StepRecord("k" * 64, "train:rung-1.winner/lora", "tuning.lora/train", {}, {}, {"curve": []}, {})
    made = build(replace(full, records={**full.records, odd.step: odd}))
    assert made.curves == () and made.variants[0].bytes is None
    assert Page(html.render(made)).open == []


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_a_real_browser_draws_it_without_a_complaint(finished, tmp_path):
    page = tmp_path / "report.html"
    page.write_text(html.render(finished), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--enable-logging=stderr", f"--screenshot={tmp_path / 'report.png'}", "--window-size=1160,1400"]
    told = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    assert "CONSOLE" not in told.stderr  # a blocked style or request would be told there
    assert (tmp_path / "report.png").stat().st_size > 50_000
