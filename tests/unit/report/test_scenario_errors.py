"""Exceptions in the scenario are named in a step's reason, a warning, the trust section and the summary."""

from dataclasses import replace

import pytest

from harness.model import (
    CellResult,
    ErrorOrigin,
    Failures,
    NameStats,
    RequestFailure,
    Status,
    StepResult,
    TaskError,
    TaskUse,
)
from harness.report.formats.summary_json import build_summary
from harness.report.view.checks import write_warnings
from harness.report.view.scenario_errors import describe_raised_tasks, warn_of_failures_at_start
from harness.report.view.steps import build_step_view
from harness.report.view.trust import build_trust_facts
from tests.unit.analyse.synthetic import make_step
from tests.unit.report import example

ROWS = TaskError(ErrorOrigin.TASK, "KeyError: 'rows'", "locustfile.py:9")
REPORT = TaskError(ErrorOrigin.REPORT, "rpc call with a response time of -3", "locustfile.py:7")
LISTENER = TaskError(ErrorOrigin.LISTENER, "TypeError: no", "hooks.py:3")
FEW = TaskUse(ended=1000, raised=20, after_failure=4, error=ROWS, error_count=16)
WARNING = (
    "Up to 1.6 % of the tasks ended in KeyError: 'rows' (locustfile.py:9): "
    "users did less than the scenario says."
)


def make_cell(*steps: StepResult) -> CellResult:
    return replace(example.build_cell(0.5, 64, Status.CENSORED), sustained_users=10, steps=steps)


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        (TaskUse(), ""),
        (TaskUse(ended=100), ""),
        (
            FEW,
            "1.6 % of the tasks ended in KeyError: 'rows' (locustfile.py:9); "
            "0.4 % of the tasks ended in an exception after a failed request",
        ),
        (
            TaskUse(10, 10, 10, ROWS, 10),
            "100 % of the tasks ended in an exception after a failed request",
        ),
        (
            TaskUse(100, 9, 0, ROWS, 5),
            "9.0 % of the tasks ended in exceptions, most often in KeyError: 'rows' (locustfile.py:9)",
        ),
        (
            TaskUse(100, unread=1200, unread_error=REPORT),
            "1200 of the reports of requests can't be read, most often rpc call with a response time of -3 "
            "(locustfile.py:7)",
        ),
        (TaskUse(100, other_error=LISTENER), "a listener of the scenario raised TypeError: no (hooks.py:3)"),
    ],
)
def test_the_share_of_tasks_is_named_with_the_commonest_exception(tasks: TaskUse, words: str) -> None:
    assert describe_raised_tasks(tasks) == words


def test_a_step_that_passed_names_its_exceptions_after_its_reason() -> None:
    reason = build_step_view(replace(make_step(10, "PASS"), tasks=FEW)).reason
    assert "; 1.6 % of the tasks ended in KeyError: 'rows' (locustfile.py:9)" in reason


def test_a_campaign_warns_of_the_worst_step_that_passed() -> None:
    passed = replace(make_step(10, "PASS"), tasks=FEW)
    broken = replace(make_step(20, "FAIL"), tasks=replace(FEW, raised=504, error_count=500))
    campaign = example.build_campaign([make_cell(passed, broken)])
    assert write_warnings(campaign)[-1] == WARNING
    fact = next(fact for fact in build_trust_facts(campaign) if "exceptions" in fact.label)
    assert fact.value == "up to 50 %"


def test_a_campaign_warns_of_reports_that_cannot_be_read() -> None:
    passed = replace(make_step(10, "PASS"), tasks=TaskUse(100, unread=3, unread_error=REPORT))
    assert write_warnings(example.build_campaign([make_cell(passed)]))[-1] == (
        "Up to 3 of the reports of requests can't be read, most often rpc call with a response time of -3 "
        "(locustfile.py:7)."
    )


def test_a_share_below_a_thousandth_is_no_warning() -> None:
    once = replace(make_step(10, "PASS"), tasks=TaskUse(5000, 4, 0, ROWS, 4))
    assert not any("KeyError" in line for line in write_warnings(example.build_campaign([make_cell(once)])))


def test_a_campaign_warns_of_requests_that_only_failed_before_its_windows() -> None:
    """Steps that did not pass say themselves what failed. A name that was answered elsewhere works."""

    def make(verdict: str, count: int, answered: bool = False) -> StepResult:
        login = RequestFailure(
            "POST /login", "HTTPError: 401 Client Error: Unauthorized for url: /", count, count
        )
        by_name = (NameStats("POST /login", 9, 0, None, None, None),) if answered else ()
        return replace(make_step(10, verdict), failures=Failures(0.0, at_start=(login,)), by_name=by_name)

    def warn(*steps: StepResult) -> tuple[str, ...]:
        return warn_of_failures_at_start(steps)

    assert warn(make("PASS", 10), make("PASS", 30), make("FAIL", 90)) == (
        "All of these requests failed, before the window began (POST /login: 401 Unauthorized, 30 of 30): "
        "users did less than the scenario says if they need an answer.",
    )
    assert warn(make("FAIL", 10), make("INVALID", 10)) == ()
    assert warn(make("PASS", 10), make("PASS", 10, answered=True)) == ()


def test_the_summary_holds_the_largest_share_and_its_exception() -> None:
    cells = [make_cell(replace(make_step(10, "PASS"), tasks=FEW)), make_cell(make_step(10, "PASS"))]
    named, unknown = build_summary(example.build_campaign(cells))["cells"]
    assert named["task_error_ratio"] == pytest.approx(0.016)
    assert named["task_error"] == "KeyError: 'rows' (locustfile.py:9)"
    assert (unknown["task_error_ratio"], unknown["task_error"]) == (None, None)
