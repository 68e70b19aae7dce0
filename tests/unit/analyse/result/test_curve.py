"""A size's curve is put together from its ramp and its windows, and its shape is told at the upper end."""

from dataclasses import replace

import pytest

from harness.analyse.result.curve import add_curves, build_curve, find_light_rate
from harness.model import CellResult, Curve, CurvePoint, CurveShape, StepCurves, StepResult, Verdict
from tests.builders import make_result
from tests.unit.analyse.synthetic import make_step
from tests.unit.report import example

THINK_S = 2.0


def make_window(users: int, rps: float, verdict: str = "PASS", index: int = 1) -> StepResult:
    """Return a window by Little's law: users who think for 2 s wait for the rest of their cycle."""
    response_s = users / rps - THINK_S
    step = make_step(users, verdict, index, rps=rps, p50_s=response_s, p95_s=2 * response_s)
    return replace(step, wait_ratio=response_s / (response_s + THINK_S))


def make_ramp(*points: tuple[float, float], ramp_s: float = 20.0) -> StepCurves:
    """Return a ramp of (users, RPS)."""
    ramp = tuple(CurvePoint(users, 100, rps, 0.1, 0.2, 0.0, is_on_ramp=True) for users, rps in points)
    return StepCurves(ramp, ramp_s)


def make_cell(*steps: StepResult) -> CellResult:
    return replace(make_result(), steps=tuple(replace(step, index=i) for i, step in enumerate(steps, 1)))


def require_curve(*steps: StepResult, light: float | None = 0.5) -> Curve:
    curve = build_curve(make_cell(*steps), light)
    assert curve is not None
    return curve


LIGHT = make_window(10, 4.9)
"""Ten users who wait for 0.04 s."""


def test_users_who_wait_least_show_what_a_user_gets_at_light_load() -> None:
    """10 users get 4.9 RPS (they wait for 2 % of their time), 100 users get 40 (they wait for 20 %)."""
    cells = [make_cell(make_window(100, 40.0)), make_cell(LIGHT)]
    assert find_light_rate(cells) == pytest.approx(0.49)


def test_users_who_do_not_think_have_no_line_of_light_load() -> None:
    busy = replace(make_window(10, 4.9), wait_ratio=1.0)
    assert find_light_rate([make_cell(busy)]) is None


def test_rps_that_follows_the_users_is_stable() -> None:
    ramp = make_ramp((50, 24.5), (100, 49), (150, 73), (190, 92))
    curve = require_curve(LIGHT, replace(make_window(200, 96.0), curves=ramp))
    assert (curve.shape, curve.knee_users) == (CurveShape.STABLE, None)
    assert curve.behind_ratio == pytest.approx(0.04)


def test_rps_that_stays_level_while_users_wait_longer_is_a_bottleneck() -> None:
    """The target makes at most 60 RPS, which is what 120 users get at light load."""
    ramp = make_ramp((50, 25), (100, 49), (120, 57), (180, 60))
    curve = require_curve(LIGHT, replace(make_window(200, 60.0, "FAIL"), curves=ramp))
    assert curve.shape is CurveShape.BOTTLENECK
    assert curve.knee_users == pytest.approx(120)
    assert curve.behind_ratio == pytest.approx(0.4)


def test_rps_that_falls_behind_but_grows_is_saturated() -> None:
    ramp = make_ramp((50, 25), (100, 49), (150, 70), (190, 83))
    curve = require_curve(LIGHT, replace(make_window(200, 86.0), curves=ramp))
    assert curve.shape is CurveShape.SATURATED
    assert curve.knee_users == pytest.approx(172)


def test_without_a_line_of_light_load_growth_alone_decides() -> None:
    """Users who don't think: 20 make as many requests as 8, and wait for longer."""
    few, many = make_step(8, "PASS", rps=100.0, p95_s=0.1), make_step(20, "FAIL", rps=102.0, p95_s=0.3)
    curve = require_curve(few, many, light=None)
    assert (curve.shape, curve.knee_users) == (CurveShape.BOTTLENECK, None)
    grown = require_curve(few, replace(many, rps=240.0), light=None)
    assert grown.shape is CurveShape.STABLE


def test_failed_requests_are_no_longer_waits() -> None:
    """Half of the requests fail at once, so 200 users ask as often as at light load."""
    failing = make_window(200, 98.0, "FAIL")
    failing = replace(failing, rps=49.0, failures=replace(failing.failures, ratio=0.5))
    assert require_curve(LIGHT, failing).behind_ratio == pytest.approx(0.02)


def test_one_point_has_no_shape() -> None:
    assert require_curve(LIGHT).shape is None


def test_a_size_without_a_valid_step_has_no_curve() -> None:
    assert build_curve(make_cell(), 0.5) is None
    assert build_curve(make_cell(make_step(10, "INVALID", rps=5.0)), 0.5) is None


def test_of_several_windows_with_the_same_users_the_last_counts() -> None:
    curve = require_curve(make_window(100, 40.0), make_window(100, 45.0, "FAIL"))
    assert [(point.rps, point.verdict) for point in curve.points] == [(45.0, Verdict.FAIL)]


def test_the_slowest_ramp_is_the_curve_and_others_only_go_on() -> None:
    """The ramp to 90 users hardly goes further than that to 85; the one to 200 goes on from there."""
    slow = replace(make_window(85, 42.0), curves=make_ramp((20, 10), (80, 39)))
    near = replace(make_window(90, 44.0), curves=make_ramp((45, 22), (88, 43), ramp_s=10.0))
    far = replace(make_window(200, 90.0), curves=make_ramp((60, 30), (120, 58), (190, 90), ramp_s=10.0))

    def list_ramp(*steps: StepResult) -> list[float]:
        return [point.users for point in require_curve(*steps).points if point.is_on_ramp]

    assert list_ramp(near, slow) == [20, 80]
    assert list_ramp(far, slow) == [20, 80, 120, 190]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_a_window_without_numbers_has_no_shape(value: float) -> None:
    steps = make_step(10, "PASS", rps=value, p95_s=0.1), make_step(20, "PASS", rps=8.0, p95_s=value)
    assert require_curve(*steps).shape is None


def test_every_cell_of_a_campaign_gets_its_curve() -> None:
    result = add_curves(example.build_campaign())
    assert all((cell.curve is not None) == bool(cell.steps) for cell in result.cells)
