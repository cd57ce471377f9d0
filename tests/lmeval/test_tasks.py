"""Task files of lm-eval, read as data: what they may say, where a fault is shown, and what would run."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lcspec import api
from lcspec.diag.model import Diagnostic
from lcspec.ir.plan import Step
from lcspec.lmeval.closing import _OthersFiles
from lcspec.lmeval.package import everything, find, folder, read
from lcspec.lmeval.reading import TaskFault, functions, read_yaml
from lcspec.lmeval.tasks import locate, read_task
from tests.lmeval.project import BASE, CHOICES, HELPERS, SPEC, WORDS, allow, make

BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
DEEP = "task: " + "[" * 60 + "]" * 60


def found(spec: Path) -> list[Diagnostic]:
    return api.load(spec).diagnostics


def line(spec: Path, diagnostic: Diagnostic) -> tuple[str, int]:
    """The file and line of a diagnostic's first label."""
    span = diagnostic.labels[0].span
    text = (spec.parent / span.file).read_text() if not span.file.endswith(str(spec)) else spec.read_text()
    return span.file, text[: span.start].count("\n") + 1


def test_the_project_is_sound(tmp_path: Path) -> None:
    assert found(make(tmp_path)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CHOICES + "description: !!python/object/apply:os.system [true]", "tag"),
        (CHOICES + "description: !!python/name:os.system", "tag"),
        (CHOICES + "description: !function [a, b]", "tag"),
        (CHOICES + "description: &a text\ngen_prefix: *a", "anchors"),
        (BOMB, "anchors"),
        (DEEP, "nested"),
        (CHOICES + "---\ntask: other\n", "second document"),
        (CHOICES + "description: [", "not YAML"),
        ("- a\n- b\n", "mapping"),
        ("", "mapping"),
        ("x" * ((1 << 20) + 1), "characters"),
        (CHOICES + "include: ../../outside.yaml", "leads out"),
        (CHOICES + "include: /etc/hostname", "leads out"),
        (CHOICES + "include: colours.yaml", "circle"),
        (CHOICES + "include: [3]", "`include` names files"),
        (CHOICES + "class: !function helpers.Task", "Python class"),
        (CHOICES + "group: all", "group"),
        (CHOICES + "unsafe_code: true", "what the model writes"),
        (CHOICES + "doc_to_image: picture", "pictures"),
        (CHOICES + "use_prompt: 'promptsource:*'", "library"),
        (CHOICES + "custom_dataset: !function helpers.rows", "a function makes"),
        (CHOICES + "doc_to_txt: x", "no key `doc_to_txt`"),
        (CHOICES.replace("task: colours", "task: [a, b]"), "group"),
        (CHOICES.replace("task: colours", "task: a/b"), "no spaces"),
        (CHOICES.replace("multiple_choice", "poetry"), "output_type"),
        (CHOICES.replace("test: test.jsonl", "test: ../../rows.jsonl"), "leads out"),
        (CHOICES.replace("test: test.jsonl", "test: 'https://example.org/rows.jsonl'"), "leads out"),
        (CHOICES.replace("test_split: test", "test_split: tests"), "no split `tests`"),
        (CHOICES.replace("dataset_path: json", "dataset_path: ./script.py"), "no data that is read"),
        (CHOICES + "process_docs: !function os", "names no function"),
        (CHOICES + "process_docs: !function '../../x.f'", "names no function"),
    ],
)
def test_what_is_not_read_is_refused_in_the_task_file(text: str, words: str, tmp_path: Path) -> None:
    spec = make(tmp_path, colours=text)
    (fault,) = found(spec)
    assert fault.code == "LC0461"
    assert words in fault.message
    assert fault.labels[0].span.file == "tasks/colours.yaml"
    assert fault.help


