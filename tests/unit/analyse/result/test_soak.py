"""What a soak makes of a size's answer, and which size is held next."""

from dataclasses import replace

import pytest

from harness.analyse.result.consistency import Recheck, find_monotonicity_violations
from harness.analyse.result.soak import add_soak, assess_soak, choose_counting_soak, choose_soak
from harness.analyse.search.demand import add_inferred_results
from harness.model import (
    MIB,
    CellResult,
    ContainerRun,
    Factor,
    HostUse,
    Price,
    Purpose,
    Soak,
    Status,
    StepResult,
    TargetUse,
    Verdict,
)
from harness.model.cell_evidence import BrokeInSoak
from harness.model.evidence import CpuQuotaUsed, NeverBroke
from harness.model.trials import LongSoak
from tests.builders import make_plan
from tests.unit.analyse.synthetic import make_step

LIMIT = 400
PLAN = make_plan((0.5, 256), (1.0, 256), (2.0, 256), users_limit=LIMIT)
SOAKING = replace(PLAN, search=replace(PLAN.search, soak_s=300.0))
RUN = ContainerRun(PLAN.cells[0].id, 3, "2026-01-01T00:00:00+00:00", 0.8, purpose=Purpose.SOAK)
FULL_CPU = TargetUse(cpu_cores=0.5, throttled_ratio=0.9, memory_peak_bytes=150 * MIB)


def make_censored(number: int = 0, *lighter_users: int) -> CellResult:
    """Make a size that passed at the limit for 20 s, and before at fewer users."""
    steps = tuple(make_step(users, "PASS") for users in (*lighter_users, LIMIT))
    return CellResult(
        PLAN.cells[number],
        Status.CENSORED,
        LIMIT,
        evidence=NeverBroke(),
        rps=160.0,
        p95_s=0.2,
        steps=steps,
        load_s=33.0 * len(steps),
    )


def make_soak(verdict: str, rule: str | None = None, window_s: float = 300.0, load_s: float = 330.0) -> Soak:
    step = make_soak_step(verdict, rule, window_s, load_s)
    return Soak(LIMIT, step, step.judgement, load_s)


def make_soak_step(
    verdict: str, rule: str | None = None, window_s: float = 300.0, load_s: float = 330.0
) -> StepResult:
    step = make_step(LIMIT, verdict, rule=rule, target=FULL_CPU)
    return replace(step, window_s=window_s, load_s=load_s)


def test_a_soak_that_passes_leaves_the_answer_as_it_is() -> None:
    result, soak = make_censored(), make_soak("PASS")
    assert add_soak(result, soak) == replace(result, soak=soak)
    assert add_soak(result, None) == result


def test_a_soak_that_fails_is_the_upper_end_of_the_bracket_with_its_cause() -> None:
    result = make_censored(0, 10, 380)
    broken = add_soak(result, make_soak("FAIL"))
    assert (broken.status, broken.sustained_users, broken.broken_users) == (Status.BRACKETED, 380, LIMIT)
    assert not broken.sustains(LIMIT)
    assert broken.sustains(380)
    assert broken.limiting_factor is Factor.CPU
    assert broken.evidence == BrokeInSoak(LIMIT, 20.0, 300.0, False, CpuQuotaUsed(1.0, 0.5, 0.9))
    assert (broken.steps, broken.load_s) == (result.steps, result.load_s)


def test_the_numbers_of_a_broken_size_are_of_the_users_that_it_still_sustains() -> None:
    light = make_step(10, "PASS", rps=4.0, p95_s=0.05)
    result = replace(make_censored(), steps=(light, *make_censored().steps), estimate_users=400.0)
    broken = add_soak(result, make_soak("FAIL"))
    assert (broken.rps, broken.p95_s, broken.estimate_users) == (4.0, 0.05, None)


def test_without_a_lighter_step_a_broken_size_sustains_no_known_number() -> None:
    broken = add_soak(make_censored(), make_soak("FAIL"))
    assert (broken.status, broken.sustained_users, broken.broken_users) == (Status.NONE, None, LIMIT)
    assert broken.rps is None


