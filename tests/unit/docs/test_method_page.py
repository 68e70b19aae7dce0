"""The numbers of docs/method.md are those of the code."""

import re

import pytest

from harness.analyse.search.capacity_estimate import bound_slow_share, compute_allowed_slow_share
from harness.model import Slo
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


def test_every_module_that_the_page_names_exists() -> None:
    named = re.findall(r"`((?:analyse|measure)/[\w/]+\.py)`", METHOD)
    assert len(named) > 8
    assert [name for name in named if not (HARNESS / name).exists()] == []
