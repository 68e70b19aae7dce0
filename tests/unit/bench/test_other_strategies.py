"""The rules of other tools, checked by brute force: they end, repeat no load, and find the capacity."""

import itertools
from collections.abc import Callable

import pytest

from bench.search.other_strategies import bisect, double_then_bisect, search_list, space_loads, sweep
from tests.unit.analyse.synthetic import make_step


def run_search(choose: Callable[[dict[int, bool]], int | None], capacity: int) -> dict[int, bool]:
    """Return the verdict of every load that a rule chooses, in the order of choosing; True is a pass."""
    verdicts: dict[int, bool] = {}
    while (users := choose(verdicts)) is not None:
        assert users not in verdicts, "chosen twice"
        verdicts[users] = users <= capacity
    return verdicts


@pytest.mark.parametrize("length", range(1, 17))
def test_binary_search_finds_the_highest_load_of_a_list_that_passes(length: int) -> None:
    loads = list(range(10, 10 * length + 1, 10))
    for capacity in range(0, 10 * length + 11, 10):
        verdicts = run_search(lambda verdicts: search_list(loads, verdicts), capacity)
        best = max((load for load in loads if load <= capacity), default=None)
        assert max((users for users, is_passed in verdicts.items() if is_passed), default=None) == best


def test_binary_search_ends_whatever_the_verdicts_are() -> None:
    loads = list(range(1, 9))
    for passes in itertools.product([True, False], repeat=len(loads)):
        verdicts: dict[int, bool] = {}
        while (users := search_list(loads, verdicts)) is not None:
            assert users not in verdicts
            verdicts[users] = passes[users - 1]


def test_binary_search_chooses_nothing_from_an_empty_list() -> None:
    assert search_list([], {}) is None


@pytest.mark.parametrize("limit", [1, 2, 7, 20, 400])
def test_doubling_then_halving_brackets_every_capacity(limit: int) -> None:
    for capacity in range(limit + 2):
        verdicts = run_search(lambda verdicts: double_then_bisect(verdicts, limit, 0.05), capacity)
        low = max((users for users, is_passed in verdicts.items() if is_passed), default=0)
        high = min((users for users, is_passed in verdicts.items() if not is_passed), default=limit + 1)
        assert low <= min(capacity, limit) < high
        assert low == limit or low == 0 or high - low == 1 or (high - low) / high < 0.05


@pytest.mark.parametrize("limit", [1, 2, 7, 20, 400])
def test_bisecting_a_range_brackets_every_capacity(limit: int) -> None:
    for capacity in range(limit + 2):
        verdicts = run_search(lambda verdicts: bisect(verdicts, limit, 0.05), capacity)
        low = max((users for users, is_passed in verdicts.items() if is_passed), default=0)
        high = min((users for users, is_passed in verdicts.items() if not is_passed), default=limit + 1)
        assert low <= min(capacity, limit) < high
        assert low in (0, limit) or high <= max(low * 1.05, low + 1)


def test_loads_grow_by_the_ratio_and_end_at_the_limit() -> None:
    loads = space_loads(5, 400, 1.05)
    assert (loads[0], loads[-1]) == (5, 400)
    assert all(two - one <= 1 + 0.05 * one for one, two in itertools.pairwise(loads))


def test_a_sweep_climbs_from_one_user_towards_the_highest_throughput_until_one_fails() -> None:
    steps = [make_step(1, "PASS", rps=0.4), make_step(400, "FAIL", rps=20.4)]
    levels = []
    while (users := sweep(steps, 400)) is not None:
        levels.append(users)
        steps.append(make_step(users, "PASS" if users <= 32 else "FAIL", rps=0.4 * users))
    assert levels == [7, 14, 20, 26, 32, 38]