def test_a_target_that_dies_in_its_soak_lasted_for_as_long_as_the_load() -> None:
    died = make_soak("FAIL", rule="died", window_s=180.0, load_s=213.0)
    evidence = add_soak(make_censored(), died).evidence
    assert isinstance(evidence, BrokeInSoak)
    assert (evidence.held_s, evidence.has_ended) == (213.0, True)


def test_a_soak_above_a_broken_number_of_users_changes_nothing() -> None:
    """As it may be when a stored campaign is judged again by other SLOs."""
    result = replace(make_censored(), status=Status.BRACKETED, sustained_users=300, broken_users=315)
    soak = make_soak("FAIL")
    assert add_soak(result, soak) == replace(result, soak=soak)


@pytest.mark.parametrize(
    ("verdicts", "is_done"),
    [
        (("PASS",), True),
        (("FAIL",), True),
        (("INVALID",), False),
        (("INVALID", "INVALID"), True),
        ((), False),
    ],
)
def test_an_invalid_soak_is_held_once_more(verdicts: tuple[str, ...], is_done: bool) -> None:
    steps = [make_soak_step(verdict) for verdict in verdicts]
    soak = assess_soak(Recheck(make_censored(), [RUN] * len(steps), steps), LIMIT)
    assert (soak is not None) is is_done
    if soak is not None:
        assert soak.verdict is steps[-1].verdict
        assert soak.load_s == 330.0 * len(steps)


@pytest.mark.parametrize(
    ("verdicts", "works_s", "verdict"),
    [
        (("FAIL",), (0.00219,), Verdict.FAIL),
        (("FAIL",), (0.00221,), None),
        (("FAIL", "PASS"), (0.00221, 0.002), Verdict.PASS),
        (("FAIL", "FAIL"), (0.00221, 0.00221), Verdict.FAIL),
        (("INVALID", "FAIL"), (0.002, 0.00221), None),
        (("FAIL", "INVALID"), (0.00221, 0.002), None),
        (("FAIL", "INVALID", "INVALID"), (0.00221, 0.002, 0.002), Verdict.FAIL),
        (("FAIL", "INVALID", "PASS"), (0.00221, 0.002, 0.002), Verdict.PASS),
        (("PASS",), (0.003,), Verdict.PASS),
    ],
)
def test_a_soak_that_fails_on_a_host_slower_by_a_tenth_is_held_once_more(
    verdicts: tuple[str, ...], works_s: tuple[float, ...], verdict: Verdict | None
) -> None:
    """A fixed piece of work took 2 ms when the search's step passed."""
    result = make_censored()
    fast = tuple(replace(step, host=HostUse(work_s=0.002)) for step in result.steps)
    steps = [
        replace(make_soak_step(each), host=HostUse(work_s=work_s))
        for each, work_s in zip(verdicts, works_s, strict=True)
    ]
    soak = assess_soak(Recheck(replace(result, steps=fast), [RUN] * len(steps), steps), LIMIT)
    assert (soak.verdict if soak else None) is verdict
    if soak is not None and verdict is Verdict.PASS and "FAIL" in verdicts:
        assert soak.slow_failure is steps[0]


def test_a_target_that_dies_on_a_slow_host_has_broken() -> None:
    result = make_censored()
    fast = tuple(replace(step, host=HostUse(work_s=0.002)) for step in result.steps)
    died = replace(make_soak_step("FAIL", "died"), host=HostUse(work_s=0.003))
    soak = assess_soak(Recheck(replace(result, steps=fast), [RUN], [died]), LIMIT)
    assert soak is not None
    assert soak.verdict is Verdict.FAIL
    broken = add_soak(replace(result, steps=fast), soak)
    assert (broken.sustained_users, broken.broken_users) == (None, LIMIT)


