"""What a person sees while a campaign runs: a live display in a terminal, plain lines elsewhere."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.analyse.search.time_estimate import estimate_cell_s
from harness.campaign.scheduler import CampaignListener
from harness.measure.step import ProgressSample
from harness.model import ANSWERED, Cell, CellResult, Plan, Status, Step, StepResult, Verdict
from harness.report.view.explanations import explain_evidence, explain_judgement

COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INVALID: "yellow"}
LAST_VERDICTS = 6


class LineProgress(CampaignListener):
    """One line per thing that happened, for logs and CI."""

    def __init__(self, say: Callable[[str], None], plan: Plan, done_before: int = 0) -> None:
        self._say = say
        self._plan = plan
        self._done = done_before

    def cell_started(self, cell: Cell) -> None:
        self._say(f"{cell.id}: starting")

    def note(self, text: str) -> None:
        self._say(f"note: {text}")

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        self._say(f"{cell.id}: {step_line(result)}")

    def cell_done(self, result: CellResult) -> None:
        self._done += result.first is None
        total = len(self._plan.cells) - len(self._plan.skipped)
        self._say(f"{result.cell.id}: {outcome(result)}  [{self._done}/{total}]")


def step_line(result: StepResult) -> str:
    """Such as "150 users FAIL: p95 1.204 s > 1 s (RPS 41.2)"."""
    rps = f" (RPS {result.rps:.1f})" if result.rps is not None else ""
    return f"{result.users} users {result.verdict}: {explain_judgement(result.judgement)}{rps}"


def outcome(result: CellResult) -> str:
    """A cell's answer in a few words, with what stopped it."""
    words = {
        Status.CENSORED: f"sustained all {result.sustained_users} users",
        Status.BRACKETED: f"sustains {result.sustained_users} users, breaks at {result.broken_users}",
        Status.NONE: f"already breaks at {result.broken_users} users",
        Status.FAILED: "could not be brought up",
        Status.INVALID: "not trustworthy",
    }.get(result.status, result.status.value)
    reason = explain_evidence(result.evidence).strip()
    first = reason.splitlines()[0] if reason else ""
    return f"{words} — {first}" if first and result.status is not Status.CENSORED else words


@dataclass(slots=True)
class ActiveCell:
    """What the display shows of the current moment of a cell that is being measured."""

    cell: Cell
    step: Step | None = None
    pulse: ProgressSample | None = None
    doing: str = "starting"


