"""A size away from the decision need not wait for memory that another size has shown to last."""

from dataclasses import replace

import pytest

from bench.search.trial import SimulatedScenario, Strategy, build_grid, measure_matrix
from bench.simulation.model import QUIET, Service
from harness.analyse.result.decision import add_asked_precision, choose_precise_step
from harness.analyse.search.shown_memory import believe_shown_memory, find_shown_bytes, find_shown_memory
from harness.model import (
    MIB,
    CampaignResult,
    CampaignState,
    CellResult,
    Limits,
    MemoryOutlook,
    MemoryTrend,
    ShownMemory,
    Status,
    StepResult,
)
from harness.model.stalls import MemoryShort
from tests.builders import make_plan, make_result
from tests.unit.analyse.synthetic import make_step

LASTS, UNKNOWN = MemoryOutlook.LASTS, MemoryOutlook.UNKNOWN
PLAN, CELL = make_plan(), make_result(0.5, mib=96).cell


def watch(
    users: int,
    outlook: MemoryOutlook = LASTS,
    observed_s: float = 60.0,
    *,
    mib: int = 80,
    verdict: str = "PASS",
    rule: str | None = None,
    shortage: MemoryShort | None = None,
) -> StepResult:
    used = mib * MIB
    trend = MemoryTrend(
        outlook, observed_s, 32 * MIB, used, 0.0, 0.0, 0.0, float(used), None, shortage=shortage
    )
    return replace(make_step(users, verdict, rule=rule), memory=trend)


def make_other(*steps: StepResult, cores: float = 1.0, mib: int = 96) -> CellResult:
    return replace(make_result(cores, 100, 105, mib=mib), steps=steps)


@pytest.mark.parametrize(
    ("other", "mib"),
    [
        (make_other(watch(100)), 80),
        (make_other(watch(100), mib=64), 80),
        (make_other(watch(100, UNKNOWN, 310.0)), 80),
        (make_other(watch(120, mib=85), watch(100, mib=90), watch(140, mib=70)), 90),
        (make_other(watch(99)), 0),
        (make_other(watch(100), mib=128), 0),
        (make_other(watch(100, UNKNOWN, 290.0)), 0),
        (make_other(watch(100, verdict="FAIL")), 0),
        (make_other(watch(100, shortage=MemoryShort(0.2, 96 * MIB))), 0),
        (make_other(make_step(100, "PASS")), 0),
    ],
    ids=[
        "as many users",
        "with less memory",
        "watched for five minutes",
        "the most of three",
        "fewer users",
        "with more memory",
        "not watched for long enough",
        "a failure",
        "memory that was short",
        "nothing is known of its memory",
    ],
)
def test_memory_is_shown_by_a_size_that_was_watched_with_as_many_users(other: CellResult, mib: int) -> None:
    assert find_shown_bytes(PLAN, CELL, 100, [], [other]) == mib * MIB


def test_other_repetitions_replicas_and_variants_show_nothing() -> None:
    other = make_other(watch(100))
    limits = other.cell.limits
    for cell in (
        replace(other.cell, repetition=2),
        replace(other.cell, limits=replace(limits, replicas=2)),
        replace(other.cell, limits=replace(limits, variant="new")),
    ):
        assert find_shown_bytes(PLAN, CELL, 100, [], [replace(other, cell=cell)]) == 0


def test_a_size_that_ran_out_of_memory_itself_is_shown_nothing_by_as_many_users() -> None:
    own, others = [watch(110, verdict="FAIL", rule="memory-grows")], [make_other(watch(110))]
    assert find_shown_bytes(PLAN, CELL, 100, own, others) == 0
    assert find_shown_bytes(PLAN, CELL, 100, own, [make_other(watch(109))]) == 80 * MIB


@pytest.mark.parametrize(("mib", "outlook"), [(80, LASTS), (81, UNKNOWN)])
def test_only_as_much_memory_as_was_shown_is_taken_to_last(mib: int, outlook: MemoryOutlook) -> None:
    (step,) = believe_shown_memory(PLAN, CELL, [watch(100, UNKNOWN, 40.0, mib=mib)], [make_other(watch(100))])
    assert step.memory is not None
    assert step.memory.outlook is outlook


def make_spared(mib: int = 80, outlook: MemoryOutlook = UNKNOWN) -> CellResult:
    """Make a size that passed with 100 users and was watched for 40 s."""
    result = make_result(0.5, 100, 105, mib=96)
    return replace(result, steps=(watch(100, outlook, 40.0, mib=mib), make_step(105, "FAIL")))


