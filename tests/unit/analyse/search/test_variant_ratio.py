"""A size with one variant is estimated from the same size with another."""

import pytest

from harness.analyse.search.variant_ratio import estimate_from_variants
from harness.model import MIB, Factor, Limits


def make_limits(cores: float, variant: str | None, mib: int = 256, replicas: int = 1) -> Limits:
    return Limits(cores, mib * MIB, replicas, variant)


def test_the_first_estimate_is_the_answer_of_the_other_variant() -> None:
    capacities = {make_limits(1.0, "one"): 200.0, make_limits(0.5, "one"): 100.0}
    estimate = estimate_from_variants(make_limits(1.0, "four"), capacities)
    assert estimate is not None
    assert (estimate.users, estimate.sigma) == (200.0, 0.25)


def test_the_ratio_at_the_nearest_size_corrects_it() -> None:
    """Four workers sustain 1.5 times as many at 2 CPUs and as many at 0.5: 2 CPUs are nearer to 1.5."""
    capacities = {
        make_limits(0.5, "one"): 100.0,
        make_limits(0.5, "four"): 100.0,
        make_limits(2.0, "one"): 200.0,
        make_limits(2.0, "four"): 300.0,
        make_limits(1.5, "one"): 190.0,
    }
    estimate = estimate_from_variants(make_limits(1.5, "four"), capacities)
    assert estimate is not None
    assert estimate.users == pytest.approx(285.0)
    assert 0.08 < estimate.sigma < 0.25


@pytest.mark.parametrize(
    ("one_factor", "two_factor", "users"),
    [
        (Factor.CPU, Factor.CPU, 100.0),
        (Factor.CPU, None, 100.0),
        (Factor.CPU, Factor.TARGET, 200.0),
        (Factor.TARGET, Factor.CPU, 210.0),
    ],
)
def test_a_ratio_holds_at_another_size_only_if_one_factor_limits_both(
    one_factor: Factor, two_factor: Factor | None, users: float
) -> None:
    """At 2 CPUs one sustains 420 and two sustains 200; at 1 CPU one sustains 210.

    If the number of its workers stops two at 200, it does so at 1 CPU as well, at the latest.
    """
    large = {make_limits(2.0, "one"): 420.0, make_limits(2.0, "two"): 200.0}
    capacities = {**large, make_limits(1.0, "one"): 210.0}
    factors = dict(zip(large, (one_factor, two_factor), strict=True))
    estimate = estimate_from_variants(make_limits(1.0, "two"), capacities, factors)
    assert estimate is not None
    assert estimate.users == pytest.approx(users)


def test_of_several_variants_the_one_with_the_nearest_ratio_counts() -> None:
    capacities = {
        make_limits(1.0, "one"): 200.0,
        make_limits(1.0, "two"): 300.0,
        make_limits(2.0, "two"): 500.0,
        make_limits(2.0, "four"): 600.0,
    }
    estimate = estimate_from_variants(make_limits(1.0, "four"), capacities)
    assert estimate is not None
    assert estimate.users == pytest.approx(360.0)


@pytest.mark.parametrize(
    ("limits", "known"),
    [
        (make_limits(1.0, None), {make_limits(1.0, "one"): 200.0}),
        (make_limits(1.0, "four"), {}),
        (make_limits(1.0, "four"), {make_limits(2.0, "one"): 200.0}),
        (make_limits(1.0, "four"), {make_limits(1.0, "one", replicas=2): 200.0}),
        (make_limits(1.0, "four"), {make_limits(1.0, "four"): 200.0}),
    ],
)
def test_without_another_variant_at_the_size_there_is_no_estimate(
    limits: Limits, known: dict[Limits, float]
) -> None:
    assert estimate_from_variants(limits, known) is None