def test_a_fault_is_shown_at_its_line(tmp_path: Path) -> None:
    spec = make(tmp_path, colours=CHOICES + "description: !!python/name:os.system\n")
    (fault,) = found(spec)
    assert line(spec, fault) == ("tasks/colours.yaml", (CHOICES + "x").count("\n") + 1)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    home = tmp_path / "project"
    home.mkdir()
    spec = make(home)
    (tmp_path / "elsewhere.yaml").write_text(BASE)
    (home / "tasks" / "base.yaml").unlink()
    (home / "tasks" / "base.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    assert {fault.code for fault in found(spec)} == {"LC0461"}
    assert all("link that leads out" in fault.message for fault in found(spec))


@pytest.mark.parametrize(
    ("name", "text", "file"),
    [
        ("colours", CHOICES.replace("test.jsonl", "gone.jsonl"), "tasks/gone.jsonl"),
        ("words", WORDS.replace("base.yaml", "gone.yaml"), "tasks/gone.yaml"),
        ("words", WORDS.replace("helpers.shout", "gone.shout"), "tasks/gone.py"),
        ("words", WORDS.replace("helpers.shout", "json.loads"), "tasks/json.py"),
    ],
)
def test_a_missing_file_is_told_where_it_is_named(name: str, text: str, file: str, tmp_path: Path) -> None:
    spec = make(tmp_path, **{name: text})
    (fault,) = [one for one in found(spec) if one.severity == "error"]
    assert (fault.code, fault.message) == ("LC0401", f"there is no file `{file}`")
    assert fault.labels[0].span.file == f"tasks/{name}.yaml"


@pytest.mark.parametrize("metric", ["accuracy", "rouge", "bleu", "likelihood", "nonsense"])
def test_a_metric_that_is_not_computed_here_is_refused_by_name(metric: str, tmp_path: Path) -> None:
    (fault,) = found(make(tmp_path, colours=CHOICES.replace("metric: mcc", f"metric: {metric}")))
    assert fault.code == "LC0463"
    assert f"`{metric}`" in fault.message
    assert ("from the hub" in fault.message) == (metric not in ("bleu", "likelihood"))


def test_the_hub_s_form_of_a_metric_is_refused_too(tmp_path: Path) -> None:
    text = WORDS.replace("metric: exact_match,", "metric: exact_match, hf_evaluate: true,")
    (fault,) = found(make(tmp_path, words=text))
    assert fault.code == "LC0463"
    text = CHOICES.replace("metric: acc,", "metric: acc, hf_evaluate: true,")  # never called for choices
    assert found(make(tmp_path, colours=text)) == []


def test_a_metric_that_the_tasks_do_not_have_is_told_with_those_they_have(tmp_path: Path) -> None:
    spec = SPEC.replace("[exact_match/short,", "[exact_match,")
    (fault,) = found(make(tmp_path, spec))
    assert fault.code == "LC0601"
    assert "`exact_match/whole`, `exact_match/short`" in str(fault.help)
    (fault,) = found(make(tmp_path, SPEC.replace("tasks/colours.yaml", "tasks/prose.yaml")))
    assert "say `metrics:` with one of `word_perplexity`" in str(fault.help)


# --- code ------------------------------------------------------------------------------------------------------------


def test_a_function_is_refused_until_its_file_is_allowed(tmp_path: Path) -> None:
    spec = make(tmp_path, allowed="")
    (fault,) = found(spec)
    assert fault.code == "LC0351"
    assert line(spec, fault) == ("tasks/words.yaml", WORDS[: WORDS.index("process_docs")].count("\n") + 1)
    assert "path: tasks/helpers.py, sha256: " in str(fault.help)
    spec.write_text(spec.read_text() + allow())
    assert found(spec) == []


def test_a_file_that_changed_is_refused_until_it_is_read_again(tmp_path: Path) -> None:
    spec = make(tmp_path)
    (tmp_path / "tasks" / "helpers.py").write_text(HELPERS + "\nimport os\n")
    (fault,) = found(spec)
    assert fault.code == "LC0351"
    assert "is not the file that is allowed" in fault.message


def test_a_capability_that_no_task_needs_is_told(tmp_path: Path) -> None:
    spec = make(tmp_path, words=WORDS.replace("process_docs: !function helpers.shout\n", ""))
    assert found(spec) == []  # the metric still runs it
    plain = "\n".join(one for one in WORDS.splitlines() if "!function" not in one)
    text = SPEC.replace(", length/whole", "")
    assert [fault.code for fault in found(make(tmp_path, text, words=plain))] == ["LC0354"]


def step(spec: Path, suite: str) -> Step:
    loaded = api.load(spec)
    assert loaded.ok, loaded.diagnostics
    graph, _ = api.lower_loaded(loaded, api.gather_facts(loaded))
    return next(one for one in graph.steps if one.id == f"predict:{suite}.validation:llama/plain")


def test_the_digest_is_in_the_key_of_the_suite_that_runs_the_file(tmp_path: Path) -> None:
    spec = make(tmp_path)
    assert list(step(spec, "words").params["capabilities"]) == ["python:tasks/helpers.py"]
    assert "capabilities" not in step(spec, "knowledge").params


def test_a_prompt_is_no_part_of_what_is_asked(tmp_path: Path) -> None:
    assert "prompt" not in step(make(tmp_path), "knowledge").inputs


@pytest.mark.parametrize(
    ("file", "suites"),
    [
        ("colours.yaml", {"knowledge"}),
        ("dev.jsonl", {"knowledge"}),
        ("base.yaml", {"words", "texts"}),
        ("words.yaml", {"words"}),
        ("train.jsonl", {"knowledge", "words", "texts"}),
    ],
)
def test_a_file_that_changes_is_an_input_of_the_suites_that_use_it(file: str, suites: set[str], tmp_path: Path) -> None:
    spec = make(tmp_path)

    def digests() -> dict[str, Any]:
        loaded = api.load(spec)
        graph, _ = api.lower_loaded(loaded, api.gather_facts(loaded))
        steps = {one.id: one for one in graph.steps}
        return {name: steps[f"fetch:evaluation.suites.{name}"].params for name in ("knowledge", "words", "texts")}

    before = digests()
    path = tmp_path / "tasks" / file
    path.write_text(path.read_text() + "\n")
    assert {name for name, params in digests().items() if params != before[name]} == suites


def test_estimates_count_rows_and_choices(tmp_path: Path) -> None:
    few = step(make(tmp_path), "knowledge").estimate
    many = step(make(tmp_path, SPEC.replace("limit: 30", "limit: 300")), "knowledge").estimate
    assert few.size == 30 * 4  # the choices stand in the rows, so four are assumed
    assert many.size == 40 * 4  # as many as there are
    assert step(make(tmp_path), "texts").estimate.size == 2 * 30  # half of the only split, of two tasks
    assert step(make(tmp_path), "words").estimate.size == 8


# --- lm-eval's own tasks ---------------------------------------------------------------------------------------------


def test_values_come_out_as_lm_eval_reads_them() -> None:
    data, places = read_yaml("a: yes\nb: 1e-4\nc: !function x.f\nd: 012\ne: !!null\nf: !!str 1", "t.yaml")
    assert (data["a"], data["b"], data["d"], data["e"], data["f"]) == (True, "1e-4", 10, None, "1")
    assert [one.words for one in functions(data)] == ["x.f"]
    assert places["c"].start == len("a: yes\nb: 1e-4\n")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("arc_easy", "arc/arc_easy.yaml"),
        ("hellaswag", "hellaswag/hellaswag.yaml"),
        ("winogrande", "winogrande/default.yaml"),
        ("gsm8k", "gsm8k/gsm8k.yaml"),
        ("mmlu_abstract_algebra", "mmlu/default/mmlu_abstract_algebra.yaml"),
    ],
)
def test_a_task_of_lm_eval_is_found_by_its_name(name: str, file: str) -> None:
    assert find(name) == f"lm_eval:tasks/{file}"


