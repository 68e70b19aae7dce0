"""How fast more users make requests slow, by the response times near the limit."""

from dataclasses import replace

import pytest

from harness.analyse.search.limit_shape import compare_steepness, compare_with_light_load, select_near
from harness.model import StepResult
from tests.unit.analyse.synthetic import make_step


def make_window(
    nearly: float | None, very: float | None, users: int = 100, requests: int = 10**6
) -> StepResult:
    step = make_step(users, "PASS", slow_ratio=0.05, requests=requests)
    return replace(step, latency=replace(step.latency, nearly_slow_ratio=nearly, very_slow_ratio=very))


def test_a_logit_that_falls_half_as_fast_as_usual_gives_half_of_the_slope() -> None:
    """logit 0.1 = -2.197; it falls by 2.3 / 2 · ln 2.25 = 0.933 to -3.130, which is the logit of 0.0419."""
    assert compare_steepness([make_window(0.1, 0.0419)], 100, 1.0) == pytest.approx(0.5, rel=0.01)


def test_a_gap_around_the_limit_gives_the_least_slope() -> None:
    """All slow requests are slower than 1.5 s and none lies between 0.67 s and 1.5 s."""
    assert compare_steepness([make_window(0.05, 0.05)], 100, 1.0) == 0.05


@pytest.mark.parametrize("very", [0.0, 0.01, 0.0155])
def test_a_steeper_fall_than_the_usual_one_counts_as_usual(very: float) -> None:
    """1.5 ** -4.6 = 0.155: usually 15.5 % of the requests slower than 0.67 s are slower than 1.5 s."""
    assert compare_steepness([make_window(0.1, very)], 100, 1.0) == 1.0


def test_windows_without_these_shares_are_usual() -> None:
    """Results of an older harness have none, and a window without any slow request tells nothing."""
    assert compare_steepness([make_window(None, None)], 100, 1.0) == 1.0
    assert compare_steepness([make_window(0.0, 0.0)], 100, 1.0) == 1.0
    assert compare_steepness([], 100, 1.0) == 1.0


def test_few_requests_hardly_count() -> None:
    """One slow request of 20, worth 1/8: (0.125 + 5 · 0.155) / (0.125 + 5) = 0.176 of the 5 % are very slow.

    The logit falls from -2.944 to -4.725, by 1.781 / (2.3 · 0.811) = 0.955 of the usual fall.
    """
    few = make_window(0.05, 0.05, requests=20)
    assert compare_steepness([few], 100, 8.0) == pytest.approx(0.955, abs=0.002)


def test_only_windows_near_the_capacity_count() -> None:
    """ln(120 / 100) = 0.18 is too far, ln(110 / 100) = 0.095 is not."""
    usual = make_window(0.1, 0.0155)
    assert compare_steepness([usual, make_window(0.9, 0.9, users=120)], 100, 1.0) == 1.0
    assert compare_steepness([usual, make_window(0.9, 0.9, users=110)], 100, 1.0) < 0.5


def test_only_windows_near_the_capacity_have_its_slope() -> None:
    """exp(-0.2) = 0.819 and exp(0.2) = 1.221."""
    near = [make_window(0.1, 0.1, users) for users in (82, 100, 122)]
    far = [make_window(0.1, 0.1, users) for users in (81, 123)]
    assert select_near([*near, *far], 100) == near


def test_all_windows_count_if_fewer_than_two_are_near() -> None:
    wide = [make_window(0.1, 0.1, users) for users in (70, 100, 140)]
    assert select_near(wide, 100) == wide


def test_requests_that_are_slow_at_any_load_flatten_the_slope() -> None:
    """2 % of them: (0.05 - 0.02) / (0.05 · 0.98) = 0.612. With 3.6 % it would be 0.290, too little."""
    light = make_step(10, "PASS", slow_ratio=0.02, requests=10**6)
    near = make_step(60, "PASS", slow_ratio=0.05, requests=10**6)
    assert compare_with_light_load([light, near], 60, 0.05) == pytest.approx(0.612, abs=0.001)
    assert compare_with_light_load([near], 60, 0.05) == 1.0
    slower = make_step(10, "PASS", slow_ratio=0.036, requests=10**6)
    assert compare_with_light_load([slower, near], 60, 0.05) == 0.4


def test_a_few_requests_at_light_load_show_little() -> None:
    """3 slow ones of 60, with 100 quick ones: 1.875 %, so (0.05 - 0.01875) / (0.05 · 0.98125) = 0.637."""
    few = make_step(10, "PASS", slow_ratio=0.05, requests=60)
    assert compare_with_light_load([few], 60, 0.05) == pytest.approx(0.637, abs=0.001)
