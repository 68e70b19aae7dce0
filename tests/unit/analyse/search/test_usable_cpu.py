"""Users who make several requests at once wait for all of them together."""

from dataclasses import replace

import pytest

from harness.analyse.search.prediction import predict_capacity
from harness.analyse.search.usable_cpu import compute_wait_share
from harness.model import Slo, StepResult, TargetUse
from tests.unit.analyse.synthetic import CELL, make_step

SLOS = (Slo("p95", 1.0),)


def make_page_step(
    users: int, verdict: str, rps: float, mean_s: float, p95_s: float, wait_ratio: float | None
) -> StepResult:
    use = TargetUse(cpu_cores=rps * 0.008, cpu_per_request_s=0.008) if verdict == "PASS" else TargetUse()
    step = make_step(users, verdict, rps=rps, mean_s=mean_s, p95_s=p95_s, think_s=2.4, target=use)
    return replace(step, wait_ratio=wait_ratio)


def test_a_page_of_six_requests_at_once_predicts_by_what_its_users_wait() -> None:
    """A page takes 2.4 s of thinking and 0.1 s of waiting: 2.5 / 6 s a request, of which 0.1 / 6 s wait.

    That is a third of the 0.05 s that a request takes. At the limit a request takes 0.3 s, so a user waits
    for 0.1 s: 0.4 + 0.1 = 0.5 s a request. 1 / 0.008 = 125 requests a second, less 0.67, are 62 users.
    """
    light = make_page_step(10, "PASS", 24.0, 0.05, 0.05, wait_ratio=0.04)
    assert compute_wait_share(light) == pytest.approx(1 / 3)
    estimate = predict_capacity(CELL, [light], [], SLOS)
    assert estimate is not None
    assert estimate.users == pytest.approx((125 - 0.666) * 0.5, rel=0.001)


def test_an_overloaded_page_of_six_requests_shows_how_many_users_wait_less() -> None:
    """120 users make 120 requests a second and wait 60 % of the time: 0.6 s a request, which takes 2 s.

    At the limit requests take 0.5 s instead of 2, so users wait 0.3 · 1.5 = 0.45 s less: 120 · 0.55 s.
    """
    slow = make_page_step(120, "FAIL", 120.0, 2.0, 4.0, wait_ratio=0.6)
    estimate = predict_capacity(CELL, [slow], [], SLOS)
    assert estimate is not None
    assert estimate.users == pytest.approx(66.0)


@pytest.mark.parametrize("wait_ratio", [None, 0.5, 0.4])
def test_requests_one_after_the_other_cost_all_of_their_time(wait_ratio: float | None) -> None:
    """25 users make 10 requests a second of 1 s: by the wait ratio they wait for 1.25 or 1.0 s each."""
    assert compute_wait_share(make_page_step(25, "PASS", 10.0, 1.0, 1.0, wait_ratio)) == 1.0
