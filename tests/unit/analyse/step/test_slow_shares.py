"""A step tells which share of its requests was slow, of all of them and of each name with a percentile."""

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.step.judge import judge_step
from harness.model import Slo
from tests.unit.analyse.synthetic import make_step_of

ALL, CHECKOUT = Slo("p95", 1.0), Slo("p95", 1.0, "/checkout")
SLOS = (ALL, CHECKOUT, Slo("mean", 1.0, "/checkout"), Slo("errors", 0.01))


def test_the_shares_of_a_name_are_those_of_its_good_answers() -> None:
    """Of three checkouts (0.7, 1.5 and 3 s) all are above 2/3 s, two above 1 s, one above 1.5 s."""
    facts = make_step_of((12.0, 0.5), (13.0, 1.5), (14.0, 0.7), (15.0, 3.0), failed=((16.0, 9.0),))
    names = np.array([0, 1, 1, 1, 1], dtype=np.int32)
    requests = replace(facts.requests, names=("GET /", "POST /checkout"), name=names)
    step = judge_step(replace(facts, requests=requests), SLOS)
    assert step.latency.slow_ratio == 0.5
    (share,) = step.further_shares
    assert (share.slo, share.requests) == (CHECKOUT, 3)
    shares = (share.latency.nearly_slow_ratio, share.latency.slow_ratio, share.latency.very_slow_ratio)
    assert shares == pytest.approx((1.0, 2 / 3, 1 / 3))


def test_a_second_percentile_of_all_requests_has_a_share_of_its_own() -> None:
    """Of 0.5, 1.5 and 3 s one is above 2 s, and two are above 1 s."""
    p99 = Slo("p99", 2.0)
    step = judge_step(make_step_of((12.0, 0.5), (13.0, 1.5), (14.0, 3.0)), (ALL, p99))
    assert step.latency.slow_ratio == pytest.approx(2 / 3)
    (share,) = step.further_shares
    assert (share.slo, share.requests) == (p99, 3)
    assert share.latency.slow_ratio == pytest.approx(1 / 3)


def test_a_name_without_an_answer_has_no_share() -> None:
    (share,) = judge_step(make_step_of((12.0, 0.5)), (CHECKOUT,)).further_shares
    assert (share.requests, share.latency.slow_ratio) == (0, None)
