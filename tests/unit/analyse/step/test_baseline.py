"""When a step is a reference for the throughput of others, and what it shows."""

from dataclasses import replace

import pytest

from harness.analyse.step.baseline import build_baseline
from harness.analyse.step.judge import judge_steps
from harness.analyse.step.light_times import measure_pause_time
from harness.analyse.step.littles_law import compute_wait_ratio
from harness.model import Slo
from tests.unit.analyse.synthetic import always, make_closed_step, make_thinks, require_window

SLOS = (Slo("p95", 5.0), Slo("shortfall", 0.15))


@pytest.mark.parametrize(
    ("users", "think_s", "response_s", "is_light", "gives_shortfall"),
    [
        (10, 0.9, 0.1, True, True),
        (10, 2.5, 0.35, False, False),
        (10, 0.2, 0.3, False, False),
        (1, 0.2, 0.3, True, True),
        (1, 0.1, 0.8, True, True),
        (1, 0.0, 0.1, True, False),
        (10, 0.0, 0.1, False, False),
    ],
)
def test_a_step_is_a_reference_if_its_users_hardly_wait_or_if_there_is_only_one(
    users: int, think_s: float, response_s: float, is_light: bool, gives_shortfall: bool
) -> None:
    """Up to 12 % of waiting are light: 0.1 of 1.0 s is, 0.35 of 2.85 s (12.3 %) is not.

    A single user that waits for more than 90 % of its time has no pace of its own.
    """
    baseline = build_baseline(make_closed_step(users, think_s, always(response_s)))
    assert baseline is not None
    assert baseline.wait_ratio == pytest.approx(response_s / (think_s + response_s), abs=0.01)
    assert (baseline.is_light, baseline.gives_shortfall) == (is_light, gives_shortfall)


def test_a_user_who_waits_for_six_requests_at_once_waits_only_once() -> None:
    """Ten users wait for 0.1 s and think for 0.9 s, but their waiting times add up to six times as much."""
    window = require_window(make_closed_step(10))
    assert compute_wait_ratio(window) == pytest.approx(0.1, abs=0.001)
    assert compute_wait_ratio(replace(window, waiting_s=6 * window.waiting_s)) == pytest.approx(
        0.1, abs=0.001
    )


def test_pauses_are_measured_for_each_request() -> None:
    """Four pauses of 1, 1, 3 and 3 s after eight requests: 8 s in all, with a deviation of 1 s.

    That is 1 s a request, with a standard error of 1 · √4 / 8 = 0.25 s.
    """
    facts = make_closed_step(1, thinks=make_thinks([(13.0, 1.0), (16.0, 1.0), (20.0, 3.0), (25.0, 3.0)]))
    window = require_window(facts)
    pause = measure_pause_time(replace(window, start_s=window.start_s[:8]))
    assert pause is not None
    assert pause.per_request_s == pytest.approx(1.0)
    assert pause.error_s == pytest.approx(0.25)
    assert measure_pause_time(replace(window, pauses_s=window.pauses_s[:0])) is None


def test_a_busy_first_step_gives_no_shortfall_and_a_single_user_does() -> None:
    """Ten users wait for 0.3 s and think for 0.2 s, a single one waits for 0.05 s: 1 - 0.25 / 0.5 = 50 %."""
    busy = make_closed_step(10, 0.2, always(0.3))
    (alone,) = judge_steps([busy], SLOS)
    assert (alone.shortfall_ratio, alone.verdict) == (None, "PASS")
    single = make_closed_step(1, 0.2, always(0.05), index=2)
    first, reference = judge_steps([busy, single], SLOS)
    assert first.shortfall_ratio == pytest.approx(0.5, abs=0.01)
    assert (first.verdict, reference.verdict, reference.shortfall_ratio) == ("FAIL", "PASS", None)


def test_users_who_do_not_think_have_no_shortfall_at_any_load() -> None:
    """Their throughput only repeats the response time, which has SLOs of its own."""
    steps = [make_closed_step(n, 0.0, always(0.1 * n), index=n) for n in (1, 2, 8)]
    assert [result.shortfall_ratio for result in judge_steps(steps, SLOS)] == [None, None, None]
