"""A cell's answer in words."""

from harness.model import MIB, Cell, CellResult, Limits, Status
from harness.model.evidence import NotReady
from harness.report.view.cell_text import describe_outcome

CELL = Cell("web-c0.50-m128", "web", Limits(0.5, 128 * MIB))


def test_an_outcome_keeps_to_the_first_line_of_its_evidence() -> None:
    failed = CellResult(CELL, Status.FAILED, evidence=NotReady("out of memory\nlast log lines:\n…"))
    assert describe_outcome(failed) == "could not be brought up — out of memory"
