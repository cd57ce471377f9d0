"""What the rows of a file can support: splits, a gate that they can decide, shots, and training. Pure arithmetic."""

from dataclasses import dataclass, field

from lcspec.firstspec.guess import Roles, labels_of
from lcspec.firstspec.look import Inputs, Look
from lcspec.kinds import registry
from lcspec.stats import fewest_right

FEWEST_ROWS = 4  # one row for each split and one to spare
MOST_VALIDATION, MOST_TEST = 300, 500  # more rows cost time and decide little more
FEWEST_TO_TRAIN, MOST_TO_TRAIN = 40, 1000
TOKENS_PER_WORD = 1.5  # of English under common tokenizers; other scripts take more
PROMPT_TOKENS = 1400  # what shots and row may take, so that a context of 2,048 is enough
ROOM = 0.97  # a gate that needs more than this share of right answers leaves no room for errors
FREE_TEXT = ("rouge-l", "rouge", "chrf", "bleu")  # the first one that is installed


@dataclass
class GatePlan:
    """A threshold with its arithmetic."""

    metric: str
    at_least: float
    confidence: float
    why: str


@dataclass
class Proposal:
    """What goes into the spec, and notes on what does not."""

    validation: int
    test: int
    train: int
    metrics: tuple[str, ...]
    gate: GatePlan | None
    shots: int
    truncate: int | None
    tuning: dict[str, object] | None
    max_tokens: int
    one_line: bool
    notes: dict[str, str] = field(default_factory=dict)  # section to what was left out and why


def propose(seen: Look, roles: Roles, inputs: Inputs) -> Proposal:
    """The proposal for a file of at least `FEWEST_ROWS` rows."""
    validation, test = _splits(seen.rows)
    train = seen.rows - validation - test
    notes: dict[str, str] = {}
    metrics = _metrics(roles)
    labels = labels_of(seen, roles)
    usable = min(validation, test) * inputs.distinct // seen.rows  # repeated rows may leave validation
    gate = _gate(seen, roles, metrics, usable, notes)
    words, answer = seen.columns[roles.input], seen.columns[roles.answer]
    truncate = 300 if not roles.more and words.quantile(0.95) > 400 else None
    whole = sum(seen.columns[name].quantile(0.95) for name in (roles.input, *roles.more))
    shown = min(truncate or whole, whole) + answer.quantile(0.95)
    shots = _shots(len(labels), train, shown * TOKENS_PER_WORD, notes)
    tuning = _tuning(roles, labels, train, shown * TOKENS_PER_WORD, notes)
    one_line = all("\n" not in value for value in answer.values)
    tokens = max(8, round(answer.quantile(0.99) * TOKENS_PER_WORD / 8) * 8 + 8)
    return Proposal(
        validation, test, train, metrics, gate, shots, truncate, tuning, min(tokens, 512), one_line, notes
    )  # fmt: skip