class LiveProgress(CampaignListener):
    """A context manager: draws twice a second, leaves the last frame behind."""

    def __init__(
        self,
        console: Console,
        plan: Plan,
        done_before: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._done_before = done_before
        self._clock = clock
        self._started_s = clock()
        self._done: list[CellResult] = []
        self._now: dict[str, ActiveCell] = {}
        self._verdicts: list[tuple[str, StepResult | CellResult]] = []
        self._live = Live(console=console, refresh_per_second=2, get_renderable=self.render, transient=True)

    def __enter__(self) -> "LiveProgress":
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def cell_started(self, cell: Cell) -> None:
        self._now[cell.id] = ActiveCell(cell)

    def note(self, text: str) -> None:
        self._live.console.print(safe(f"note: {text}"))

    def container_starting(self, cell: Cell) -> None:
        self._now[cell.id].doing, self._now[cell.id].pulse = "starting a fresh container", None

    def step_started(self, cell: Cell, step: Step) -> None:
        self._now[cell.id].step, self._now[cell.id].doing = step, ""

    def pulse(self, cell: Cell, pulse: ProgressSample) -> None:
        self._now[cell.id].pulse = pulse

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        self._verdicts = [*self._verdicts, (cell.id, result)][-LAST_VERDICTS:]

    def cell_done(self, result: CellResult) -> None:
        self._done.append(result)
        self._now.pop(result.cell.id, None)
        self._verdicts = [*self._verdicts, (result.cell.id, result)][-LAST_VERDICTS:]

    def render(self) -> RenderableType:
        at_work = [line for now in list(self._now.values()) for line in (cell_line(now), gauges(now))]
        waiting = [] if at_work else [Text("" if self._done else "preparing the target's image …")]
        return Group(self._progress(), *waiting, *at_work, self._verdict_lines())

    def _progress(self) -> RenderableType:
        total = len(self._plan.cells) - len(self._plan.skipped)
        share = min(0.99, self._share_done(total))
        row = Table.grid(padding=(0, 1))
        row.add_row(
            ProgressBar(total=1.0, completed=share, width=30),
            f"cell {min(self._done_cells() + 1, total)} of {total}",
            f"about {in_words_s(self._left_s(total))} left",
        )
        return row

    def confirming(self, cell: Cell) -> None:
        self.cell_started(cell)

    def _done_cells(self) -> int:
        """Each counts once, also where it was measured again."""
        return self._done_before + sum(result.first is None for result in self._done)

    def _share_done(self, total: int) -> float:
        expected = self._expected_cell_s()
        in_cell_s = max(0.0, self._clock() - self._started_s - sum(result.load_s for result in self._done))
        return (self._done_cells() + min(0.9, in_cell_s / expected / 2)) / max(1, total)

    def _left_s(self, total: int) -> float:
        return max(10.0, (total - self._done_cells() - 0.5) * self._expected_cell_s())

    def _expected_cell_s(self) -> float:
        """The plan's guess, replaced by experience as cells are done."""
        guess = estimate_cell_s(self._plan)
        spent = self._clock() - self._started_s
        return (guess + spent) / (1 + len(self._done)) if self._done else guess

    def _verdict_lines(self) -> RenderableType:
        lines = Table.grid(padding=(0, 1))
        for cell_id, result in self._verdicts:
            if isinstance(result, StepResult):
                lines.add_row(
                    Text(cell_id, style="dim"), Text(step_line(result), style=COLOURS[result.verdict])
                )
            else:
                lines.add_row(Text(cell_id, style="bold"), Text(f"→ {outcome(result)}", style="bold"))
        return lines


def cell_line(now: ActiveCell) -> Text:
    limits = now.cell.limits
    line = Text(now.cell.id, style="bold")
    line.append(
        f"  {limits.times}{limits.cpu_cores:g} CPU, {limits.memory_bytes / 2**20:g} MiB  ", style="dim"
    )
    line.append(now.doing or phase(now))
    return line


def phase(now: ActiveCell) -> str:
    if now.step is None or now.pulse is None:
        return ""
    return f"{now.pulse.phase} at {now.step.users} users ({now.pulse.elapsed_s:.0f} s)"


def gauges(now: ActiveCell) -> RenderableType:
    row = Table.grid(padding=(0, 2))
    if now.pulse is not None:
        row.add_row(
            f"users {now.pulse.users}/{now.pulse.asked_users}",
            f"RPS {recent_rps(now.pulse)}",
            f"p95 {recent_p95(now.pulse)}",
            f"CPU {cpu_share(now.pulse, now.cell)}",
            f"memory {memory_share(now.pulse, now.cell)}",
        )
    return row


def recent_rps(pulse: ProgressSample) -> str:
    answered = int(np.sum(pulse.recent.error == ANSWERED))
    return f"{answered / pulse.recent_s:.1f}" if pulse.recent_s > 0 else "–"


def recent_p95(pulse: ProgressSample) -> str:
    good = pulse.recent.latency_s[pulse.recent.error == ANSWERED]
    return f"{np.percentile(good, 95, method='inverted_cdf'):.3f} s" if len(good) else "–"


def cpu_share(pulse: ProgressSample, cell: Cell) -> str:
    if len(pulse.target) < 2:
        return "–"
    first, last = pulse.target[0], pulse.target[-1]
    cores = (last.cpu_s - first.cpu_s) / max(1e-9, last.at_s - first.at_s)
    return f"{cores:.2f}/{cell.limits.all_cores:g} ({cores / cell.limits.all_cores:.0%})"


def memory_share(pulse: ProgressSample, cell: Cell) -> str:
    if not pulse.target:
        return "–"
    used = pulse.target[-1].working_set_bytes
    return (
        f"{used / 2**20:.0f}/{cell.limits.memory_bytes / 2**20:g} MiB ({used / cell.limits.memory_bytes:.0%})"
    )


def in_words_s(seconds: float) -> str:
    """ "40 s", "12 min", "2 h 05 min"."""
    if seconds < 90:
        return f"{math.ceil(seconds / 10) * 10} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def safe(text: str) -> str:
    """Text from outside, inert in a terminal: no markup, no control characters."""
    return escape(
        "".join(character if character.isprintable() or character == "\n" else "�" for character in text)
    )
