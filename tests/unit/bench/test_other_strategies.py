"""Other people's rules, against brute force: they end, ask nothing twice, and find what a list can tell."""

import itertools
from collections.abc import Callable

import pytest

from bench.search.other_strategies import search_list, bisect, double_then_bisect, space_loads, sweep
from harness.model import StepResult, Verdict


def asked(choose: Callable[[dict[int, bool]], int | None], capacity: int) -> dict[int, bool]:
    """Every load that a rule asks for, in order, with its verdict."""
    known: dict[int, bool] = {}
    while (users := choose(known)) is not None:
        assert users not in known, "asked twice"
        known[users] = users <= capacity
    return known


@pytest.mark.parametrize("length", range(1, 17))
def test_binary_search_finds_the_highest_load_of_a_list_that_holds(length: int) -> None:
    loads = list(range(10, 10 * length + 1, 10))
    for capacity in range(0, 10 * length + 11, 10):
        known = asked(lambda known: search_list(loads, known), capacity)
        best = max((load for load in loads if load <= capacity), default=None)
        assert max((users for users, holds in known.items() if holds), default=None) == best


def test_binary_search_ends_whatever_the_verdicts_are() -> None:
    loads = list(range(1, 9))
    for verdicts in itertools.product([True, False], repeat=len(loads)):
        known: dict[int, bool] = {}
        while (users := search_list(loads, known)) is not None:
            assert users not in known
            known[users] = verdicts[users - 1]


def test_no_load_to_choose_from_asks_nothing() -> None:
    assert search_list([], {}) is None


@pytest.mark.parametrize("limit", [1, 2, 7, 20, 400])
def test_doubling_then_halving_brackets_every_capacity(limit: int) -> None:
    for capacity in range(limit + 2):
        known = asked(lambda known: double_then_bisect(known, limit, 0.05), capacity)
        low = max((users for users, holds in known.items() if holds), default=0)
        high = min((users for users, holds in known.items() if not holds), default=limit + 1)
        assert low <= min(capacity, limit) < high
        assert low == limit or low == 0 or high - low == 1 or (high - low) / high < 0.05


@pytest.mark.parametrize("limit", [1, 2, 7, 20, 400])
def test_bisecting_a_range_brackets_every_capacity(limit: int) -> None:
    for capacity in range(limit + 2):
        known = asked(lambda known: bisect(known, limit, 0.05), capacity)
        low = max((users for users, holds in known.items() if holds), default=0)
        high = min((users for users, holds in known.items() if not holds), default=limit + 1)
        assert low <= min(capacity, limit) < high
        assert low in (0, limit) or high <= max(low * 1.05, low + 1)


def test_loads_grow_by_the_ratio_and_end_at_the_limit() -> None:
    loads = space_loads(5, 400, 1.05)
    assert (loads[0], loads[-1]) == (5, 400)
    assert all(two - one <= 1 + 0.05 * one for one, two in itertools.pairwise(loads))


def test_a_sweep_climbs_from_one_user_towards_the_highest_throughput_until_one_fails() -> None:
    steps = [result(1, Verdict.PASS, 0.4), result(400, Verdict.FAIL, 20.4)]
    levels = []
    while (users := sweep(steps, 400)) is not None:
        levels.append(users)
        steps.append(result(users, Verdict.PASS if users <= 32 else Verdict.FAIL, 0.4 * users))
    assert levels == [7, 14, 20, 26, 32, 38]


def result(users: int, verdict: Verdict, rps: float) -> StepResult:
    return StepResult(
        index=1,
        life=1,
        users=users,
        verdict=verdict,
        rule="p95",
        reason="",
        window_s=60.0,
        load_s=72.0,
        requests=100,
        rps=rps,
        mean_s=None,
        p50_s=None,
        p95_s=None,
        p99_s=None,
        slow_ratio=None,
        error_ratio=None,
        shortfall_ratio=None,
    )
