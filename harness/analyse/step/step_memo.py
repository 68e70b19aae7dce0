"""Remember what was computed of a step: each new step of a cell asks for the same of all steps before it."""

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from harness.model import StepFacts

_T = TypeVar("_T")


class StepMemo(Generic[_T]):
    """What was computed of each step last, and by what, for as long as the step's facts are in memory."""

    def __init__(self) -> None:
        self._last: WeakKeyDictionary[StepFacts, tuple[object, _T]] = WeakKeyDictionary()

    def compute_once(self, facts: StepFacts, by: object, compute: Callable[[], _T]) -> _T:
        """Return what `compute` returns. It is not called if it was last called for an equal `by`."""
        last = self._last.get(facts)
        if last is None or last[0] != by:
            last = self._last[facts] = by, compute()
        return last[1]