def test_a_task_that_lies_elsewhere_is_told_by_its_file() -> None:
    with pytest.raises(TaskFault) as fault:
        locate("boolq")
    assert "lm_eval:tasks/super_glue/boolq/default.yaml" in fault.value.help
    with pytest.raises(TaskFault) as fault:
        locate("hellaswog")
    assert "`hellaswag`" in fault.value.help
    with pytest.raises(TaskFault) as fault:
        locate("nothing-that-is-alike")
    assert len(fault.value.help) < 120


def test_a_group_of_tasks_is_told_with_some_of_them() -> None:
    with pytest.raises(TaskFault, match="`mmlu` is a group of tasks") as fault:
        locate("mmlu")
    assert "`mmlu_abstract_algebra`" in fault.value.help


@pytest.mark.parametrize("name", ["../__init__.py", "tasks/../../x.yaml", "../../../../../../../etc/hostname"])
def test_a_name_of_the_package_does_not_lead_out_of_its_tasks(name: str, tmp_path: Path) -> None:
    assert read(f"lm_eval:{name}").text is None
    assert read(f"lm_eval:{name}").outside
    (fault,) = found(make(tmp_path, SPEC.replace("tasks/colours.yaml", f"'lm_eval:{name}.yaml'")))
    assert fault.code == "LC0461"
    assert "does not lie among the tasks" in fault.message


