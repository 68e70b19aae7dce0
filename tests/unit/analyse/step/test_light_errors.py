"""Errors that load adds to those of light load, by request name."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.step.baseline import Baseline
from harness.analyse.step.judge import judge_steps
from harness.analyse.step.light_errors import StepErrors, estimate_usual_ratio, is_exact, measure_step_errors
from harness.analyse.step.slo import evaluate_slo
from harness.analyse.step.window import Window
from harness.model import Slo
from harness.model.evidence import SloEvaluation
from tests.unit.analyse.synthetic import make_closed_step, require_window, spread_evenly

ADDED = Slo("added_errors", 0.01)
Mix = Mapping[str, tuple[int, int]]
"""How many requests of each name failed, and how many there were."""


def make_window(mix: Mix) -> Window:
    """Return a window of 20 s with these requests, in turn."""
    base = require_window(make_closed_step(10))
    total = sum(n for _, n in mix.values())
    failed = [index < bad for bad, n in mix.values() for index in range(n)]
    order = np.random.default_rng(1).permutation(total)
    return replace(
        base,
        names=tuple(mix),
        start_s=np.linspace(base.from_s, base.to_s, total, endpoint=False),
        response_s=np.full(total, 0.1),
        failed=np.array(failed, dtype=np.bool_)[order],
        name=np.repeat(np.arange(len(mix), dtype=np.int32), [n for _, n in mix.values()])[order],
    )


def evaluate(mix: Mix, light: Mix, users: int = 1, slo: Slo = ADDED) -> SloEvaluation:
    baseline = Baseline(users, 0.1, wait_ratio=0.5, errors=StepErrors(light))
    return evaluate_slo(make_window(mix), slo, baseline)


def test_requests_that_fail_at_light_load_as_well_add_nothing() -> None:
    """All of 24 icons fail at light load, and all of 250 icons now, a quarter of 1000 requests."""
    found = evaluate({"GET /": (0, 750), "GET /icon": (250, 250)}, {"GET /": (0, 72), "GET /icon": (24, 24)})
    assert (found.value, found.holds) == (0.0, True)
    other_mix = evaluate({"GET /": (0, 50), "GET /icon": (50, 50)}, {"GET /": (0, 90), "GET /icon": (10, 10)})
    assert other_mix.value == 0.0


def test_what_load_adds_is_compared_with_the_limit() -> None:
    """Of 750 requests of GET / 60 fail too: 6 % of all."""
    found = evaluate({"GET /": (60, 750), "GET /icon": (250, 250)}, {"GET /": (0, 72), "GET /icon": (24, 24)})
    assert found.value == pytest.approx(0.06)
    assert (found.holds, found.is_settled) == (False, True)


def test_two_standard_errors_of_the_light_share_count_in_favour_of_the_size() -> None:
    """A quarter of 100 fails at light load, √(0.25 · 0.75 / 100) = 4.3 %: up to 33.7 % may be chance."""
    usual = estimate_usual_ratio(make_window({"GET /": (300, 1000)}), StepErrors({"GET /": (25, 100)}))
    assert usual == pytest.approx(0.25 + 2 * 0.0433, abs=0.0001)
    assert evaluate({"GET /": (300, 1000)}, {"GET /": (25, 100)}).holds
    assert not evaluate({"GET /": (400, 1000)}, {"GET /": (25, 100)}).holds


def test_names_that_are_rare_at_light_load_have_a_share_in_common() -> None:
    """Six names with one request each, of which three failed: a half of the rare names' requests."""
    light = {f"GET /{n}": (n % 2, 1) for n in range(6)} | {"GET /": (0, 94)}
    window = make_window({"GET /": (0, 900), "GET /7": (50, 100)})
    deviation = 0.1 * (0.25 / 6) ** 0.5
    assert estimate_usual_ratio(window, StepErrors(light)) == pytest.approx(0.05 + 2 * deviation)


def test_an_slo_on_one_name_compares_its_requests_alone() -> None:
    """50 of 250 icons fail now and none at light load: 20 %."""
    slo = Slo("added_errors", 0.01, "/icon")
    found = evaluate(
        {"GET /": (0, 750), "GET /icon": (50, 250)}, {"GET /": (0, 72), "GET /icon": (0, 24)}, slo=slo
    )
    assert found.value == pytest.approx(0.2)


def test_without_light_load_nothing_is_told() -> None:
    """Ten users who wait for half of their time are not light."""
    found = evaluate({"GET /": (500, 1000)}, {"GET /": (500, 1000)}, users=10)
    assert (found.value, found.holds) == (None, True)


def test_a_light_step_with_failures_lasts_until_their_share_is_exact() -> None:
    """Two standard errors of a quarter are 1 % from 7,500 requests on; of none or all they are nothing."""
    assert not is_exact(make_window({"GET /": (1000, 4000)}), 0.01)
    assert is_exact(make_window({"GET /": (2000, 8000)}), 0.01)
    assert is_exact(make_window({"GET /": (0, 40), "GET /icon": (10, 10)}), 0.01)


def test_steps_whose_errors_are_those_of_light_load_pass() -> None:
    light, heavy = (make_closed_step(n, fails=spread_evenly(0.25), index=n) for n in (10, 40))
    worse = make_closed_step(60, fails=spread_evenly(0.5), index=60)
    verdicts = [step.verdict for step in judge_steps([light, heavy, worse], (ADDED,))]
    assert verdicts == ["PASS", "PASS", "FAIL"]
    assert measure_step_errors(require_window(light)).by_name == {"GET /": (50, 200)}
