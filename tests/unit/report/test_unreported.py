"""Requests that the scenario never reported are named in words."""

from dataclasses import replace

from harness.model import NameStats, StepResult, Verdict
from harness.report.view.unreported import write_unreported_warnings
from tests.unit.analyse.synthetic import make_step


def make_step_of(verdict: Verdict, *names: tuple[str, int, int]) -> StepResult:
    """Return a step with request names, each with its requests and how many were not reported."""
    by_name = tuple(
        NameStats(name, requests, 0, None, None, None, unreported) for name, requests, unreported in names
    )
    return replace(make_step(10, verdict), by_name=by_name)


def test_unreported_requests_are_counted_by_name_over_all_valid_steps() -> None:
    steps = [
        make_step_of(Verdict.PASS, ("GET /", 100, 0), ("POST export", 48, 48)),
        make_step_of(Verdict.FAIL, ("GET /", 150, 0), ("POST export", 52, 50)),
        make_step_of(Verdict.INVALID, ("POST export", 7, 7)),
    ]
    (warning,) = write_unreported_warnings(steps)
    assert warning.startswith("98 of 100 requests to POST export were never reported to Locust. They count")
    assert "with self.client" in warning


def test_nothing_is_said_if_everything_was_reported() -> None:
    assert write_unreported_warnings([make_step_of(Verdict.PASS, ("GET /", 100, 0))]) == ()
