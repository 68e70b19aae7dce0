"""Show a running campaign: a live display in a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.analyse.search.time_estimate import estimate_cell, estimate_plan, estimate_soak_s
from harness.campaign import CampaignListener
from harness.cli.bracket_line import draw_bracket
from harness.measure.live_point import measure_point
from harness.measure.locust.local_workers import build_worker_command
from harness.measure.step import ProgressSample
from harness.model import (
    Cell,
    CellResult,
    EngineWorkers,
    ExternalWorkers,
    Plan,
    Purpose,
    Step,
    StepResult,
    Verdict,
)
from harness.model.live import LivePoint
from harness.report.view.cell_text import describe_outcome
from harness.report.view.search_text import describe_step
from harness.report.view.text import (
    NO_DATA,
    clean_lines,
    format_cores,
    format_count,
    format_duration,
    format_estimate,
    format_mebibytes,
    format_number,
    format_rate,
    format_ratio,
    format_seconds,
    format_size,
    format_things,
)

_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INVALID: "yellow"}
_LAST_VERDICTS = 6


class LineProgress(CampaignListener):
    """A display of a campaign with one line per event, for logs and CI."""

    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print_line = print_line
        self._cells = 0
        self._finished = 0

    def campaign_started(self, plan: Plan, finished_cells: int, at_once: int = 1) -> None:
        """Print what will be measured."""
        self._cells = _count_cells(plan)
        self._finished = finished_cells
        for line in _describe_plan(plan, finished_cells, at_once):
            self._print_line(line)

    def note(self, text: str) -> None:
        """Print the note."""
        self._print_line(f"note: {text}")

    def cell_started(self, cell: Cell) -> None:
        """Print the cell."""
        self._print_line(f"{cell.id}: starting")

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        """Print the verdict."""
        self._print_line(f"{cell.id}: {describe_step(result)}")

    def cell_finished(self, result: CellResult) -> None:
        """Print the answer; a cell that was measured twice counts once."""
        self._finished += result.first is None
        self._print_line(f"{result.cell.id}: {describe_outcome(result)}  [{self._finished}/{self._cells}]")


def _describe_plan(plan: Plan, finished_cells: int, at_once: int) -> Iterator[str]:
    """Return lines that say what will be measured, and which workers the user has to start."""
    yield from (f"note: {note}" for note in plan.notes)
    match plan.load:
        case ExternalWorkers() as load:
            yield f"waiting for {load.workers} workers; start each of them on its host with:"
            yield f"  {build_worker_command(plan.scenario, load)}"
        case EngineWorkers() as load:
            count = "as many as are needed" if load.workers is None else load.workers
            yield f"Locust's workers ({count}) run in containers on the engines of the load"
    yield from (f"{cell_id}: skipped: {reason}" for cell_id, reason in plan.skipped.items())
    sizes = f"{format_things(_count_cells(plan), 'size')} of {plan.target.name}"
    if finished_cells:
        sizes += f", {format_count(finished_cells)} of them measured before"
    most = f", {at_once} at once" if at_once > 1 else ""
    left = format_estimate(estimate_plan(plan, at_once, finished_cells).total_s)
    yield f"{sizes}{most}, up to {plan.users_limit} users, about {left}{' more' if finished_cells else ''}"


def _count_cells(plan: Plan) -> int:
    return len(plan.cells) - len(plan.skipped)


@dataclass(slots=True)
class _ActiveCell:
    """A cell that is being measured, its step and its last sample; `activity` is "" during a step.

    `steps` are those that its search has held since the display shows it.
    """

    cell: Cell
    step: Step | None = None
    sample: ProgressSample | None = None
    activity: str = "starting"
    steps: tuple[StepResult, ...] = ()


class LiveProgress(CampaignListener):
    """A live display of a campaign, refreshed twice a second; a context manager that removes it on exit."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._plan: Plan | None = None
        self._finished_before = 0
        self._at_once = 1
        self._started_s = 0.0
        self._finished: list[CellResult] = []
        self._active: dict[str, _ActiveCell] = {}
        self._verdicts: list[tuple[str, StepResult | CellResult]] = []
        self._live = Live(console=console, refresh_per_second=2, get_renderable=self.render, transient=True)

    def __enter__(self) -> "LiveProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def campaign_started(self, plan: Plan, finished_cells: int, at_once: int = 1) -> None:
        """Print what will be measured, and start the display."""
        self._plan = plan
        self._finished_before = finished_cells
        self._at_once = at_once
        self._started_s = self._clock()
        for line in _describe_plan(plan, finished_cells, at_once):
            self._print_line(line)
        self._live.start()

    def note(self, text: str) -> None:
        """Print the note above the display."""
        self._print_line(f"note: {text}")

    def cell_started(self, cell: Cell) -> None:
        """Add the cell to those that are being measured."""
        self._active[cell.id] = _ActiveCell(cell)

    def drift_check_started(self, cell: Cell) -> None:
        """Add the cell to those that are being measured."""
        self._active[cell.id] = _ActiveCell(cell)

    def soak_started(self, cell: Cell, step: Step) -> None:
        """Show the cell; it replaces that of the drift check, unless other engines still hold theirs."""
        if self._plan is not None and len(self._plan.engines) == 1 and self._plan.parallel == 1:
            self._active.clear()
        self._active[cell.id] = _ActiveCell(cell)

    def container_starting(self, cell: Cell) -> None:
        """Show that the cell waits for a container."""
        active = self._active[cell.id]
        active.activity, active.sample = "starting a fresh container", None

    def step_started(self, cell: Cell, step: Step) -> None:
        """Show the cell's step."""
        active = self._active[cell.id]
        active.step, active.activity = step, ""

    def step_progressed(self, cell: Cell, sample: ProgressSample) -> None:
        """Show the numbers of the cell's step."""
        self._active[cell.id].sample = sample

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        """Add the verdict to the last ones, and to the steps of the cell."""
        if (active := self._active.get(cell.id)) is not None:
            active.steps = (*active.steps, result)
        self._verdicts = [*self._verdicts, (cell.id, result)][-_LAST_VERDICTS:]

    def cell_finished(self, result: CellResult) -> None:
        """Add the answer to the last verdicts."""
        self._finished.append(result)
        self._active.pop(result.cell.id, None)
        self._verdicts = [*self._verdicts, (result.cell.id, result)][-_LAST_VERDICTS:]

    def render(self) -> RenderableType:
        """Return the current content of the display."""
        if self._plan is None:
            return Text("")
        active = [line for each in list(self._active.values()) for line in _render_active(each, self._plan)]
        waiting = [] if active else [Text("" if self._finished else "preparing the target's image …")]
        return Group(self._render_progress(self._plan), *waiting, *active, self._render_verdicts())

    def _print_line(self, line: str) -> None:
        self._console.print(clean_lines(line), markup=False, soft_wrap=True)

    def _render_progress(self, plan: Plan) -> RenderableType:
        total, finished = _count_cells(plan), self._count_finished()
        cell_s = self._estimate_cell_s(plan)
        row = Table.grid(padding=(0, 1))
        row.add_row(
            ProgressBar(total=1.0, completed=min(0.99, self._estimate_share(total, cell_s)), width=30),
            f"size {min(finished + 1, total)} of {total}",
            f"about {format_estimate(self._estimate_left_s(plan, total - finished, cell_s))} left",
        )
        return row

    def _estimate_left_s(self, plan: Plan, cells_left: int, cell_s: float) -> float:
        """Return the seconds that the remaining cells and the soak still take, at least ten."""
        soak_s = estimate_soak_s(plan)
        for active in list(self._active.values()):
            if active.step is not None and active.step.purpose is Purpose.SOAK and active.sample is not None:
                soak_s -= active.sample.elapsed_s
        return max(10.0, max(0.0, (cells_left - 0.5) * cell_s) + soak_s)

    def _count_finished(self) -> int:
        """Count the finished cells; one that was measured twice counts once."""
        return self._finished_before + sum(result.first is None for result in self._finished)

    def _estimate_share(self, total: int, cell_s: float) -> float:
        """Return the share of the campaign that is done; all running cells count as 0.9 of a cell at most."""
        active_s = max(0.0, self._clock() - self._started_s - sum(result.load_s for result in self._finished))
        return (self._count_finished() + min(0.9, active_s / cell_s / 2)) / max(1, total)

    def _estimate_cell_s(self, plan: Plan) -> float:
        """Return the seconds from cell to cell: the plan's estimate, averaged with the finished cells."""
        estimate_s = estimate_cell(plan).total_s / self._at_once
        spent_s = self._clock() - self._started_s
        return (estimate_s + spent_s) / (1 + len(self._finished)) if self._finished else estimate_s

    def _render_verdicts(self) -> RenderableType:
        lines = Table.grid(padding=(0, 1))
        for cell_id, result in self._verdicts:
            if isinstance(result, StepResult):
                verdict = Text(clean_lines(describe_step(result)), style=_COLOURS[result.verdict])
                lines.add_row(Text(cell_id, style="dim"), verdict)
            else:
                outcome = Text(f"→ {clean_lines(describe_outcome(result))}", style="bold")
                lines.add_row(Text(cell_id, style="bold"), outcome)
        return lines