def test_a_gate_on_a_metric_that_is_not_listed_says_where_to_list_it(tmp_path: Path) -> None:
    (fault,) = found(make(tmp_path, SPEC.replace("knows: {metric: knowledge.acc,", "knows: {metric: knowledge.mcc,")))
    assert fault.code == "LC0601"
    assert "list it under `metrics`" in str(fault.help)


def test_a_chat_template_that_a_tokenizer_lacks_is_told_before_anything_runs(tmp_path: Path) -> None:
    spec = make(tmp_path, SPEC.replace("limit: 30}", "limit: 30, apply-chat-template: true}"))
    facts = {"of": "0" * 64, "architecture": "llama", "tokenizer": {"chat_template": False, "stops": []}}
    lock = {"format_version": 1, "libraries": {}, "models": {"llama": facts}, "sources": {}}
    (tmp_path / "spec.lock.json").write_text(json.dumps(lock))
    assert [fault.code for fault in found(spec)] == ["LC0434"]


def test_nearly_all_tasks_of_lm_eval_are_read_and_the_others_are_told_why() -> None:
    names = sorted(everything().tasks)[::20]
    refused: Counter[str] = Counter()
    for name in names:
        try:
            task = read_task(everything().tasks[name], read)
        except TaskFault as fault:
            refused[fault.code] += 1
            continue
        assert task.name == name
        assert task.metrics
    assert len(names) >= 600
    assert sum(refused.values()) <= 0.07 * len(names)
    assert set(refused) <= {"LC0401", "LC0461", "LC0463"}


def test_code_of_lm_eval_s_own_tasks_is_refused_like_any_other(tmp_path: Path) -> None:
    spec = SPEC.replace("tasks/colours.yaml", "hellaswag")
    (fault,) = found(make(tmp_path, spec))
    assert fault.code == "LC0351"
    assert "path: lm_eval:tasks/hellaswag/utils.py" in str(fault.help)
    home = folder()
    assert home is not None
    text = (home / "tasks" / "hellaswag" / "utils.py").read_text()
    entry = allow(text).replace("tasks/helpers.py", "lm_eval:tasks/hellaswag/utils.py").replace("helpers:", "hella:")
    assert found(make(tmp_path, spec, allowed=allow() + entry.removeprefix("allow:"))) == []


def test_modules_of_the_project_are_refused_and_those_of_lcspec_are_not(tmp_path: Path, monkeypatch: Any) -> None:
    for name in ("mine", "lcspec_like"):
        (tmp_path / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    finder = _OthersFiles(str(tmp_path))
    with pytest.raises(ModuleNotFoundError):
        finder.find_spec("mine")
    with pytest.raises(ModuleNotFoundError):
        finder.find_spec("lcspec_like")
    assert _OthersFiles(str(Path(api.__file__).parents[1])).find_spec("lcspec.api") is None
    assert finder.find_spec("json") is None