def test_a_target_that_does_not_come_up_ends_the_soak_without_a_verdict() -> None:
    dead = replace(RUN, ready_after_s=None, failure="exit code 1")
    soak = assess_soak(Recheck(make_censored(), [dead], []), LIMIT)
    assert soak is not None
    assert (soak.verdict, soak.step) == (Verdict.INVALID, None)
    assert add_soak(make_censored(), soak).sustains(LIMIT)


def test_the_recommended_size_is_held_for_exactly_the_soak_at_the_users_limit() -> None:
    chosen = choose_soak(SOAKING, [make_censored(0), make_censored(1)])
    assert chosen is not None
    cell, step = chosen
    assert (cell, step.users, step.purpose) == (PLAN.cells[0], LIMIT, Purpose.SOAK)
    assert (step.timing.window_at_least_s, step.timing.window_at_most_s) == (300.0, 300.0)
    assert step.timing.settle_s == PLAN.timing.settle_s


def test_the_cheapest_size_is_held_if_there_are_prices() -> None:
    named = replace(PLAN.cells[1], size_name="cheap")
    price = Price("EUR", cpu_hour=1.0, by_name={"cheap": 0.1})
    results = [make_censored(0), replace(make_censored(1), cell=named)]
    chosen = choose_soak(replace(SOAKING, price=price), results)
    assert chosen is not None
    assert chosen[0] == named


def test_the_next_size_is_held_after_one_that_broke_and_none_after_one_that_did_not() -> None:
    survived, broken = make_soak("PASS"), make_soak("FAIL")
    unknown = make_soak("INVALID", rule="steal")
    others = [make_censored(1), make_censored(2)]
    assert choose_soak(SOAKING, [add_soak(make_censored(0), survived), *others]) is None
    assert choose_soak(SOAKING, [add_soak(make_censored(0), unknown), *others]) is None
    chosen = choose_soak(SOAKING, [add_soak(make_censored(0), broken), *others])
    assert chosen is not None
    assert chosen[0] == PLAN.cells[1]
    assert choose_soak(SOAKING, [add_soak(make_censored(number), broken) for number in range(3)]) is None


def test_no_size_is_held_without_a_recommendation_or_if_the_plan_wants_none() -> None:
    low = replace(make_censored(0), status=Status.BRACKETED, sustained_users=300, broken_users=310)
    assert choose_soak(SOAKING, [low]) is None
    assert choose_soak(PLAN, [make_censored(0)]) is None


def test_a_size_that_broke_in_its_soak_does_not_contradict_a_smaller_one() -> None:
    """The smaller one was held for a window only."""
    results = {
        result.cell.id: result
        for result in (make_censored(0), add_soak(make_censored(1), make_soak("FAIL")), make_censored(2))
    }
    assert find_monotonicity_violations(SOAKING, results) == []
    demand = replace(SOAKING, users_required=LIMIT)
    assert find_monotonicity_violations(demand, results) == []


def test_what_followed_from_a_size_that_broke_in_its_soak_must_be_measured() -> None:
    plan = replace(SOAKING, users_required=LIMIT)
    open_cells = {cell.id: CellResult(cell, Status.RUNNING) for cell in plan.cells}
    small = plan.cells[0].id
    before = add_inferred_results(open_cells | {small: make_censored(0)}, LIMIT)
    assert before[plan.cells[1].id].status is Status.INFERRED
    after = add_inferred_results(before | {small: add_soak(make_censored(0), make_soak("FAIL"))}, LIMIT)
    assert after[plan.cells[1].id].status is Status.RUNNING


INVALID = make_soak("INVALID")
LONG_ENOUGH_S, TOO_SHORT_S = 297.0, 296.9
"""The campaign's soak lasts 300 s; one that lasts 99 % of it has lasted as long."""


def hold_later(
    verdict: str, users: int = LIMIT, window_s: float = 300.0, rule: str | None = None
) -> LongSoak:
    step = replace(make_step(users, verdict, rule=rule, target=FULL_CPU), window_s=window_s, load_s=330.0)
    return LongSoak(PLAN.cells[0], users, "2026-11-27T09:00:00+00:00", step, step.judgement)