@pytest.mark.parametrize(
    ("spared", "others", "shown"),
    [
        (make_spared(), [make_other(watch(100))], ShownMemory(Limits(1.0, 96 * MIB), 60.0, lasts=True)),
        (
            make_spared(),
            [make_other(watch(100, UNKNOWN, 310.0)), make_other(watch(120), cores=2.0)],
            ShownMemory(Limits(2.0, 96 * MIB), 60.0, lasts=True),
        ),
        (
            make_spared(),
            [make_other(watch(100, UNKNOWN, 310.0))],
            ShownMemory(Limits(1.0, 96 * MIB), 310.0, lasts=False),
        ),
        (make_spared(81), [make_other(watch(100))], None),
        (
            make_spared(outlook=MemoryOutlook.FILLS),
            [make_other(watch(100))],
            ShownMemory(Limits(1.0, 96 * MIB), 60.0, lasts=True),
        ),
        (make_spared(outlook=LASTS), [make_other(watch(100))], None),
        (make_spared(), [], None),
    ],
    ids=[
        "one",
        "known to last first",
        "watched to the end",
        "filling",
        "less memory",
        "known by itself",
        "alone",
    ],
)
def test_a_size_that_was_spared_the_wait_knows_which_other_one_waited(
    spared: CellResult, others: list[CellResult], shown: ShownMemory | None
) -> None:
    assert find_shown_memory(PLAN, spared, [spared, *others]) == shown


def test_only_a_size_away_from_the_decision_was_spared_the_wait() -> None:
    """A larger size that sustains 100 of 400 users is too small, and so are all below it."""
    cells = (make_other(watch(100)), make_spared())
    campaign = CampaignResult("one", "web", CampaignState.COMPLETE, "", 400, PLAN.slos, cells)
    shown = [cell.shown_memory for cell in add_asked_precision(campaign, PLAN).cells]
    assert shown == [None, ShownMemory(Limits(1.0, 96 * MIB), 60.0, lasts=True)]
    alone = replace(campaign, cells=(make_spared(), make_other(watch(100), cores=0.25)))
    assert add_asked_precision(alone, PLAN).cells[0].shown_memory is None


def test_memory_that_still_fills_lasts_if_others_have_shown_as_much_but_not_if_it_is_full() -> None:
    """The window ended at once because of what the other has shown: it can't tell more by itself."""
    filling = watch(100, MemoryOutlook.FILLS, 40.0)
    assert filling.memory is not None
    full = replace(filling, memory=replace(filling.memory, rose_to_full=True))
    believed = believe_shown_memory(PLAN, CELL, [filling, full], [make_other(watch(100))])
    assert [step.memory and step.memory.outlook for step in believed] == [LASTS, MemoryOutlook.FILLS]


def test_a_pass_that_fills_as_much_as_was_shown_is_not_held_again() -> None:
    """100 and 110 users are a bracket of 10 %, so the search is over."""
    steps = [watch(100, MemoryOutlook.FILLS, 40.0), watch(110, verdict="FAIL", rule="memory-grows")]
    assert choose_precise_step(PLAN, CELL, steps, [make_other(watch(105))]) is None
    assert choose_precise_step(PLAN, CELL, steps, [make_other(watch(105, mib=79))]) is not None


SUSTAINING = replace(make_result(1.0, 400, None, Status.CENSORED, None, 96), steps=(watch(400),))


@pytest.mark.parametrize(
    ("other", "mib"),
    [(make_other(watch(100)), 80), (SUSTAINING, 0)],
    ids=["elsewhere", "next to the decision"],
)
def test_only_a_size_away_from_the_decision_does_not_wait(other: CellResult, mib: int) -> None:
    """A larger size that sustains 100 of 400 users is too small, and so are all below it."""
    step = choose_precise_step(PLAN, CELL, [], [other])
    assert step is not None
    assert (step.users, step.shown_bytes) == (10, mib * MIB)


def test_a_second_simulated_size_with_as_little_memory_does_not_wait_for_it() -> None:
    """Users come to hold 0.3 MiB each: 213 of them fill 96 MiB at any CPU, and 206 come to 98 % of it."""
    service = Service(cpu_s=0.005, base_bytes=32 * MIB, user_bytes=round(0.3 * MIB), user_fill_s=25.0)
    cells = build_grid([1.0, 0.7], [96])
    first, second = measure_matrix(Strategy("ours"), SimulatedScenario(service, QUIET), cells, seed=1)
    assert max(step.window_s for step in first.steps) > 100.0
    assert second.sustained_users is not None
    assert 185 <= second.sustained_users <= 213
    assert max(step.window_s for step in second.steps) < 91.0
