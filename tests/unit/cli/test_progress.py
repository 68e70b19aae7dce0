"""What a person sees while a campaign runs."""

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from harness.cli.progress import LineProgress, LiveProgress, in_words_s, outcome, safe
from harness.measure.step import ProgressSample
from harness.model import (
    MIB,
    Cell,
    CellResult,
    Factor,
    ImageSource,
    Limits,
    Plan,
    Requests,
    Scenario,
    Slo,
    Status,
    Step,
    Target,
    TargetSample,
)
from harness.model.evidence import CpuQuotaUsed, NotReady

CELL = Cell("web-c0.50-m128", "web", Limits(0.5, 128 * MIB))
OTHER = Cell("web-c1.00-m128", "web", Limits(1.0, 128 * MIB))
PLAN = Plan(
    Path("matrix.yaml"),
    Target("web", 8000, ImageSource("web:1")),
    Scenario((Path("locustfile.py"),)),
    (CELL, OTHER),
    (Slo("p95", 1.0),),
)
BRACKETED = CellResult(
    CELL, Status.BRACKETED, 250, 262, limiting_factor=Factor.CPU, evidence=CpuQuotaUsed(0.97, 0.5, None)
)


def pulse() -> ProgressSample:
    start = np.linspace(0, 10, 100)
    recent = Requests(
        ("GET /",), (), start, np.full(100, 0.2), np.zeros(100, np.int32), np.full(100, -1, np.int32)
    )
    samples = tuple(
        TargetSample(at, at * 0.25, 0, 0, 0.0, 64 * MIB, None, 0, 0) for at in (0.0, 1.0, 2.0, 3.0)
    )
    return ProgressSample("window", 200, 200, 31.0, recent, 10.0, samples)


def shown(display: LiveProgress) -> str:
    console = Console(file=io.StringIO(), width=130)
    console.print(display.render())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_display_shows_the_cell_its_load_and_its_use_of_the_limits() -> None:
    display = LiveProgress(Console(file=io.StringIO()), PLAN, clock=lambda: 60.0)
    display.cell_started(CELL)
    display.step_started(CELL, Step(200))
    display.pulse(CELL, pulse())
    text = shown(display)
    assert "cell 1 of 2" in text
    assert "window at 200 users" in text
    assert "RPS 10.0" in text
    assert "p95 0.200 s" in text
    assert "CPU 0.25/0.5 (50%)" in text
    assert "memory 64/128 MiB (50%)" in text


def test_cells_done_before_a_resume_count() -> None:
    display = LiveProgress(Console(file=io.StringIO()), PLAN, done_before=1, clock=lambda: 0.0)
    display.cell_started(OTHER)
    assert "cell 2 of 2" in shown(display)


def test_without_a_terminal_there_is_a_line_for_each_thing_that_happened() -> None:
    lines: list[str] = []
    plain = LineProgress(lines.append, PLAN)
    plain.cell_started(CELL)
    plain.cell_done(BRACKETED)
    assert lines == [
        "web-c0.50-m128: starting",
        "web-c0.50-m128: sustains 250 users, breaks at 262 — its CPU quota is used up (97 % of 0.5 CPU used)  [1/2]",
    ]


def test_an_outcome_keeps_to_the_first_line_of_its_evidence() -> None:
    failed = CellResult(CELL, Status.FAILED, evidence=NotReady("out of memory\nits last words:\n…"))
    assert outcome(failed) == "could not be brought up — out of memory"


@pytest.mark.parametrize(("seconds", "words"), [(31, "40 s"), (125, "2 min"), (7500, "2 h 05 min")])
def test_a_duration_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert in_words_s(seconds) == words


def test_text_from_outside_is_inert_in_a_terminal() -> None:
    assert "\x1b" not in safe("\x1b[31mred")
    assert safe("[bold]x") == "\\[bold]x"
