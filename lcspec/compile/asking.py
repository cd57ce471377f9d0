"""Questions that several rules ask of a spec. Pure; what is not known is None, and the rule that asked is silent."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from lcspec.compile.known import Known
from lcspec.compile.ladders import effective_ladder
from lcspec.ir.document import Path
from lcspec.ir.spec import Bound, GateSpec, Spec
from lcspec.ir.strict import Strict

PROPORTIONS = frozenset({"accuracy", "exact-match", "hit-rate", "retrieval-recall", "label-validity", "refusal-rate"})
PROPORTIONS |= {"preference-accuracy", "acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match"}
SHARES = PROPORTIONS | {"macro-f1", "micro-f1", "weighted-f1", "balanced-accuracy", "json-validity", "schema-validity"}
LOWER_IS_BETTER = frozenset(  # as our metrics are called, and lm-eval's
    {"loss", "perplexity", "bits-per-byte", "latency-p50", "latency-p95", "toxicity", "word-error-rate"}
) | {"word_perplexity", "byte_perplexity", "bits_per_byte", "brier_score", "ter"}
JUDGED = ("validation", "test")


class Fields(NamedTuple):
    """The fields of a prompt after `extends`, and the path where each was given."""

    values: Mapping[str, Any]
    paths: Mapping[str, Path]

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field (Python name)."""
        return self.values.get(name, default)


_asked: tuple[Spec | None, dict[str, Fields]] = (None, {})  # the latest spec, and its prompts


def prompt_fields(spec: Spec, name: str) -> Fields:
    """A prompt as it is resolved, its own fields over those it extends; many rules ask for it."""
    global _asked
    if _asked[0] is not spec:
        _asked = (spec, {})
    known = _asked[1]
    if name not in known:
        known[name] = _resolved(spec, name)
    return known[name]


def _resolved(spec: Spec, name: str) -> Fields:
    """A prompt's own fields over those it extends; a circle ends where it closes."""
    chain: list[Bound] = []
    entry = spec.entries("prompt").get(name)
    while entry is not None and entry not in chain:
        chain.append(entry)
        entry = spec.entries("prompt").get(getattr(entry.body, "extends", None) or "")
    values: dict[str, Any] = {}
    paths: dict[str, Path] = {}
    for one in reversed(chain):
        for field in one.body.model_fields_set - {"extends"}:
            values[field] = getattr(one.body, field)
            paths[field] = (*one.path, field.rstrip("_").replace("_", "-"))
    return Fields(values, paths)


def template_variables(text: str | None) -> frozenset[str]:
    """The variables of a template; none for what is no template."""
    from lcspec.kinds import registry

    try:
        found: frozenset[str] = registry.module("prompt", "template").variables(text or "")
    except ValueError:
        return frozenset()
    return found


def split_of(reference: str, default: str = "train") -> tuple[str, str]:
    """`tickets.train` as (entry, split); `default` where no split is named."""
    name, _, split = reference.partition(".")
    return name, split or default


def strings(value: Any) -> Iterator[str]:
    """Every text in a body, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Strict):
        for name in type(value).model_fields:
            yield from strings(getattr(value, name))
    elif isinstance(value, Bound):
        yield from strings(value.body)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


def suite_metric(spec: Spec, gate: GateSpec) -> tuple[Bound | None, str]:
    """The suite and the metric of a gate; None for what the service is measured on."""
    suite, _, metric = gate.metric.partition(".")
    return spec.entries("suite").get(suite), metric


def answering_tokens(spec: Spec, facts: Mapping[str, Any]) -> int:
    """Tokens of one answer with its prompt, for arithmetic: what the scope needs, as far as the model reads it."""
    needed = spec.scope.requires.context
    return min(facts.get("context") or 2048, needed.min if needed else 2048)


def rows_read(spec: Spec, known: Known, suite: Bound, split: str) -> int | None:
    """How many rows of a split a suite reads, as far as the spec or the local files tell."""
    data = spec.entries("data").get(getattr(suite.body, "data", "") or "")
    said = getattr(suite.body, "limit", None)
    limit = said if isinstance(said, int) else getattr(said, split, None)
    part = getattr(getattr(getattr(data, "body", None), "split", None), split, None)
    there = (known.rows(data.name) or {}).get(split) if data is not None else None
    counts = [count for count in (limit, part if isinstance(part, int) else None) if isinstance(count, int)]
    counts += [len(there)] if there is not None else []
    return min(counts, default=None)


def suite_data(spec: Spec) -> dict[str, Bound]:
    """The data entries that suites read, by name."""
    data = spec.entries("data")
    names = [str(getattr(suite.body, "data", "")) for suite in spec.entries("suite").values()]
    return {name: data[name] for name in names if name in data}


def columns_of(entry: Bound | None) -> Any:
    """The `columns` of a data entry of rows; None for others."""
    columns = getattr(getattr(entry, "body", None), "columns", None)
    return columns if hasattr(columns, "input") else None


def scoring_of(spec: Spec, suite: Bound) -> str:
    """How the answers of a suite are made: as declared, else by the scope."""
    return getattr(suite.body, "scoring", None) or ("likelihood" if spec.scope.labels else "generation")


def tuned_on(entry: Bound) -> tuple[str, str] | None:
    """The (data entry, split) that a recipe learns from, or None."""
    reference = getattr(entry.body, "data", None)
    return split_of(reference) if isinstance(reference, str) else None


def learns_texts(recipe: Bound) -> bool:
    """Whether a recipe learns texts as they are, documents among them, without a prompt."""
    from lcspec.kinds import registry

    return any("documents" in roles for roles in registry.load("tuning", recipe.kind).needs)


def prompts_learnt(spec: Spec) -> dict[str, tuple[str, ...]]:
    """Recipe to the prompts that its rows may be rendered with: those of its rung, else of the rungs below."""
    found: dict[str, tuple[str, ...]] = {}
    prompts: tuple[str, ...] = tuple(spec.entries("prompt"))
    for rung in effective_ladder(spec):
        prompts = rung.prompts or prompts
        for recipe in rung.tuning:
            found[recipe] = tuple(dict.fromkeys((*found.get(recipe, ()), *prompts)))
    return found


def plural(count: int, noun: str) -> str:
    """`1 row`, `12 rows`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


@lru_cache(1 << 18)
def normal(text: str) -> str:
    """A text as leaks are compared: its words in lower case, without punctuation (as `rowsplits` does)."""
    return " ".join(re.findall(r"\w+", text.lower()))


def learns_answers(columns: Any) -> bool:
    """Whether rows with these columns show a right answer to learn from."""
    return any(getattr(columns, role, None) for role in ("target", "accepted", "messages"))
