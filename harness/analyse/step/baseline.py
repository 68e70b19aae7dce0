"""A cell's steps judged together: the lightest is the reference of all the others."""

from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.step.judge import fastest_tenth_s, judge, light_of
from harness.analyse.step.slo import Light
from harness.model import Slo, StepFacts, StepResult


def lightest(steps: Sequence[StepFacts]) -> Light | None:
    """What the step with the fewest users says of light load; None where no step holds answers."""
    for facts in sorted(steps, key=lambda facts: (facts.users, facts.index)):
        light = light_of(facts)
        if light is not None:
            return light
    return None


def lighter(one: Light | None, other: Light | None) -> Light | None:
    """The one of fewer users; the first where they are alike."""
    if one is None or other is None:
        return one or other
    return other if other.users < one.users else one


def reference(steps: Sequence[StepFacts], elsewhere: Light | None) -> Light | None:
    """The cell's own lightest step, or a lighter one of another size.

    A smaller size answers slower, so a borrowed response time is raised to what the fastest tenth met here:
    the reference may be too lenient (then the response times decide), never too strict.
    """
    own = lightest(steps)
    if own is None or elsewhere is None or own.users <= elsewhere.users:
        return own or elsewhere
    tenths_s = [fastest_tenth_s(facts) for facts in steps if facts.users == own.users]
    fastest_s = min(tenth_s for tenth_s in tenths_s if tenth_s is not None)
    return replace(elsewhere, mean_s=max(elsewhere.mean_s, fastest_s))


def judge_all(
    steps: Sequence[StepFacts], slos: Sequence[Slo], elsewhere: Light | None = None
) -> tuple[StepResult, ...]:
    """The results of a cell's steps under these SLOs, in the order they were measured."""
    light = reference(steps, elsewhere)
    return tuple(judge(facts, slos, light) for facts in steps)
