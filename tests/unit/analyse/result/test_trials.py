"""What a burst and a soak have shown of a size, by their facts."""

from dataclasses import replace

import pytest

from harness.analyse.result.burst import assess_burst
from harness.analyse.result.long_soak import assess_long_soak
from harness.analyse.result.trial_checks import check_trial
from harness.model import (
    MIB,
    CampaignResult,
    CampaignState,
    CompanionFacts,
    ContainerRun,
    EventKind,
    Judgement,
    Limits,
    Rule,
    StepFacts,
    TargetEvent,
)
from harness.model.evidence import ProcessKilled
from harness.model.facts import BurstFacts
from harness.model.trials import Burst, BurstOutcome, TrialRequirement, Trials
from tests.builders import make_plan
from tests.unit.analyse.synthetic import make_closed_step

PLAN = make_plan((1.0, 256))
(CELL,) = PLAN.cells
RUN = ContainerRun(CELL.id, 1, "2026-11-26T16:00:00+00:00", 1.0)


def make_burst(kills: dict[float, int]) -> StepFacts:
    """Return ten users, with twenty more from 40 s to 50 s, who notice nothing.

    From each instant in `kills` on the kernel has counted so many killed processes.
    """
    facts = make_closed_step(10, window_s=80.0, burst=BurstFacts(30, 40.0, 50.0))
    counted = tuple(
        replace(sample, oom_kills=max((kills[at_s] for at_s in kills if at_s <= sample.at_s), default=0))
        for sample in facts.target
    )
    users = tuple(replace(each, users=30 if 40 < each.at_s < 50 else 10) for each in facts.generator)
    return replace(facts, target=counted, generator=users)


def assess(facts: StepFacts) -> Burst:
    burst = assess_burst(PLAN, CELL, RUN, facts, None)
    assert burst is not None
    return burst


def check_recovery(burst: Burst) -> bool | None:
    campaign = CampaignResult("c", "web", CampaignState.COMPLETE, "", 400, (), (), trials=Trials((burst,)))
    requirement = TrialRequirement("", 60.0, Limits(CELL.limits.cpu_cores, CELL.limits.memory_bytes))
    return check_trial(campaign, requirement).is_met


def test_a_burst_that_nobody_notices_is_over_at_once() -> None:
    burst = assess(make_burst({}))
    assert (burst.outcome, burst.steady_after_s) == (BurstOutcome.RECOVERED, 0.0)
    assert check_recovery(burst) is True


@pytest.mark.parametrize("is_told_by_engine", [True, False])
def test_a_process_that_the_kernel_killed_in_a_burst_broke_it_whoever_tells(is_told_by_engine: bool) -> None:
    """Engines without events of such kills leave only the kernel's own count."""
    facts = make_burst({} if is_told_by_engine else {45.5: 1})
    if is_told_by_engine:
        facts = replace(facts, events=(TargetEvent(46.0, EventKind.OOM),))
    burst = assess(facts)
    assert burst.outcome is BurstOutcome.BROKE
    assert burst.evidence == Judgement(Rule.OOM_KILL, ProcessKilled(46.0))
    assert check_recovery(burst) is False


def test_a_process_of_a_companion_that_was_killed_broke_the_burst_or_came_before_it() -> None:
    facts = make_burst({45.0: 1})
    database = CompanionFacts(Limits(1.0, 256 * MIB), facts.target)
    burst = assess(replace(make_burst({}), companions={"db": database}))
    assert burst.outcome is BurstOutcome.BROKE
    assert burst.evidence == Judgement(Rule.OOM_KILL, ProcessKilled(45.0, "db"))
    early = replace(database, samples=make_burst({20.0: 1}).target)
    assert assess(replace(make_burst({}), companions={"db": early})).outcome is BurstOutcome.UNTOLD


def test_a_process_that_was_killed_before_the_burst_leaves_nothing_to_come_back_to() -> None:
    burst = assess(make_burst({20.0: 1}))
    assert burst.outcome is BurstOutcome.UNTOLD
    assert burst.evidence == Judgement(Rule.OOM_KILL, ProcessKilled(20.0))


@pytest.mark.parametrize(
    ("kills", "events", "restarts"),
    [
        ({}, [], 0),
        ({20.0: 1, 30.0: 3}, [], 3),
        ({20.0: 1}, [EventKind.OOM, EventKind.OOM], 2),
        ({20.0: 1}, [EventKind.DIE, EventKind.RESTART], 1),
    ],
)
def test_a_soak_counts_processes_that_ended_whoever_tells(
    kills: dict[float, int], events: list[EventKind], restarts: int
) -> None:
    facts = replace(make_burst(kills), burst=None, events=tuple(TargetEvent(25.0, kind) for kind in events))
    soak = assess_long_soak(PLAN, CELL, RUN, facts, None)
    assert soak is not None
    assert soak.restarts == restarts
