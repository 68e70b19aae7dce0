"""What a size sustains at the host's reference speed: only the host's part of a change is removed."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.analyse.result.host_speed import (
    estimate_at_reference,
    find_common_speed,
    find_host_speed,
)
from harness.model import (
    MIB,
    CellResult,
    Factor,
    HostSpeed,
    Limits,
    ReferenceCapacity,
    Slo,
    Status,
    StepResult,
    TargetUse,
    Verdict,
)
from harness.model.evidence import OwnConcurrency
from tests.builders import make_result
from tests.unit.analyse.synthetic import make_step

BRACKET = replace(make_result(1.0, 95, 105), estimate_users=100.0, estimate_low=95.0, estimate_high=105.0)
CERTAIN = HostSpeed(reference_work_s=0.002, elasticity=1.0, elasticity_sigma=0.0)
MANY = 10**9


def make_window(
    users: int = 100,
    work_s: float | None = 0.002,
    cpu_s: float = 0.02,
    *,
    verdict: Verdict = Verdict.PASS,
    cores: float = 0.95,
    requests: int = MANY,
    slow_ratio: float | None = None,
) -> StepResult:
    target = TargetUse(cpu_cores=cores, cpu_per_request_s=cpu_s)
    return make_step(
        users, verdict, work_s=work_s, target=target, requests=requests, slow_ratio=slow_ratio, rps=40.0
    )


def make_cell(*steps: StepResult) -> CellResult:
    return replace(BRACKET, steps=steps)


def estimate(
    cell: CellResult, speed: HostSpeed = CERTAIN, slos: Sequence[Slo] = ()
) -> ReferenceCapacity | None:
    return estimate_at_reference(cell, slos, speed)


def require_estimate(
    cell: CellResult, speed: HostSpeed = CERTAIN, slos: Sequence[Slo] = ()
) -> ReferenceCapacity:
    found = estimate(cell, speed, slos)
    assert found is not None
    return found


def test_a_cell_measured_on_a_host_that_was_a_tenth_slower_sustains_a_tenth_more_at_the_reference() -> None:
    found = require_estimate(make_cell(make_window(work_s=0.0022)))
    assert (found.fitted_users, found.users) == pytest.approx((100, 110))
    assert found.slowdown_ratio == pytest.approx(0.1)
    assert found.work_s == pytest.approx(0.0022)
    # the bracket's interval as one of 95 %: ln(105 / 95) / 3.92 = 0.02553; with 3 % of the window: 0.03939
    assert found.high / found.users == pytest.approx(math.exp(1.96 * 0.03939), rel=1e-3)
    assert found.low * found.high == pytest.approx(found.users**2)


def test_a_target_whose_cpu_time_does_not_follow_the_pace_is_not_corrected() -> None:
    speed = HostSpeed(0.002, elasticity=0.0, elasticity_sigma=0.1)
    found = require_estimate(make_cell(make_window(work_s=0.0027)), speed)
    assert found.users == pytest.approx(found.fitted_users)
    # what is unknown of the elasticity widens the interval: 0.1 * ln(1.35) = 0.0300 beside 0.0394
    assert found.high / found.users == pytest.approx(math.exp(1.96 * 0.0495), rel=1e-3)


def test_cpu_time_that_rises_with_overload_is_not_taken_for_a_slow_host() -> None:
    found = require_estimate(make_cell(make_window(cpu_s=0.020), make_window(110, cpu_s=0.026)))
    assert found.slowdown_ratio == pytest.approx(0.0)


def test_windows_at_two_speeds_agree_on_users_times_cpu_time() -> None:
    # Both windows are exactly at the SLO. On the slow host a request takes 0.022 s and 91 users do it.
    slos = (Slo("p95", 1.0),)
    fast = make_window(100, 0.002, 0.020, slow_ratio=0.05)
    slow = make_window(91, 0.0022, 0.022, slow_ratio=0.05)
    for steps in ((fast,), (slow,), (fast, slow)):
        assert require_estimate(make_cell(*steps), slos=slos).users == pytest.approx(100, rel=0.002)


def test_slow_shares_that_tell_little_give_way_to_the_estimate_of_the_cell() -> None:
    """A size that broke by its throughput may have no slow request in any window."""
    passed = make_window(90, requests=1400, slow_ratio=0.0)
    assert require_estimate(make_cell(passed), slos=(Slo("p95", 1.0),)).fitted_users == 100


def test_a_size_that_keeps_one_of_its_two_cores_busy_is_stopped_by_that_core() -> None:
    """A process with one thread uses 0.98 cores of 2, and as much of a faster core would serve more users."""
    limits = Limits(2.0, 256 * MIB)
    step = make_window(work_s=0.0022, cores=0.98)
    busy = OwnConcurrency(step.judgement, cpu_used_ratio=0.49, busy_cores=1, limit_cores=2.0)
    cell = replace(make_cell(step), cell=replace(BRACKET.cell, limits=limits), evidence=busy)
    cell = replace(cell, limiting_factor=Factor.TARGET)
    assert require_estimate(cell).users == pytest.approx(110)
    assert estimate(replace(cell, evidence=replace(busy, busy_cores=None))) is None


@pytest.mark.parametrize(
    "cell",
    [
        replace(make_cell(make_window()), limiting_factor=Factor.MEMORY),
        replace(make_cell(make_window()), limiting_factor=Factor.TARGET),
        replace(make_cell(make_window()), status=Status.CENSORED),
        make_cell(make_window(work_s=None)),
        make_cell(make_window(verdict=Verdict.INVALID)),
        make_cell(make_window(cores=0.5)),
    ],
)
def test_a_cell_that_is_not_stopped_by_the_cpu_or_has_no_pace_has_no_capacity_at_the_reference(
    cell: CellResult,
) -> None:
    assert estimate(cell) is None


def test_the_reference_speed_is_that_of_the_fastest_tenth_of_the_windows() -> None:
    steps = [make_window(work_s=(20 + number) / 10_000) for number in range(11)]
    invalid = make_window(work_s=0.0001, verdict=Verdict.INVALID)
    speed = find_host_speed([make_cell(*steps, invalid)])
    assert speed is not None
    assert speed.reference_work_s == pytest.approx(0.0021)
    assert find_host_speed([make_cell(make_window(work_s=None))]) is None


@pytest.mark.parametrize(
    ("cpu_s_when_slow", "elasticity"),
    [
        # The paces lie 0.1 on either side of their mean (in ln). Windows: 0.2**2 / 2 / 0.03**2 = 22.22 of
        # precision; the usual elasticity, 0.85 +- 0.2: 25, and 25 * 0.85 = 21.25.
        (0.020, 21.25 / (25 + 22.22)),
        (0.020 * math.exp(0.2), (21.25 + 22.22) / (25 + 22.22)),
        (0.020 * math.exp(0.4), 1.0),
    ],
)
def test_how_the_cpu_time_follows_the_pace_is_learned_from_windows_of_one_cell(
    cpu_s_when_slow: float, elasticity: float
) -> None:
    steps = (make_window(), make_window(work_s=0.002 * math.exp(0.2), cpu_s=cpu_s_when_slow))
    speed = find_host_speed([make_cell(*steps)])
    assert speed is not None
    assert speed.elasticity == pytest.approx(elasticity, rel=1e-3)
    assert speed.elasticity_sigma == pytest.approx((25 + 22.22) ** -0.5, rel=1e-3)


def test_windows_of_light_load_and_of_other_cells_say_nothing_of_how_the_cpu_time_follows_the_pace() -> None:
    light = make_window(10, 0.001, 0.01)
    cells = [make_cell(light, make_window()), make_cell(make_window(work_s=0.004))]
    speed = find_host_speed(cells)
    assert speed is not None
    assert (speed.elasticity, speed.elasticity_sigma) == pytest.approx((0.85, 0.2))


@pytest.mark.parametrize(
    ("is_same_image", "elasticity"), [(True, (21.25 + 22.22) / (25 + 22.22)), (False, 0.85)]
)
def test_a_version_that_needs_more_cpu_time_is_not_taken_for_a_slower_host(
    is_same_image: bool, elasticity: float
) -> None:
    base = [make_cell(make_window())]
    head = [make_cell(make_window(work_s=0.002 * math.exp(0.2), cpu_s=0.020 * math.exp(0.2)))]
    speed = find_common_speed(base, head, is_same_image=is_same_image)
    assert speed is not None
    assert speed.elasticity == pytest.approx(elasticity, rel=1e-3)
