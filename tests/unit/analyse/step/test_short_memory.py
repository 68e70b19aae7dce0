"""A target whose memory becomes short after minutes fails by what it does then.

20 users ask 20 times a second from 12 s to 132 s, and are answered within 0.1 s. A target that hangs answers
none of the requests from 122 s on, one of each user: 0.9 % of 2,220 in all, 9 % of 220 in the last 20 s.
"""

from dataclasses import replace

import pytest

from harness.analyse.search.memory_model import is_memory_failure
from harness.analyse.step.baseline import Baseline
from harness.analyse.step.judge import judge_step
from harness.analyse.step.sound_part import select_latest_part
from harness.analyse.step.steady import build_steady_predicate
from harness.model import MIB, HostSample, Limits, MemoryOutlook, Rule, Step, StepFacts, Timing
from harness.report.view.steps import build_step_view
from tests.builders import SLOS, make_plan
from tests.unit.analyse.synthetic import make_closed_step

LIGHT, LIMITS = Baseline(10, 0.1), Limits(1.0, 96 * MIB)
HANGS_FROM_S = 122.0


def make_step(*, hangs: bool = True, stalled_ratio: float = 0.35, used_mib: int = 93) -> StepFacts:
    """Return a step at whose end work waits for memory so much of the time, and nothing is answered."""
    hanging = round(20 * HANGS_FROM_S) if hangs else 10**9
    facts = make_closed_step(20, latency=lambda number: 0.1 if number < hanging else 100.0, window_s=120.0)
    target = tuple(
        replace(
            sample,
            working_set_bytes=used_mib * MIB,
            memory_some_s=stalled_ratio * max(0.0, sample.at_s - HANGS_FROM_S),
        )
        for sample in facts.target
    )
    host = tuple(HostSample(at, (at / 2, at / 2), 0.0, 2**30, 0.5, 0, 0, 0, 0) for at in range(134))
    return replace(facts, target=target, host=host)


def test_a_target_that_thrashes_at_last_fails_by_what_followed() -> None:
    """Work waited for memory 3.5 s: 17.5 % of the last 20 s, and 8 % of the last third of 130 s."""
    result = judge_step(make_step(), SLOS, LIGHT, LIMITS)
    assert result.rule is Rule.SLO_BROKEN
    assert (result.window_s, result.before_short_s) == pytest.approx((20.0, 100.0))
    assert result.requests == 220
    assert result.memory is not None
    assert result.memory.shortage is not None
    assert result.memory.shortage.stalled_ratio == pytest.approx(0.175)
    assert is_memory_failure(result)
    assert result.host.left_out_s == 0.0
    assert result.settling.length_s == pytest.approx(10.0)
    assert build_step_view(result).reason.endswith(
        "its memory became short, and what followed is judged: until then the SLOs held for 1 min 40 s"
    )


@pytest.mark.parametrize(
    "facts",
    [make_step(stalled_ratio=0.15), make_step(used_mib=80), make_step(hangs=False)],
    ids=["7.5 % of the time", "the host lacks memory", "all is answered"],
)
def test_a_window_is_judged_as_a_whole_unless_its_memory_breaks_an_slo(facts: StepFacts) -> None:
    """80 of 96 MiB are less than 90 %: the work waited for memory of the host."""
    result = judge_step(facts, SLOS, LIGHT, LIMITS)
    assert (result.rule, result.before_short_s) == (Rule.SLOS_HOLD, 0.0)
    assert result.window_s == pytest.approx(120.0)


def test_memory_that_slowed_requests_at_last_is_not_known_to_last() -> None:
    trend = judge_step(make_step(hangs=False), SLOS, LIGHT, LIMITS).memory
    assert trend is not None
    assert trend.outlook is MemoryOutlook.UNKNOWN


def test_nothing_is_cut_off_where_memory_is_not_to_be_judged() -> None:
    result = judge_step(make_step(), SLOS, LIGHT, LIMITS, Timing(steady_at_most_s=0.0))
    assert (result.rule, result.before_short_s) == (Rule.SLOS_HOLD, 0.0)


@pytest.mark.parametrize("hangs", [True, False])
def test_a_window_waits_no_longer_once_short_memory_breaks_an_slo(*, hangs: bool) -> None:
    facts = replace(make_step(hangs=hangs), window_to_s=None)
    assert build_steady_predicate(make_plan(), Step(20), LIGHT, LIMITS)(facts) is hangs


@pytest.mark.parametrize(("think_s", "part_s"), [(0.9, 20.0), (29.9, 60.0)])
def test_the_latest_part_spans_two_cycles_of_the_users(think_s: float, part_s: float) -> None:
    facts = make_closed_step(20, think_s=think_s, window_s=120.0)
    part = select_latest_part(facts, 1.0)
    assert part is not None
    assert (part.window_from_s, part.window_to_s) == pytest.approx((132.0 - part_s, 132.0))


def test_a_window_that_is_no_longer_has_no_latest_part() -> None:
    assert select_latest_part(make_closed_step(20, window_s=20.0), 1.0) is None


def test_memory_that_rose_to_its_limit_is_said_to_be_full_and_not_an_slo_to_be_broken() -> None:
    """It rises from 47 MiB by 0.5 MiB a second: 95 of 96 MiB at 96 s, where the kernel keeps it."""
    facts = make_step()
    target = (
        replace(each, working_set_bytes=round(min(95.0, 47 + each.at_s / 2) * MIB)) for each in facts.target
    )
    result = judge_step(replace(facts, target=tuple(target)), SLOS, LIGHT, LIMITS)
    assert result.memory is not None
    assert (result.memory.rose_to_full, result.memory.slows_requests) == (True, True)
    assert (result.rule, result.before_short_s) == (Rule.MEMORY_GROWS, 0.0)