def _render_active(active: _ActiveCell, plan: Plan) -> Iterator[RenderableType]:
    """Yield the lines of a cell: its step, its load, and its search on the axis of users."""
    yield _render_cell(active)
    yield _render_usage(active)
    if active.step is not None and active.step.purpose is Purpose.SEARCH:
        precision_ratio = active.step.choose_precision(plan.search)
        yield draw_bracket(active.steps, active.step.users, plan.users_limit, precision_ratio)


def _render_cell(active: _ActiveCell) -> Text:
    line = Text(active.cell.id, style="bold")
    line.append(f"  {format_size(active.cell.limits)}  ", style="dim")
    line.append(active.activity or _describe_phase(active))
    return line


def _describe_phase(active: _ActiveCell) -> str:
    if active.step is None or active.sample is None:
        return ""
    at = f"at {active.step.users} users ({format_seconds(active.sample.elapsed_s, 0)})"
    if active.step.purpose is Purpose.SOAK:
        held = format_duration(active.step.timing.window_at_least_s)
        return f"holding it for {held}: {active.sample.phase} {at}"
    return f"{active.sample.phase} {at}"


def _render_usage(active: _ActiveCell) -> RenderableType:
    row = Table.grid(padding=(0, 2))
    if (sample := active.sample) is not None:
        point = measure_point(sample)
        row.add_row(
            f"users {point.users}/{sample.wanted_users}",
            f"RPS {format_rate(point.rps)}",
            f"p95 {format_seconds(point.p95_s)}",
            f"CPU {_format_cpu(point, active.cell)}",
            f"memory {_format_memory(point, active.cell)}",
        )
    return row


def _format_cpu(point: LivePoint, cell: Cell) -> str:
    used, limit = point.cpu_cores, cell.limits.total_cores
    if used is None:
        return NO_DATA
    return f"{format_cores(used)}/{format_number(limit)} ({format_ratio(used / limit)})"


def _format_memory(point: LivePoint, cell: Cell) -> str:
    used, limit = point.memory_bytes, cell.limits.memory_bytes
    if used is None:
        return NO_DATA
    return f"{format_mebibytes(used)} of {format_mebibytes(limit)} ({format_ratio(used / limit)})"
