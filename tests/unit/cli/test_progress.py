"""The displays of a running campaign: live in a terminal, plain lines elsewhere."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from harness.cli.progress import LineProgress, LiveProgress
from harness.measure.protocols import GeneratorFacts
from harness.measure.step import ProgressSample
from harness.model import (
    MIB,
    Cell,
    CellResult,
    Factor,
    GeneratorSample,
    ImageSource,
    Limits,
    Plan,
    Purpose,
    Requests,
    Scenario,
    Search,
    Slo,
    Status,
    Step,
    Target,
    TargetSample,
    ThinkTimes,
    Timing,
)
from harness.model.evidence import CpuQuotaUsed, EndedStep
from tests.unit.analyse.synthetic import make_step

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


def make_sample() -> ProgressSample:
    start = np.linspace(0, 10, 100)
    recent = Requests(
        ("GET /",), (), start, np.full(100, 0.2), np.zeros(100, np.int32), np.full(100, -1, np.int32)
    )
    samples = tuple(
        TargetSample(at, at * 0.25, 0, 0, 0.0, 64 * MIB, None, 0, 0) for at in (0.0, 1.0, 2.0, 3.0)
    )
    generator = tuple(GeneratorSample(at, 0.0, 0, 0.0, 200, 0) for at in (0.0, 10.0))
    facts = (GeneratorFacts(recent, ThinkTimes(), generator),)
    return ProgressSample("window", 200, 31.0, facts, samples)


def show(display: LiveProgress) -> str:
    console = Console(file=io.StringIO(), width=130)
    console.print(display.render())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_display_shows_the_cell_its_load_and_its_use_of_the_limits() -> None:
    with LiveProgress(Console(file=io.StringIO()), clock=lambda: 60.0) as display:
        display.campaign_started(PLAN, finished_cells=0)
        display.cell_started(CELL)
        display.step_started(CELL, Step(200))
        display.step_progressed(CELL, make_sample())
        text = show(display)
    assert "size 1 of 2" in text
    assert "window at 200 users" in text
    assert "RPS 10.0" in text
    assert "p95 0.20 s" in text
    assert "CPU 0.25/0.5 (50 %)" in text
    assert "memory 64 MiB of 128 MiB (50 %)" in text


def test_the_display_shows_the_soak_in_place_of_the_drift_check_and_the_time_that_is_left() -> None:
    plan = replace(PLAN, search=Search(soak_s=300.0))
    step = Step(400, Timing(window_at_least_s=300.0, window_at_most_s=300.0), Purpose.SOAK)
    with LiveProgress(Console(file=io.StringIO()), clock=lambda: 0.0) as display:
        display.campaign_started(plan, finished_cells=2)
        display.drift_check_started(OTHER)
        display.soak_started(CELL, step)
        display.step_started(CELL, step)
        display.step_progressed(CELL, make_sample())
        text = show(display)
    assert "holding it for 5 min: window at 400 users (31 s)" in text
    assert OTHER.id not in text
    assert "about 5 min left" in text  # 323 s less the 31 s that have passed


def test_the_display_shows_how_the_bracket_closes() -> None:
    """The axis has 40 columns for 0 to 400 users: 200 users are at 20, 300 at 29, and 250 at 24."""
    with LiveProgress(Console(file=io.StringIO()), clock=lambda: 0.0) as display:
        display.campaign_started(PLAN, finished_cells=0)
        display.cell_started(CELL)
        display.step_started(CELL, Step(200))
        assert "no verdict yet" in show(display)
        display.step_judged(CELL, make_step(200, "PASS"))
        display.step_judged(CELL, make_step(300, "FAIL"))
        display.step_started(CELL, Step(250))
        text = show(display)
    axis = "─" * 20 + "●" + "━" * 3 + "▲" + "━" * 4 + "×" + "─" * 10
    assert f"0 {axis} 400  sustains 200, breaks at 300: 50 % apart (5.0 % is enough)" in text


def test_a_soak_is_no_search_and_has_no_bracket() -> None:
    with LiveProgress(Console(file=io.StringIO()), clock=lambda: 0.0) as display:
        display.campaign_started(PLAN, finished_cells=2)
        display.soak_started(CELL, Step(400, purpose=Purpose.SOAK))
        display.step_started(CELL, Step(400, purpose=Purpose.SOAK))
        assert "verdict" not in show(display)


def test_cells_finished_before_a_resume_count() -> None:
    with LiveProgress(Console(file=io.StringIO()), clock=lambda: 0.0) as display:
        display.campaign_started(PLAN, finished_cells=1)
        display.cell_started(OTHER)
        assert "size 2 of 2" in show(display)


def test_without_a_terminal_there_is_a_line_for_each_event() -> None:
    lines: list[str] = []
    plain = LineProgress(lines.append)
    plain.campaign_started(PLAN, finished_cells=0)
    assert lines.pop().startswith("2 sizes of web, up to 400 users, about ")
    plain.cell_started(CELL)
    plain.cell_finished(BRACKETED)
    assert lines == [
        "web-c0.50-m128: starting",
        "web-c0.50-m128: sustains 250 users, breaks at 262 — its CPU quota is used up "
        "(97 % of 0.5 CPU used)  [1/2]",
    ]


def test_the_first_line_tells_the_time_for_the_sizes_that_are_left_and_those_at_once() -> None:
    """A size takes 307.21 s (tests/unit/cli/test_run.py), and the soak 323 s; two have no drift check."""
    lines: list[str] = []
    for finished, at_once in ((0, 1), (0, 2), (1, 1)):
        LineProgress(lines.append).campaign_started(PLAN, finished, at_once)
    assert lines == [
        "2 sizes of web, up to 400 users, about 16 min",
        "2 sizes of web, 2 at once, up to 400 users, about 11 min",
        "2 sizes of web, 1 of them measured before, up to 400 users, about 11 min more",
    ]


def test_the_display_divides_the_time_among_the_sizes_at_once() -> None:
    """Half a size of 307.21 s is taken to be done: 1.5 of them, half as long two at once. The soak: 323 s."""
    with LiveProgress(Console(file=io.StringIO()), clock=lambda: 0.0) as display:
        display.campaign_started(PLAN, finished_cells=0)
        assert "about 13 min left" in show(display)
        display.campaign_started(PLAN, finished_cells=0, at_once=2)
        assert "about 9 min left" in show(display)


def test_text_from_outside_is_inert_in_a_terminal() -> None:
    console = Console(file=io.StringIO(), width=130)
    with LiveProgress(console) as display:
        display.note("\x1b[31mred [bold]x")
        display.campaign_started(PLAN, finished_cells=0)
        display.step_judged(
            CELL, make_step(200, "FAIL", rule="died", evidence=EndedStep("\x1b[31mred [bold]x"))
        )
        text = show(display)
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[31m" not in console.file.getvalue() + text
    assert "note: red [bold]x" in console.file.getvalue()
    assert "red [bold]x" in text
