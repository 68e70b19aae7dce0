"""The numbers of docs/method.md are those of the code."""

import re

import pytest

from harness.analyse.search.capacity_estimate import bound_slow_share, compute_allowed_slow_share
from harness.analyse.step.baseline import Baseline
from harness.analyse.step.judge import judge_step
from harness.analyse.step.slo import evaluate_slo
from harness.model import Rule, Slo
from tests.unit.analyse.synthetic import (
    make_closed_step,
    make_generator_samples,
    make_step_of,
    require_window,
)
from tests.unit.pages import HARNESS, METHOD, README, read_table

THRESHOLDS = read_table(METHOD, "SLO, precision")


def find_thresholds(slo: str, precision: str, users: str) -> tuple[str, str]:
    """Return the shares of slow requests, in percent, at which a pass and a fail are settled."""
    allowed, ratio = compute_allowed_slow_share(Slo(slo, 1.0)), float(precision.rstrip(" %")) / 100
    shares = (bound_slow_share(allowed, int(users), sign * ratio) for sign in (1, -1))
    passed, failed = (f"{100 * share:.1f} %" for share in shares)
    return passed, failed


@pytest.mark.parametrize("row", THRESHOLDS, ids=" ".join)
def test_a_verdict_is_settled_at_the_shares_that_are_shown(row: list[str]) -> None:
    slo, precision = row[0].split(", ")
    assert find_thresholds(slo, precision, row[1]) == (row[2], row[3])


def test_the_readme_shows_the_same_shares() -> None:
    shown = re.search(
        r"For 400 users and 5 % precision .*?below\s([\d.]+ %).*?above\s([\d.]+ %)", README, re.DOTALL
    )
    assert shown
    assert shown.groups() == find_thresholds("p95", "5 %", "400")


def test_errors_are_settled_by_as_many_requests_without_a_failure_as_is_shown() -> None:
    shown = re.search(r"\((\d+) for a limit of ([\d.]+) %\)", METHOD)
    assert shown
    enough, slo = int(shown[1]), Slo("errors", float(shown[2]) / 100)
    for count in (enough - 1, enough):
        facts = make_step_of(*((12.0 + 20.0 * number / count, 0.1) for number in range(count)))
        assert evaluate_slo(require_window(facts), slo, None).is_settled is (count == enough)


def test_the_event_loop_may_lag_by_as_much_as_is_shown() -> None:
    row = next(row[1] for row in read_table(METHOD, "rule") if "event loop" in row[0])
    shown = re.search(r"a quarter of the tightest .*at least (\d+) ms and at most (\d+) ms", row)
    assert shown
    light = Baseline(users=5, mean_s=0.1)
    for limit_s, allowed_s in ((0.001, int(shown[1]) / 1000), (0.4, 0.1), (1.5, int(shown[2]) / 1000)):
        for lag_s in (allowed_s - 0.001, allowed_s + 0.001):
            samples = make_generator_samples(range(34), 10, loop_lag_s=lag_s)
            rule = judge_step(make_closed_step(generator=samples), [Slo("p95", limit_s)], light).rule
            assert (rule is Rule.LOOP_LAG) is (lag_s > allowed_s)


def test_every_module_that_the_page_names_exists() -> None:
    named = re.findall(r"`((?:analyse|measure)/[\w/]+\.py)`", METHOD)
    assert len(named) > 8
    assert [name for name in named if not (HARNESS / name).exists()] == []
