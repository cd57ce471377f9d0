"""Who waits for what while a plan is kept true: steps for steps and for questions, questions for records."""

from collections import deque
from collections.abc import Mapping

from lcspec.gates.choose import Chooser
from lcspec.ir.plan import Graph
from lcspec.ir.record import StepRecord
from lcspec.ir.verdict import Decision

Question = tuple[str, str]  # (`choice`, its id), or (`passes`, a candidate): what is decided from records


class Waits:
    """What is not known yet, and whom that concerns.

    A question waits for the record at which its answer stopped, and for no other: until that one is there, no answer
    can be had. So all questions together are asked as often as records come, not as often as steps ask.
    """

    def __init__(self, graph: Graph, records: Mapping[str, StepRecord]) -> None:
        self.chooser = Chooser(graph, self._record_of)
        self.again: deque[str] = deque()  # steps for which something has become known
        self._records = records
        self._steps: dict[str | Question, dict[str, None]] = {}  # step or question to the steps that wait for it
        self._questions: dict[str, dict[Question, None]] = {}  # step to the questions that wait for its record
        self._open: set[Question] = set()  # those that are in `_questions`
        self._decided: dict[Question, Decision] = {}
        self._told = 0
        self._missing: str | None = None

    def _record_of(self, step: str) -> StepRecord | None:
        record = self._records.get(step)
        if record is None:
            self._missing = step
        return record

    def wait(self, step: str, asker: str) -> None:
        """Notes that the plan of `asker` rests on `step`, which has no record yet."""
        self._steps.setdefault(step, {})[asker] = None

    def known(self, step: str) -> None:
        """Notes that `step` has its record, or is not needed."""
        self.again.extend(self._steps.pop(step, ()))
        for question in self._questions.pop(step, ()):
            self._open.discard(question)
            self.answer(question)

    def answer(self, question: Question, asker: str | None = None) -> Decision | bool | None:
        """The answer, or None while a record is missing; then `asker` comes up in `again` when there is one."""
        answer: Decision | bool | None = None
        if question not in self._open:
            self._missing = None
            rule, name = question
            answer = self.chooser.passes_test(name) if rule == "passes" else self.chooser.decision(name)
        if answer is None:
            if asker is not None:
                self._steps.setdefault(question, {})[asker] = None
            if question not in self._open and self._missing is not None:
                self._open.add(question)
                self._questions.setdefault(self._missing, {})[question] = None
            return None
        self.again.extend(self._steps.pop(question, ()))
        if isinstance(answer, Decision):
            self._decided.setdefault(question, answer)
        return answer

    def decided(self) -> list[Decision]:
        """The choices that were decided since this was last asked."""
        new = list(self._decided.values())[self._told :]
        self._told = len(self._decided)
        return new
