"""The numbers of docs/method.md are those of the code."""

import re

import pytest

from harness.analyse.result import cost_regression, request_costs
from harness.analyse.search.capacity_estimate import bound_slow_share, compute_allowed_slow_share
from harness.analyse.step import memory_shortage
from harness.analyse.step.baseline import Baseline
from harness.analyse.step.judge import judge_step
from harness.analyse.step.request_slices import (
    FAST_QUANTILE,
    LONGEST_READ_S,
    MOST_BEYOND_RATIO,
    SHORTEST_READ_S,
    SHORTEST_S,
    SHORTEST_TIMES,
)
from harness.analyse.step.slo import evaluate_slo
from harness.model import Rule, Slo
from harness.model.memory import AT_LIMIT_RATIO
from tests.unit.analyse.synthetic import (
    make_closed_step,
    make_generator_samples,
    make_step_of,
    require_window,
)
from tests.unit.pages import HARNESS, METHOD, read_table

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


def test_the_costs_of_requests_are_fitted_by_the_numbers_that_are_shown() -> None:
    section = METHOD.split("## What a request costs\n")[1].split("\n## ")[0].replace("\n", " ")
    for pattern, value in (
        (r"slice is (\d+) s long", SHORTEST_S),
        (r"([\d.]+) to [\d.]+ s, \d+ mean response times", SHORTEST_READ_S),
        (r"to ([\d.]+) s, \d+ mean response times", LONGEST_READ_S),
        (r"(\d+) mean response times", SHORTEST_TIMES),
        (r"at most (\d+) % of their time", 100 * MOST_BEYOND_RATIO),
        (r"more than (\d+) % of the requests' time", 100 * MOST_BEYOND_RATIO),
        (r"the quickest (\d+) %", 100 * FAST_QUANTILE),
        (r"less that in the (\d+) slices\s+around it", cost_regression.SLICES_AROUND),
        (r"longer than\s+(\d+) slices", cost_regression.SLICES_AROUND),
        (r"blocks of (\d+) s", cost_regression.BLOCK_S),
        (r"fewer than (\d+) requests", request_costs.FEWEST_REQUESTS),
        (r"at most (\d+) costs", request_costs.MOST_NAMES),
        (r"at most (\d+) % of it", 100 * request_costs.RESOLVED_RATIO),
    ):
        shown = re.search(pattern, section)
        assert shown, pattern
        assert float(shown[1]) == value


def test_memory_is_short_by_the_numbers_that_are_shown() -> None:
    section = METHOD.split("### When memory is short\n")[1].split("\n## ")[0].replace("\n", " ")
    for pattern, value in (
        (r"waited for memory at least (\d+) % of the time", 100 * memory_shortage.STALLED_AT_LEAST),
        (r"at least (\d+) pages a second", memory_shortage.REREAD_AT_LEAST_PER_S),
        (r"From ([\d,]+) pages a second for each", memory_shortage.REREAD_SLOWS_FROM_PER_S),
        (r"working set must come to (\d+) % of it", 100 * AT_LIMIT_RATIO),
    ):
        shown = re.search(pattern, section)
        assert shown, pattern
        assert float(shown[1].replace(",", "")) == value


def test_the_example_of_how_well_a_cost_is_known_follows_from_its_formula() -> None:
    """600 s are 600 slices of 1 s: 1 / √(600 · 0.25 · 0.75) = 0.09."""
    shown = re.search(r"p = (\d+) % .* as large as the mean cost know the difference to (\d+) %", METHOD)
    assert shown
    share = float(shown[1]) / 100
    assert round(100 / (600 / SHORTEST_S * share * (1 - share)) ** 0.5) == int(shown[2])


def test_every_module_that_the_page_names_exists() -> None:
    named = re.findall(r"`((?:analyse|measure)/[\w/]+\.py)`", METHOD)
    assert len(named) > 8
    assert [name for name in named if not (HARNESS / name).exists()] == []
