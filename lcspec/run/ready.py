"""The steps that could start now, in the order of the plan."""

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence

from lcspec.ir.plan import PlannedStep

RUN = "run"


class Ready:
    """The planned steps whose key is known and whose record is not there. What changes costs what changes."""

    def __init__(self, planned: Sequence[PlannedStep]) -> None:
        self._place = {one.step.id: place for place, one in enumerate(planned)}
        self._planned: dict[int, PlannedStep] = {}
        self._order: list[int] = []
        self.update(planned)

    def update(self, changed: Iterable[PlannedStep]) -> None:
        """Takes in what happens to these steps now."""
        for one in changed:
            place = self._place[one.step.id]
            if one.action == RUN and one.key:
                if place not in self._planned:
                    insort(self._order, place)
                self._planned[place] = one
            elif self._planned.pop(place, None) is not None:
                self._order.remove(place)

    def drop(self, one: PlannedStep) -> None:
        """Leaves a step out: it runs, or has failed."""
        place = self._place[one.step.id]
        if self._planned.pop(place, None) is not None:
            self._order.remove(place)

    def __iter__(self) -> Iterator[PlannedStep]:
        return (self._planned[place] for place in tuple(self._order))
