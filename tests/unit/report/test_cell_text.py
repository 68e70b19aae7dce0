"""A cell's answer in words."""

from harness.model import MIB, Cell, CellResult, Judgement, Limits, RequestFailure, Rule, Slo, Status
from harness.model.evidence import EveryRequestFailed, NotReady, SloBroken, SloEvaluation
from harness.report.view.cell_text import describe_outcome, write_remark
from tests.unit.report import example

CELL = Cell("web-c0.50-m128", "web", Limits(0.5, 128 * MIB))


def test_an_outcome_keeps_to_the_first_line_of_its_evidence() -> None:
    failed = CellResult(CELL, Status.FAILED, evidence=NotReady("out of memory\nlast log lines:\n…"))
    assert describe_outcome(failed) == "could not be brought up — out of memory"


def test_a_size_that_came_up_and_answered_nothing_is_told_from_one_that_did_not_come_up() -> None:
    error = "HTTPError: 503 Server Error: Service Unavailable for url: /items"
    failure = RequestFailure("GET /items", error, 10, 10)
    evidence = Judgement(Rule.ALL_FAILED, EveryRequestFailed(error, 10, failure))
    assert describe_outcome(CellResult(CELL, Status.FAILED, evidence=evidence)) == (
        "came up, but answered no request — "
        "every request failed (GET /items: 503 Service Unavailable, 10 of 10)"
    )


def test_a_cell_that_the_shortfall_stopped_says_so() -> None:
    """Its response times may be far below their limits."""
    shortfall = SloEvaluation(Slo("shortfall", 0.15), 0.186, holds=False, is_settled=True)
    broken = example.build_step(2, 59, 0.5, Judgement(Rule.SLO_BROKEN, SloBroken(shortfall)))
    passed = example.build_step(1, 57, 0.5)
    result = CellResult(CELL, Status.BRACKETED, 57, 59, steps=(passed, broken))
    assert write_remark(result) == (
        "stopped at 59 users by shortfall 18.6 % > 15 %: users make fewer requests than at light load"
    )
    slow = example.build_step(2, 59, 0.5, example.judge_too_slow(59, 0.5))
    assert write_remark(CellResult(CELL, Status.BRACKETED, 57, 59, steps=(passed, slow))) == ""
