"""The drift of the p95 over a soak has an interval, and no drift is told as such."""

import random

import pytest

from harness.analyse.step.p95_drift import measure_p95_drift
from harness.model import ANSWERED
from harness.model.trials import ResponseDrift
from tests.unit.analyse.synthetic import WINDOW_FROM_S, make_closed_step, make_requests, require_window

HOLD_S = 1200.0


def measure(rise_ratio: float, per_s: float = 5.0, noise: float = 0.3) -> ResponseDrift | None:
    """Measure a hold whose response times rise in a line by this ratio of their mean, with a spread."""
    chance = random.Random(4)
    rows = []
    for number in range(round(HOLD_S * per_s)):
        at_s = number / per_s
        mean_s = 0.2 * (1 + rise_ratio * (at_s / HOLD_S - 0.5))
        rows.append((WINDOW_FROM_S + at_s, mean_s * (1 + noise * chance.random()), ANSWERED))
    facts = make_closed_step(10, window_s=HOLD_S, requests=make_requests(rows))
    return measure_p95_drift(require_window(facts))


def test_a_rise_is_measured_with_its_interval() -> None:
    drift = measure(0.3)
    assert drift is not None
    assert drift.is_told
    assert drift.ratio == pytest.approx(0.3, abs=0.03)
    assert drift.interval[0] < 0.3 < drift.interval[1]
    assert drift.windows == 30
    assert drift.window_s == pytest.approx(40.0)


def test_no_rise_is_not_told_as_one() -> None:
    drift = measure(0.0)
    assert drift is not None
    assert not drift.is_told
    assert drift.interval[0] < 0 < drift.interval[1]


def test_few_requests_make_longer_windows_and_too_few_none() -> None:
    """600 requests make ten windows of 60, and 240 four, which are too few for a line."""
    drift = measure(0.3, per_s=0.5)
    assert drift is not None
    assert drift.windows == 10
    assert measure(0.3, per_s=0.2) is None
