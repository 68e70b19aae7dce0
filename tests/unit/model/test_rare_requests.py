"""Which request name somebody may mean who wrote one that never came."""

import pytest

from harness.model.rare_requests import find_nearest_name

NAMES = ("GET /", "GET /items/[id]", "POST /checkout", "PUT /basket", "search")


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("/checkot", "POST /checkout"),
        ("GET /checkout", "POST /checkout"),
        ("POST /Checkout", "POST /checkout"),
        ("/checkout/", "POST /checkout"),
        ("/checkout?step=2", "POST /checkout"),
        ("/item/[id]", "GET /items/[id]"),
        ("POST /", "GET /"),
        ("GET search", "search"),
        ("Search", "search"),
        ("/nowhere/at/all", None),
        ("", "GET /"),
    ],
)
def test_the_nearest_name_has_the_same_or_a_similar_path(written: str, near: str | None) -> None:
    assert find_nearest_name(written, NAMES) == near


def test_without_names_none_is_near() -> None:
    assert find_nearest_name("/", ()) is None
