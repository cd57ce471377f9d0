"""What a data file is for: the task, the column that is read and the column with the right answer."""

from dataclasses import dataclass

from lcspec.diag.model import Diagnostic, LcspecError
from lcspec.diag.suggest import did_you_mean
from lcspec.firstspec.look import Column, Look

MOST_LABELS, LABEL_WORDS = 60, 5
TARGETS = "label labels category class target topic intent sentiment queue answer answers output completion response"
TARGETS += " summary highlights translation reference expected gold y"
INPUTS = "text input question prompt instruction message sentence document article content body query review comment"
INPUTS += " utterance source email ticket post tweet abstract description title"
IDS = ("id", "uuid", "guid", "index", "idx", "key", "url", "timestamp", "date", "created", "created_at", "split")
BY_NAME = {
    "summary": "summarization",
    "highlights": "summarization",
    "translation": "translation",
    "question": "question-answering",
    "answers": "question-answering",
    "code": "code",
}


@dataclass(frozen=True)
class Roles:
    """What the columns are: `target` holds one answer, `accepted` a list of right ones; `more` are shown too."""

    task: str
    input: str
    target: str | None
    accepted: str | None = None
    more: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """The column with the right answer."""
        return str(self.target or self.accepted)


def guess(seen: Look, *, task: str | None = None, input: str | None = None, target: str | None = None) -> Roles:
    """The roles, as far as they are not said already.

    Raises:
        LcspecError: LC0122, a column that is not there, or none that can play its role.
    """
    for name in filter(None, (input, target)):
        if name not in seen.columns:
            raise _no(f"`{seen.path}` has no column `{name}`", did_you_mean(name, seen.columns, "its columns"))
    if input is not None and input == target:
        raise _no(f"`{input}` cannot be both the input and the answer", "name two columns")
    answer = seen.columns[target] if target else _target(seen, input, task)
    read = seen.columns[input] if input else _input(seen, answer)
    if not read.name.isidentifier():
        help = f"rename it in the file, say `{_identifier(read.name)}`: prompts name columns as variables"
        raise _no(f"the column `{read.name}` cannot be named in a prompt", help)
    if read.name == "context":
        raise _no("the column `context` cannot be named in a prompt: retrieval fills that", "rename it in the file")
    chosen = task or _task(seen, read, answer)
    if chosen == "classification":
        _labels(answer)
    listed = answer.type == "list"
    more = tuple(
        name
        for name, column in seen.columns.items()
        if chosen == "question-answering" and name not in (read.name, answer.name) and _passage(column)
    )
    roles = Roles(chosen, read.name, None if listed else answer.name, answer.name if listed else None, more)
    _filled(seen, roles)
    return roles


def labels_of(seen: Look, roles: Roles) -> dict[str, int]:
    """Label to rows, the commonest first; empty where the task has none."""
    return dict(seen.columns[roles.answer].values.most_common()) if roles.task == "classification" else {}


def _no(message: str, help: str, notes: tuple[str, ...] = ()) -> LcspecError:
    return LcspecError([Diagnostic("LC0122", message, notes=notes, help=help)], 1)


def _identifier(name: str) -> str:
    made = "".join(char if char.isalnum() else "_" for char in name).strip("_") or "text"
    return made if made.isidentifier() else f"c_{made}"


def _rank(name: str, known: str) -> int:
    """How early a name stands in a list of usual names; beyond its end when it does not."""
    usual = known.split()
    return usual.index(name.lower()) if name.lower() in usual else len(usual)


def _labelled(column: Column) -> bool:
    """Whether a column looks like a few labels: short values that come again."""
    few = not column.many and 2 <= len(column.values) <= min(MOST_LABELS, max(2, column.filled // 2))
    return few and column.quantile(0.95) <= LABEL_WORDS and column.type not in ("list", "dict", "float")


def _target(seen: Look, input: str | None, task: str | None) -> Column:
    others = [c for name, c in seen.columns.items() if name != input and c.type != "dict" and c.filled]
    usable = [column for column in others if len(column.values) > 1 and column.name.lower() not in IDS]
    labelled = [column for column in usable if _labelled(column)]
    named = [column for column in usable if _rank(column.name, TARGETS) < len(TARGETS.split())]
    if task not in (None, "classification"):
        labelled = [column for column in labelled if column in named]
    pool = [column for column in labelled if column in named] or named or labelled
    if not pool or (input is None and len(seen.columns) < 2):
        single = next((c.name for c in others if len(c.values) == 1 and _rank(c.name, TARGETS) < 99), None)
        why = (f"every row says the same under `{single}`",) if single and others else ()
        listed = ", ".join(f"`{name}`" for name in seen.columns)
        raise _no(f"no column of `{seen.path}` can be the answer", f"name it with `--target`; columns: {listed}", why)
    return min(pool, key=lambda column: (_rank(column.name, TARGETS), len(column.values), column.name))


def _input(seen: Look, answer: Column) -> Column:
    texts = [c for c in seen.columns.values() if c is not answer and c.type == "str" and c.name.lower() not in IDS]
    if not texts:
        listed = ", ".join(f"`{name}`" for name in seen.columns)
        raise _no(f"no column of `{seen.path}` can be the input", f"name it with `--input`; columns: {listed}")
    usual = [c for c in texts if _rank(c.name, INPUTS) < len(INPUTS.split()) and c.filled == seen.rows]
    if usual:
        return min(usual, key=lambda column: _rank(column.name, INPUTS))
    return max(texts, key=lambda column: (column.name.isidentifier(), column.filled, column.mean_words))


def _task(seen: Look, read: Column, answer: Column) -> str:
    if _labelled(answer):
        return "classification"
    for column in (answer, read):
        if column.name.lower() in BY_NAME:
            return BY_NAME[column.name.lower()]
    shorter = answer.mean_words * 3 < read.mean_words
    return "summarization" if shorter and answer.mean_words > 12 and read.mean_words > 60 else "generation"


def _labels(answer: Column) -> None:
    if answer.type in ("list", "dict"):
        raise _no(f"`{answer.name}` holds lists, a classification has one label per row", "name another `--target`")
    if answer.many or len(answer.values) > 10 * MOST_LABELS:
        help = "name another `--target`, or another `--task`"
        raise _no(f"`{answer.name}` has {len(answer.values):,} or more different values, too many for labels", help)
    if len(answer.values) < 2:
        message = f"every row says `{next(iter(answer.values), '')}` under `{answer.name}`: there is nothing to decide"
        raise _no(message, "give the file rows of a second label, or name another `--target`")


def _passage(column: Column) -> bool:
    named = column.name.isidentifier() and column.name != "context"
    return named and column.type == "str" and column.mean_words >= 15 and column.empty == 0


def _filled(seen: Look, roles: Roles) -> None:
    """Refuses empty cells of the columns that matter: the data kind would refuse those rows."""
    for name in (roles.input, roles.answer):
        column = seen.columns[name]
        if column.empty:
            rows = "row has" if column.empty == 1 else "rows have"
            message = f"{column.empty:,} {rows} no `{name}`"
            help = f"fill or remove them; the first is line {column.first_empty} of `{seen.path}`"
            raise LcspecError([Diagnostic("LC0403", message, help=help)], 1)