def _splits(rows: int) -> tuple[int, int]:
    """Rows of validation and test: a fifth each, a quarter of few, and never more than decide."""
    part = max(1, rows // (4 if rows < 50 else 5))
    return min(part, MOST_VALIDATION), min(part, MOST_TEST)


def _metrics(roles: Roles) -> tuple[str, ...]:
    if roles.task == "classification":
        return ("accuracy", "macro-f1")
    if roles.task in ("summarization", "translation"):
        installed = registry.names("metric")
        return tuple(name for name in FREE_TEXT if name in installed)[:1] or ("hit-rate",)
    return ("exact-match", "hit-rate") if roles.task == "extraction" else ("hit-rate", "exact-match")


# --- the gate --------------------------------------------------------------------------------------------------------


def _gate(
    seen: Look, roles: Roles, metrics: tuple[str, ...], rows: int, notes: dict[str, str]
) -> GatePlan | None:  # fmt: skip
    answers = seen.columns[roles.answer]
    common, count = answers.values.most_common(1)[0]
    share = count / answers.filled if not answers.many else 0.0
    if metrics[0] in FREE_TEXT:
        why = "a place to start: read some answers, then raise it to what the project needs"
        return GatePlan(metrics[0], 0.2, 0.95, why)
    if roles.task != "classification":
        return _proportion(metrics[0], share, (0.25,), rows, f"always answering `{common[:30]}` reaches", notes)
    if share < 0.8:
        return _proportion("accuracy", share, (0.5, 0.25), rows, f"always answering `{common[:30]}` reaches", notes)
    # So unbalanced that accuracy says little: each label counts the same.
    rarest, fewest = answers.values.most_common()[-1]
    expected = fewest * rows // seen.rows
    guess = 2 * share / (1 + share) / len(answers.values)
    if expected < 3:
        notes["gates"] = (
            f"no gate: {share:.0%} of the rows say `{common[:30]}`, and about {expected} of {rows} rows that judge say "
            f"`{rarest[:30]}`; a gate above guessing needs more rows of the rare labels"
        )
        return None
    why = f"{share:.0%} of the rows say `{common[:30]}`, so accuracy says little; always answering that reaches "
    return GatePlan("macro-f1", _rounded(guess + (1 - guess) / 2), 0.95, f"{why}{guess:.2f} here")


def _proportion(
    metric: str, share: float, steps: tuple[float, ...], rows: int, guessing: str, notes: dict[str, str]
) -> GatePlan | None:
    """The most demanding threshold above guessing that `rows` rows can decide with room for errors."""
    for confidence in (0.95, 0.9):
        for step in steps:
            threshold = _rounded(share + (1 - share) * step)
            needed = fewest_right(threshold, rows, confidence)
            if needed is not None and needed <= ROOM * rows:
                why = (
                    f"{guessing} {share:.2f}; on {rows} rows {needed} right answers ({needed / rows:.0%}) show "
                    f"{threshold:g} at {confidence:.0%}"
                )
                return GatePlan(metric, threshold, confidence, why)
    enough = next((n for n in range(rows + 1, 3000) if _decides(share, steps[-1], n)), None)
    more = f"; {enough} in validation and in test would do" if enough else ""
    notes["gates"] = f"no gate: {rows} rows cannot show anything above guessing ({share:.2f}){more}"
    return None


def _decides(share: float, step: float, rows: int) -> bool:
    needed = fewest_right(_rounded(share + (1 - share) * step), rows, 0.9)
    return needed is not None and needed <= ROOM * rows


def _rounded(value: float) -> float:
    return round(value + 0.0049, 2)


# --- prompts and training --------------------------------------------------------------------------------------------


def _shots(labels: int, train: int, tokens: float, notes: dict[str, str]) -> int:
    """Examples before the row: one or more of each label, as far as rows and context allow."""
    wanted = min(16, 2 * labels if labels and labels <= 4 else labels) if labels else 4
    fitting = int((PROMPT_TOKENS - tokens) // max(tokens, 1))
    count = max(0, min(wanted, fitting, train // 2))
    if count == 0:
        why = f"{train} rows of train" if train < 2 else f"rows of about {tokens:.0f} tokens"
        notes["shots"] = f"no prompt with examples: {why} leave no room for them"
    return count


def _tuning(
    roles: Roles, labels: dict[str, int], train: int, tokens: float, notes: dict[str, str]
) -> dict[str, object] | None:
    if train < FEWEST_TO_TRAIN:
        notes["tuning"] = f"no training: {train} rows of train teach little; {FEWEST_TO_TRAIN} are a place to start"
        return None
    made: dict[str, object] = {"rank": 8, "learning-rate": 0.001, "batch-size": 8}
    if train > MOST_TO_TRAIN:
        made["rows"] = MOST_TO_TRAIN
    elif train < 400:
        made["epochs"] = 3 if train < 150 else 2
    if labels and max(labels.values()) > 3 * min(labels.values()):
        made["sampling"] = "balanced"
    if tokens > 400:
        made["max-length"] = 1024 if tokens < 900 else 2048
    return made
