"""A scenario that never has as many users as the matrix asks for is refused before anything starts."""

from collections.abc import Mapping

import pytest

from harness.errors import UsageError
from harness.measure.locust.user_classes import check_fixed_counts


@pytest.mark.parametrize("counts", [{}, {"Admin": 0}, {"Admin": 3, "Visitor": 0}, {"Admin": 30, "Clerk": 10}])
def test_users_may_be_as_many_as_the_limit(counts: Mapping[str, int]) -> None:
    """A class without a fixed number takes all further users; 30 and 10 are the limit."""
    check_fixed_counts("locustfile.py", counts, 40)


def test_fewer_users_than_the_limit_are_refused_with_what_to_write() -> None:
    with pytest.raises(UsageError, match="5 users can come at most") as caught:
        check_fixed_counts("locustfile.py", {"Admin": 3, "Clerk": 2}, 40)
    assert caught.value.what == (
        "locustfile.py: 5 users can come at most, because each user class has a fixed_count "
        "(Admin 3, Clerk 2), and users.limit is 40"
    )
    assert caught.value.hint == "users: {limit: 5}, or a weight instead of the fixed_count of a class"
