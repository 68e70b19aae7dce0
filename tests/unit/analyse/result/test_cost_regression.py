"""Fit the cost of each name to slices whose CPU time is known on paper."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.analyse.result.cost_regression import Slices, find_inseparable, fit_costs, weigh_steps

Columns = NDArray[np.float64]


def draw_counts(rates: list[float], slices: int = 100, seed: int = 1) -> Columns:
    """Return Poisson numbers of requests: a row for each slice, a column for each name.

    In the first 25 slices, those of the light step, there are a tenth.
    """
    share = np.where(np.arange(slices) < 25, 0.1, 1.0)[:, None]
    return np.asarray(np.random.default_rng(seed).poisson(share * np.array(rates)), dtype=np.float64)


def make_slices(
    counts: Columns, costs: list[float], idle_cores: float = 0.0, users: Columns | None = None
) -> Slices:
    """Return slices of 2 s in steps of 25, with exactly the CPU time that these costs make."""
    number = np.arange(len(counts))
    return Slices(
        cpu_s=counts @ np.array(costs) + 2.0 * idle_cores,
        length_s=np.full(len(counts), 2.0),
        users=np.where(number < 25, 5.0, 50.0) if users is None else users,
        counts=counts,
        starts=counts,
        step=number // 25,
        block=number // 5,
        overlaps=np.full(len(counts), False),
    )


def test_the_costs_of_two_names_and_the_idle_time_are_found() -> None:
    """A request of 10 ms, one of 40 ms, and 0.05 cores without any."""
    fit = fit_costs(make_slices(draw_counts([30, 10]), [0.01, 0.04], idle_cores=0.05))
    assert fit is not None
    assert fit.cpu_s == pytest.approx([0.01, 0.04])
    assert fit.idle_cores == pytest.approx(0.05)
    assert fit.high_s - fit.low_s == pytest.approx([0, 0], abs=1e-9)


def test_a_name_that_costs_nothing_costs_nothing() -> None:
    slices = make_slices(draw_counts([30, 10]), [0.0, 0.04])
    noisy = replace(slices, cpu_s=slices.cpu_s + np.random.default_rng(2).normal(0, 0.02, 100))
    fit = fit_costs(noisy)
    assert fit is not None
    assert fit.cpu_s[0] == pytest.approx(0, abs=0.001)
    assert fit.low_s[0] == 0
    assert fit.cpu_s[1] == pytest.approx(0.04, rel=0.05)


def test_no_cost_is_negative() -> None:
    """What no request can explain, CPU time that falls with a name, is set to 0 and not below."""
    fit = fit_costs(make_slices(draw_counts([30, 10]), [-0.005, 0.04]))
    assert fit is not None
    assert fit.cpu_s[0] == 0
    assert fit.low_s[0] == 0
    assert fit.high_s[0] == fit.half_s[0] > 0
    assert fit.cpu_s[1] > 0.02


def test_without_different_numbers_of_users_the_idle_time_is_not_told() -> None:
    slices = make_slices(draw_counts([30, 10]), [0.01, 0.04], users=np.full(100, 40.0))
    fit = fit_costs(slices)
    assert fit is not None
    assert fit.idle_cores is None
    assert fit.cpu_s == pytest.approx([0.01, 0.04])


def test_interval_holds_the_cost_in_most_samples() -> None:
    """With noise of 10 % of a slice, 95 % intervals of 100 samples hold the cost in 88 or more."""
    held = 0
    for seed in range(100):
        slices = make_slices(draw_counts([30, 10], seed=seed), [0.01, 0.04])
        noise = np.random.default_rng(1000 + seed).normal(0, 0.07, 100)
        fit = fit_costs(replace(slices, cpu_s=slices.cpu_s + noise))
        assert fit is not None
        held += bool(fit.low_s[1] <= 0.04 <= fit.high_s[1])
    assert held >= 88


def test_a_host_that_is_slower_now_and_then_does_not_hide_what_a_name_costs() -> None:
    """For 10 s at a time all requests need a fifth more CPU time or a fifth less: noise of 0.28 s a slice.

    Shares that are compared over the whole step would know the second cost to ±0.014 s (95 %) at best.
    """
    counts = np.random.default_rng(4).poisson([60, 20], (200, 2)).astype(np.float64)
    rows = np.arange(200)
    level = np.where(rows // 10 % 2, 1.2, 0.8)
    even = make_slices(counts, [0.01, 0.04], users=np.full(200, 40.0))
    slices = replace(even, cpu_s=even.cpu_s * level, step=np.zeros(200, dtype=np.intp), block=rows // 10)
    fit = fit_costs(slices)
    assert fit is not None
    assert fit.cpu_s[1] == pytest.approx(0.04, rel=0.05)
    assert fit.half_s[1] < 0.005


def test_requests_that_are_served_in_the_next_slice_cost_what_they_cost() -> None:
    """They wait for a whole slice: what counts in a slice uses its CPU time in the next one."""
    counts = np.random.default_rng(4).poisson([60, 20], (400, 2)).astype(np.float64)
    slices = make_slices(counts, [0.01, 0.04], users=np.full(400, 40.0))
    late = replace(slices, cpu_s=np.append(0.0, slices.cpu_s[:-1]), step=np.zeros(400, dtype=np.intp))
    fit = fit_costs(replace(late, overlaps=np.full(400, True)))
    assert fit is not None
    assert fit.cpu_s == pytest.approx([0.01, 0.04], rel=0.15)
    alone = fit_costs(late)
    assert alone is not None
    assert alone.cpu_s[1] < 0.03


def test_slices_with_a_request_now_and_then_tell_costs_too() -> None:
    """A request comes every ten seconds: ten slices that have one are compared, and not ten seconds."""
    is_second = np.random.default_rng(6).random(200) < 0.5
    counts = np.zeros((2000, 2))
    counts[::10] = np.column_stack([~is_second, is_second])
    slices = make_slices(counts, [0.01, 0.04], users=np.full(2000, 2.0))
    fit = fit_costs(replace(slices, step=np.arange(2000) // 1000))
    assert fit is not None
    assert fit.cpu_s == pytest.approx([0.01, 0.04])


def test_a_step_that_is_disturbed_counts_less() -> None:
    """Half of the slices have noise ten times as large, which would drown what the others tell."""
    slices = make_slices(draw_counts([60, 20], 200), [0.01, 0.04], users=np.full(200, 40.0))
    is_noisy = slices.step < 4
    noise = np.random.default_rng(7).normal(0, np.where(is_noisy, 0.5, 0.05))
    noisy = replace(slices, cpu_s=slices.cpu_s + noise)
    fit = fit_costs(noisy)
    assert fit is not None
    weighted = weigh_steps(noisy, fit)
    assert weighted.weight[is_noisy].max() < weighted.weight[~is_noisy].min() / 2
    better = fit_costs(weighted)
    assert better is not None
    assert better.half_s[1] < fit.half_s[1] / 2
    assert better.low_s[1] < 0.04 < better.high_s[1]


def test_too_few_slices_have_no_fit() -> None:
    assert fit_costs(make_slices(draw_counts([30, 10], slices=10), [0.01, 0.04])) is None


def serve_until_full(slices: int, seed: int = 3) -> Columns:
    """Return the requests that fill slices of 2 s of CPU time exactly, a quarter of them of 40 ms, by chance.

    The CPU time of each is exponential, so a slice with expensive ones serves fewer.
    """
    chance = np.random.default_rng(seed)
    rows = []
    for _ in range(slices):
        is_heavy = chance.random(400) < 0.25
        cpu_s = chance.exponential(np.where(is_heavy, 0.04, 0.01))
        served = int(np.searchsorted(np.cumsum(cpu_s), 2.0))
        rows.append([served - is_heavy[:served].sum(), is_heavy[:served].sum()])
    return np.array(rows, dtype=np.float64)


def test_slices_that_use_the_whole_quota_tell_costs_too() -> None:
    """They all use 2 s, so that an idle time of one core would explain them without any request."""
    busy, light = serve_until_full(1600), draw_counts([7.5, 2.5], 100)
    counts = np.vstack([busy, light])
    number = np.arange(1700)
    slices = Slices(
        cpu_s=np.append(np.full(1600, 2.0), light @ np.array([0.01, 0.04])),
        length_s=np.full(1700, 2.0),
        users=np.append(np.full(1600, 200.0), np.full(100, 5.0)),
        counts=counts,
        starts=counts,
        step=np.where(number < 1600, number // 400, 4),
        block=number // 5,
        overlaps=np.full(len(counts), False),
    )
    fit = fit_costs(slices)
    assert fit is not None
    assert fit.cpu_s == pytest.approx([0.01, 0.04], rel=0.1)
    assert fit.idle_cores == pytest.approx(0, abs=0.01)


def test_names_that_vary_by_chance_can_be_told_apart() -> None:
    assert find_inseparable(make_slices(draw_counts([30, 10, 5]), [0.01, 0.04, 0.1])) == []


def test_names_in_one_proportion_are_a_group() -> None:
    """Each page of the first name asks for three pictures; the third name comes by itself."""
    pages, other = draw_counts([10, 20]).T
    counts = np.column_stack([pages, 3 * pages, other])
    assert find_inseparable(make_slices(counts, [0.01, 0.02, 0.04])) == [[0, 1]]


def test_a_name_that_is_the_sum_of_others_makes_one_group_of_all() -> None:
    """A check of the session goes before each of two requests, and a third request has none."""
    one, two, other = draw_counts([10, 15, 20]).T
    counts = np.column_stack([one, two, one + two, other])
    assert find_inseparable(make_slices(counts, [0.01, 0.02, 0.04, 0.01])) == [[0, 1, 2]]


def test_two_pairs_are_two_groups() -> None:
    one, two, other = draw_counts([10, 15, 20]).T
    counts = np.column_stack([one, two, other, 2 * one, two])
    groups = find_inseparable(make_slices(counts, [0.01] * 5))
    assert sorted(sorted(group) for group in groups) == [[0, 3], [1, 4]]


def test_a_name_that_follows_another_at_once_is_in_its_group() -> None:
    """Of some pages that start at the end of a slice, the pictures start in the next one."""
    pages, other = draw_counts([30, 30]).T
    late = np.minimum(np.random.default_rng(5).poisson(2, 100), pages)
    pictures = pages - late + np.append(0, late[:-1])
    counts = np.column_stack([pages, pictures, other])
    assert find_inseparable(make_slices(counts, [0.01, 0.02, 0.04])) == [[0, 1]]


def test_groups_are_joined_to_one_name() -> None:
    joined = make_slices(np.array([[1.0, 2.0, 4.0]] * 10), [0.01] * 3).join([[1], [0, 2]])
    assert joined.counts[0].tolist() == [2.0, 5.0]
