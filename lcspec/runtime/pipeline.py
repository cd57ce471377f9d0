"""The answer pipeline: input guards, retrieval, prompt, model, output guards. Evaluation and service both ask it."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from . import template
from .decoder import Decoder, Generation, Sampling
from .guardrails import GuardResult, check_input, check_output, validate
from .model import Device, LoadedModel, load_model
from .prompt import Prompt, Shot, conversation, encode_answer, encode_prompt, end_of_turn, static_prefix
from .retrieval import Hit, Index
from .text import EdgeTrimmer

FORMAT_VERSION = 1
OPTIONAL = frozenset({"labels", "retrieval", "guardrails", "code"})
KEYS = frozenset({"format_version", "name", "task", "input", "scoring", "model", "prompt"}) | OPTIONAL
FinishReason = Literal["stop", "length", "cancelled", "content_filter"]


@dataclass(frozen=True)
class Answer:
    """What the pipeline says to a row.

    Attributes:
        text: the answer without white space at its ends; after a refusal the guard's fixed message.
        label: one of the pipeline's labels, or None.
        scores: label -> log-probability (natural logarithm, summed over tokens), with scoring by likelihood.
        refused: the kind of the guard that refused, or None.
        notes: what the guards did.
        hits: the passages that were retrieved, best first.
        prompt_tokens: token count of the prompt; 0 where the model was not asked.
        completion_tokens: token count of the answer, without the end-of-turn token.
        finish_reason: `content_filter` after a refusal.
    """

    text: str
    label: str | None = None
    scores: dict[str, float] | None = None
    refused: str | None = None
    notes: tuple[str, ...] = ()
    hits: list[Hit] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: FinishReason = "stop"


class _Asked(NamedTuple):
    """A row that passed the input guards."""

    ids: list[int]
    context: str
    hits: list[Hit]
    notes: tuple[str, ...]


class Pipeline:
    """A loaded pipeline; `load` and `assemble` make one. Nothing changes later: threads may answer side by side."""

    def __init__(self, manifest: Mapping[str, Any], prompt: Prompt, loaded: LoadedModel, index: Index | None) -> None:
        check_manifest(manifest)
        self.manifest = dict(manifest)
        self.prompt = prompt
        self.index = index
        self.labels: tuple[str, ...] = tuple(manifest.get("labels") or ())
        self._tokenizer = loaded.tokenizer
        guards = manifest.get("guardrails") or {}
        self._input_guards: Sequence[Mapping[str, Any]] = guards.get("input") or ()
        self._output_guards: Sequence[Mapping[str, Any]] = guards.get("output") or ()
        self._label_ids = [encode_answer(self._tokenizer, prompt, label) for label in self.labels]
        self._end_id = end_of_turn(self._tokenizer, prompt)
        ends = dict.fromkeys((*loaded.stop_ids, self._end_id))
        self._decoder = Decoder(replace(loaded, stop_ids=tuple(ends)))
        self._prefix = self._decoder.make_prefix(static_prefix(self._tokenizer, prompt))

    @classmethod
    def load(cls, path: Path, *, threads: int | None = None, device: Device = "cpu") -> Pipeline:
        """Return the pipeline of a folder that holds pipeline.json, or of the path of such a file.

        Raises:
            ValueError: a manifest of another format, or one that points outside its folder.
            FileNotFoundError: something it names is absent.
        """
        path = Path(path)
        path = path / "pipeline.json" if path.is_dir() else path
        manifest = json.loads(path.read_text(encoding="utf-8"))
        check_manifest(manifest)
        names = {"model": manifest["model"], "prompt": manifest["prompt"]}
        if manifest.get("retrieval"):
            names |= {key: manifest["retrieval"][key] for key in ("index", "embedder")}
        root = path.parent.resolve()
        folders = {key: (root / name).resolve() for key, name in names.items()}
        outside = sorted(key for key, folder in folders.items() if not folder.is_relative_to(root))
        if outside:
            raise ValueError(f"the manifest points outside its folder: {', '.join(outside)}")
        return cls.assemble(manifest, folders, threads=threads, device=device)

    @classmethod
    def assemble(
        cls,
        manifest: Mapping[str, Any],
        folders: Mapping[str, Path],
        *,
        threads: int | None = None,
        device: Device = "cpu",
    ) -> Pipeline:
        """Return a pipeline of parts that lie in different places.

        Args:
            manifest: as in pipeline.json; its paths are not used. `code` lists the Python files of the model and
                the embedder that may run, each with the SHA-256 of what may be in it.
            folders: `model` (folder), `prompt` (file), and with retrieval `index` and `embedder` (folders).
            threads: torch's thread count for the process; None leaves it.
            device: where the model runs.
        """
        check_manifest(manifest)
        prompt = Prompt.from_json(json.loads(Path(folders["prompt"]).read_text(encoding="utf-8")))
        code = manifest.get("code") or {}
        loaded = load_model(Path(folders["model"]), threads=threads, device=device, code=code)
        index = None
        if manifest.get("retrieval"):
            index = Index.load(Path(folders["index"]), Path(folders["embedder"]), code)
        return cls(manifest, prompt, loaded, index)

    @property
    def variables(self) -> frozenset[str]:
        """The row variables that the prompt needs; `context` is filled by retrieval."""
        return template.variables(self.prompt.user) - ({"context"} if self.index else set())

    @property
    def by_likelihood(self) -> bool:
        """Whether an answer is the label with the highest log-probability, rather than generated text."""
        return bool(self.manifest["scoring"]["method"] == "likelihood")

    def prompt_ids(self, row: Mapping[str, str]) -> list[int]:
        """Return the token ids that the model is given for a row, retrieval included and guards left out."""
        return self._ask(row, ()).ids

    def answer(self, row: Mapping[str, str], **sampling: Any) -> Answer:
        """Return the whole answer of `stream`."""
        steps = self.stream(row, **sampling)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                made: Answer = end.value
                return made

    def stream(
        self,
        row: Mapping[str, str],
        should_stop: Callable[[], bool] | None = None,
        before: Sequence[Shot] = (),
        system: str | None = None,
        **sampling: Any,
    ) -> Generator[str, None, Answer]:
        """Yield the pieces of the answer's text and return the `Answer`.

        With scoring by likelihood, or with output guards, the answer comes in one piece at the end.

        Args:
            row: variable -> value; the manifest's `input` names the user's text.
            should_stop: asked before each token; true ends the answer as `cancelled`.
            before: the turns of the conversation that the row goes on, as rows and answers.
            system: that conversation's own system text, in place of the prompt's.
            sampling: overrides of max_tokens, temperature, top_p, seed; `stop` is added to the pipeline's own.
                Without effect on scoring by likelihood.

        Raises:
            decoder.ContextLengthError: the prompt does not fit the model.
            template.TemplateFault: the row lacks a variable.
        """
        name = self.manifest["input"]
        if name not in row:
            raise template.TemplateFault(f"the row lacks the input variable {name!r}")
        guarded = check_input(self._input_guards, row[name])
        if guarded.refused:
            yield guarded.text
            return Answer(guarded.text, refused=guarded.refused, notes=guarded.notes, finish_reason="content_filter")
        asked = self._ask({**row, name: guarded.text}, guarded.notes, before, system)
        if self.by_likelihood:
            answer = self._choose(asked)
        else:
            trimmer = EdgeTrimmer()
            steps = self._decoder.stream(asked.ids, self._sampling(sampling), self._prefix, should_stop)
            while True:
                try:
                    piece = trimmer.push(next(steps))
                except StopIteration as end:
                    answer = self._generated(asked, end.value)
                    break
                if piece and not self._output_guards:
                    yield piece
        answer = self._guard_output(answer, asked)
        if (self.by_likelihood or self._output_guards) and answer.text:
            yield answer.text
        return answer

    def _ask(
        self,
        row: Mapping[str, str],
        notes: tuple[str, ...],
        before: Sequence[Shot] = (),
        system: str | None = None,
    ) -> _Asked:
        hits: list[Hit] = []
        if self.index is not None:
            hits = self.index.search(row[self.manifest["input"]], self.manifest["retrieval"]["top"])
        context = "\n\n".join(hit.text for hit in hits)
        filled = {**row, "context": context} if self.index is not None else row
        earlier = [Shot({"context": "", **turn.row}, turn.answer) for turn in before]  # nothing is looked up for them
        prompt = conversation(self._tokenizer, self.prompt, earlier, system)
        return _Asked(encode_prompt(self._tokenizer, prompt, filled), context, hits, notes)

    def _choose(self, asked: _Asked) -> Answer:
        scores = self._decoder.score_labels(asked.ids, self._label_ids, self._prefix, end_id=self._end_id)
        # Equal scores: the label that the manifest names first.
        best = max(range(len(scores)), key=lambda place: (scores[place], -place))
        return Answer(
            self.labels[best],
            label=self.labels[best],
            scores=dict(zip(self.labels, scores, strict=True)),
            hits=asked.hits,
            prompt_tokens=len(asked.ids),
            completion_tokens=len(self._label_ids[best]),
        )

    def _sampling(self, given: Mapping[str, Any]) -> Sampling:
        scoring = self.manifest["scoring"]
        base = Sampling(scoring["max_tokens"], stop=tuple(scoring.get("stop", ())))
        return replace(base, **{**given, "stop": (*base.stop, *given.get("stop", ()))})

    def _generated(self, asked: _Asked, made: Generation) -> Answer:
        text = made.text.strip()
        return Answer(
            text,
            label=read_label(text, self.labels),
            hits=asked.hits,
            prompt_tokens=len(asked.ids),
            completion_tokens=len(made.token_ids),
            finish_reason=made.finish_reason,
        )

    def _guard_output(self, answer: Answer, asked: _Asked) -> Answer:
        text = answer.label if answer.label is not None else answer.text
        after: GuardResult = check_output(self._output_guards, text, labels=self.labels, context=asked.context)
        notes = asked.notes + after.notes
        if after.refused:
            return replace(
                answer, text=after.text, label=None, refused=after.refused, notes=notes, finish_reason="content_filter"
            )
        return replace(answer, text=after.text if after.notes else answer.text, notes=notes)


def check_manifest(manifest: Mapping[str, Any]) -> None:
    """Refuse a manifest that this runtime would misread.

    Raises:
        ValueError: another format version, unknown or missing keys, a bad scoring method, or bad guards.
    """
    if manifest.get("format_version") != FORMAT_VERSION:
        raise ValueError(f"pipeline.json is of another format version than {FORMAT_VERSION}")
    wrong = sorted(set(manifest) - KEYS) or sorted(KEYS - OPTIONAL - set(manifest))
    if wrong:
        raise ValueError(f"pipeline.json has unknown or missing keys: {', '.join(wrong)}")
    scoring = manifest["scoring"]
    if scoring.get("method") not in ("likelihood", "generation"):
        raise ValueError("scoring is by 'likelihood' or by 'generation'")
    if scoring["method"] == "likelihood" and not manifest.get("labels"):
        raise ValueError("scoring by likelihood needs labels")
    if scoring["method"] == "generation" and (type(scoring.get("max_tokens")) is not int or scoring["max_tokens"] < 1):
        raise ValueError("scoring by generation needs max_tokens, a positive integer")
    code = manifest.get("code") or {}
    if not isinstance(code, dict) or not all(isinstance(one, list) for one in code.values()):
        raise ValueError("code is a list of SHA-256 for each file name")
    guards = manifest.get("guardrails") or {}
    for side in ("input", "output"):
        validate(guards.get(side) or (), side)


def read_label(text: str, labels: Sequence[str]) -> str | None:
    """Return the label that a generated text names: the whole text, but for case and a final full stop."""
    plain = text.strip().rstrip(".").casefold()
    return next((label for label in labels if label.casefold() == plain), None)
