"""A cell's steps judged together: the lightest is the reference of all the others."""

from collections.abc import Sequence

from harness.analyse.judge import judge, light_of
from harness.analyse.slo import Light
from harness.model import Slo, StepFacts, StepResult


def reference(steps: Sequence[StepFacts]) -> Light | None:
    """What the target does when hardly loaded: the step with the fewest users that holds answers; None without one."""
    for facts in sorted(steps, key=lambda facts: (facts.users, facts.index)):
        light = light_of(facts)
        if light is not None:
            return light
    return None


def judge_all(steps: Sequence[StepFacts], slos: Sequence[Slo]) -> tuple[StepResult, ...]:
    """The results of a cell's steps under these SLOs, in the order they were measured."""
    light = reference(steps)
    return tuple(judge(facts, slos, light) for facts in steps)
