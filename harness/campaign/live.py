"""Store what `harness watch` shows of a running campaign, and pass everything on to another listener."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from harness.analyse.search.bracket import Bracket
from harness.campaign.listener import CampaignListener
from harness.campaign.progress import CampaignProgress
from harness.measure.live_point import measure_point
from harness.measure.step import ProgressSample
from harness.model import Cell, CellResult, Plan, Status, Step, StepResult
from harness.model.live import LiveCampaign, LiveHead, LiveSize, LiveVerdict
from harness.report.view.cell_text import describe_outcome
from harness.report.view.curves import find_p95_limit
from harness.report.view.search_text import describe_gap, describe_step
from harness.report.view.text import clean_text
from harness.store import CampaignFolder
from harness.store.live_files import LiveWriter

_EVERY_S = 0.9
"""Points are at least so far apart. A step reports every quarter of a second: it is about once a second."""
_LAST_VERDICTS = 8


class StepRecorder(CampaignListener):
    """Stores the steps in progress of these cells, once a second, and passes everything on to `listener`."""

    def __init__(
        self,
        listener: CampaignListener,
        folder: CampaignFolder,
        cells: Iterable[Cell],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener = listener
        self._now_s = now_s
        self._writer = LiveWriter(folder, [cell.id for cell in cells])
        self._next_s: dict[str, float] = {}

    def close(self) -> None:
        """Remove what was stored: nothing is held any more."""
        self._writer.close()

    def note(self, text: str) -> None:
        """Pass the note on."""
        self._listener.note(text)

    def container_starting(self, cell: Cell) -> None:
        """Store that the cell waits for a container."""
        self._listener.container_starting(cell)
        self._writer.start_step(cell.id, LiveHead(_name_instant()))

    def step_started(self, cell: Cell, step: Step) -> None:
        """Store that a step begins."""
        self._listener.step_started(cell, step)
        self._next_s.pop(cell.id, None)
        self._writer.start_step(cell.id, LiveHead(_name_instant(), step.users, step.purpose))

    def step_progressed(self, cell: Cell, sample: ProgressSample) -> None:
        """Store the state of the step, unless that was done within the last second."""
        self._listener.step_progressed(cell, sample)
        now_s = self._now_s()
        if now_s >= self._next_s.get(cell.id, now_s):
            self._next_s[cell.id] = now_s + _EVERY_S
            self._writer.add_point(cell.id, measure_point(sample))


class LiveRecorder(StepRecorder):
    """Stores the steps in progress of a running campaign, and how far the search of each cell has come.

    The progress of all cells is read when a cell starts, is judged or is done, and when a check at the end
    starts: the session holds its lock then. All other events are about one cell, which one thread measures.
    """

    def __init__(
        self, listener: CampaignListener, plan: Plan, folder: CampaignFolder, progress: CampaignProgress
    ) -> None:
        super().__init__(listener, folder, plan.cells)
        self._plan = plan
        self._progress = progress
        self._verdicts: deque[LiveVerdict] = deque(maxlen=_LAST_VERDICTS)
        self._precision_ratios: dict[str, float] = {}
        self._writer.close()
        self._write()

    def cell_started(self, cell: Cell) -> None:
        """Store the cells so far: another attempt begins without steps."""
        self._listener.cell_started(cell)
        self._write()

    def drift_check_started(self, cell: Cell) -> None:
        """Store the cells so far."""
        self._listener.drift_check_started(cell)
        self._write()

    def soak_started(self, cell: Cell, step: Step) -> None:
        """Store the cells so far."""
        self._listener.soak_started(cell, step)
        self._write()

    def step_started(self, cell: Cell, step: Step) -> None:
        """Store that a step begins, and how precise the answer of its cell is to become."""
        super().step_started(cell, step)
        self._precision_ratios[cell.id] = step.choose_precision(self._plan.search)

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        """Store the verdict, and remove the step."""
        self._listener.step_judged(cell, result)
        self._verdicts.append(LiveVerdict(cell.id, clean_text(describe_step(result)), result.verdict))
        self._write()
        self._writer.end_step(cell.id)

    def cell_finished(self, result: CellResult) -> None:
        """Store the answer; nothing is held at the cell any more."""
        self._listener.cell_finished(result)
        self._verdicts.append(LiveVerdict(result.cell.id, clean_text(describe_outcome(result))))
        self._write()
        self._writer.end_step(result.cell.id)

    def _write(self) -> None:
        plan, progress = self._plan, self._progress
        self._writer.write_campaign(
            LiveCampaign(
                progress.campaign,
                clean_text(plan.target.name),
                progress.started_at,
                plan.users_limit,
                find_p95_limit(plan.slos),
                tuple(self._build_size(result) for result in progress.build_results(plan)),
                tuple(self._verdicts),
            )
        )

    def _build_size(self, result: CellResult) -> LiveSize:
        return LiveSize(
            result.cell.id,
            result.cell.limits,
            result.status,
            result.sustained_users,
            result.broken_users,
            clean_text(self._describe(result)),
            tuple((step.users, step.verdict) for step in result.steps),
        )

    def _describe(self, result: CellResult) -> str:
        if result.status is not Status.RUNNING:
            return describe_outcome(result)
        if not result.steps:
            return "waiting"
        bracket = Bracket(result.sustained_users, result.broken_users)
        precision_ratio = self._precision_ratios.get(result.cell.id, self._plan.search.precision_ratio)
        enough_ratio = None if bracket.is_narrow(precision_ratio) else precision_ratio
        return describe_gap(bracket.sustained_users, bracket.broken_users, enough_ratio)


def _name_instant() -> str:
    """Return the time of day, down to microseconds: no two steps of a cell start at the same one."""
    return datetime.now(UTC).isoformat()