def choose_later(own: Soak | None, *later: LongSoak) -> Soak | None:
    return choose_counting_soak(SOAKING, make_censored(0, 10, 300), own, later)


@pytest.mark.parametrize(
    ("own", "verdict", "users", "window_s", "counts"),
    [
        (INVALID, "PASS", LIMIT, LONG_ENOUGH_S, True),
        (INVALID, "PASS", LIMIT, TOO_SHORT_S, False),
        (INVALID, "PASS", LIMIT - 1, 1800.0, False),
        (INVALID, "PASS", LIMIT + 100, 1800.0, True),
        (INVALID, "INVALID", LIMIT, 1800.0, False),
        (None, "PASS", LIMIT, 1800.0, True),
        (make_soak("PASS"), "PASS", LIMIT, 1800.0, False),
        (make_soak("FAIL"), "PASS", LIMIT, 1800.0, False),
        (INVALID, "FAIL", LIMIT, 60.0, True),
        (make_soak("PASS"), "FAIL", LIMIT, 1800.0, True),
        (make_soak("PASS"), "FAIL", 300, 1800.0, True),
        (make_soak("PASS"), "FAIL", LIMIT + 1, 1800.0, False),
    ],
)
def test_a_later_soak_confirms_a_size_of_which_nothing_is_known_or_breaks_it(
    own: Soak | None, verdict: str, users: int, window_s: float, counts: bool
) -> None:
    later = hold_later(verdict, users, window_s)
    chosen = choose_later(own, later)
    if not counts:
        assert chosen is own
        return
    assert chosen is not None
    assert (chosen.step, chosen.users, chosen.is_later) == (later.step, users, True)
    assert chosen.load_s == (own.load_s if own is not None else 0.0)


def test_a_later_failure_counts_before_a_later_pass() -> None:
    failed = hold_later("FAIL", window_s=1800.0)
    for later in ((failed, hold_later("PASS")), (hold_later("PASS"), failed)):
        chosen = choose_later(INVALID, *later)
        assert chosen is not None
        assert chosen.step is failed.step


def test_a_later_soak_of_another_size_tells_nothing() -> None:
    other = replace(hold_later("FAIL"), cell=PLAN.cells[1])
    assert choose_later(None, other, replace(hold_later("PASS"), cell=PLAN.cells[1])) is None


def test_a_later_failure_on_a_slower_host_tells_nothing_unless_the_target_died() -> None:
    """The fixed piece of work took 2 ms when these users passed, and 2.21 ms, 10.5 % longer, later."""
    result = make_censored()
    usual = replace(result, steps=tuple(replace(s, host=HostUse(work_s=0.002)) for s in result.steps))
    for work_s, rule, counts in ((0.00221, None, False), (0.00219, None, True), (0.00221, "died", True)):
        held = hold_later("FAIL", rule=rule)
        assert held.step is not None
        held = replace(held, step=replace(held.step, host=HostUse(work_s=work_s)))
        assert (choose_counting_soak(SOAKING, usual, INVALID, [held]) is not INVALID) is counts


def test_without_a_soak_of_the_campaign_five_minutes_are_asked_of_a_later_one() -> None:
    for window_s, counts in ((299.0, True), (60.0, False)):
        later = hold_later("PASS", window_s=window_s)
        assert (choose_counting_soak(PLAN, make_censored(), None, [later]) is not None) is counts


def test_a_size_that_broke_with_fewer_users_later_keeps_what_it_sustained_below() -> None:
    result = make_censored(0, 10, 300)
    broken = add_soak(result, choose_later(make_soak("PASS"), hold_later("FAIL", 350, 1800.0)))
    assert (broken.sustained_users, broken.broken_users) == (300, 350)
    assert broken.evidence == BrokeInSoak(
        350, 20.0, 1800.0, False, CpuQuotaUsed(1.0, 0.5, 0.9), passed_users=LIMIT
    )
