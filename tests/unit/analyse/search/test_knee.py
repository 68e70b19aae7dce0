"""How sharply the slow share rises: what a verdict may rely on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.search.knee import logit, share_at, slope

SHARES = st.floats(0.001, 0.5)
USERS = st.integers(1, 10_000)


@given(allowed=SHARES, users=USERS, ratio=st.floats(0, 0.3))
def test_more_users_than_the_capacity_show_a_larger_share(allowed: float, users: int, ratio: float) -> None:
    assert share_at(allowed, users, -ratio) <= allowed * (1 + 1e-9)
    assert share_at(allowed, users, ratio) >= allowed * (1 - 1e-9)


@given(allowed=SHARES, users=USERS)
def test_at_the_capacity_the_share_is_what_is_allowed(allowed: float, users: int) -> None:
    assert share_at(allowed, users, 0.0) == pytest.approx(allowed)


@pytest.mark.parametrize(
    ("users", "share_below", "share_above"),
    [(50.2, 0.0345, 0.078), (107, 0.0285, 0.0795), (221, 0.0214, 0.0971), (279, 0.0176, 0.1039)],
)
def test_what_is_relied_on_is_less_than_what_was_simulated(
    users: float, share_below: float, share_above: float
) -> None:
    """Long runs at 0.95 and 1.05 of the capacity: the true shares are farther off than the relied ones."""
    assert share_below < share_at(0.05, users, -0.05)
    assert share_above > share_at(0.05, users, 0.05)


def test_the_slope_grows_with_the_root_of_the_users() -> None:
    assert slope(400) == pytest.approx(2 * slope(100))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_share_is_infinitely_far(share: float) -> None:
    assert abs(logit(share)) < 14
