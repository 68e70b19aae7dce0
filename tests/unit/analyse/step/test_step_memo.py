"""What was computed of a step is computed again only if something else of it is asked."""

import weakref

from harness.analyse.step.step_memo import StepMemo
from harness.model import EndReason, StepFacts


def make_facts() -> StepFacts:
    return StepFacts(1, 1, 10, 20.0, 0.0, None, None, None, 5.0, EndReason.HELD)


def test_the_same_is_computed_once_for_each_step() -> None:
    memo, computed = StepMemo[int](), list[str]()

    def ask(facts: StepFacts, by: str) -> int:
        def compute() -> int:
            computed.append(by)
            return len(computed)

        return memo.compute_once(facts, by, compute)

    one, other = make_facts(), make_facts()
    assert [ask(one, "a"), ask(one, "a"), ask(other, "a"), ask(one, "b"), ask(one, "b")] == [1, 1, 2, 3, 3]
    assert computed == ["a", "a", "b"]


def test_a_step_is_not_kept_in_memory() -> None:
    memo, facts = StepMemo[int](), make_facts()
    assert memo.compute_once(facts, "a", lambda: 1) == 1
    gone = weakref.ref(facts)
    del facts
    assert gone() is None
