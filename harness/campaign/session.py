"""Hold the state of a running campaign: the progress of its cells, and what each engine does."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from harness.analyse.result.decision import choose_precise_step
from harness.analyse.search.rare_requests import find_longest_window_s
from harness.analyse.search.step_timing import fit_step, slow_first_ramp
from harness.analyse.search.time_estimate import estimate_step_s
from harness.analyse.search.worker_count import count_workers
from harness.analyse.step.baseline import Baseline
from harness.campaign.lane_sizes import LaneSizes
from harness.campaign.listener import CampaignListener
from harness.campaign.live import LiveRecorder
from harness.campaign.progress import replay
from harness.errors import EngineUnavailableError, UsageError
from harness.measure.protocols import Image
from harness.measure.step import ProgressSample
from harness.model import (
    LONGEST_CYCLE_S,
    CampaignResult,
    CampaignState,
    Cell,
    ContainerRun,
    Load,
    Plan,
    Purpose,
    Step,
    StepFacts,
    StepResult,
)
from harness.model.side_by_side import is_lane
from harness.report import render_report
from harness.report.view.text import format_duration, format_estimate, format_seconds, format_users
from harness.store import CampaignFolder

_WRITING_TIMES = 20
"""Reports are due again after so many times as long as writing them took, from its begin on.

Writing reports then takes at most a twentieth of the time.
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What an engine does next at a cell: hold the step of a check at the end, or search if that is None."""

    cell: Cell
    check: Step | None = None


class StopRequested(Exception):
    """Raised in every worker when the worker of another engine has failed, or the user has interrupted."""


class CampaignSession:
    """The state that the workers of all engines share. Every method may be called from any thread.

    The lock is held while facts are read or written, never while a target is measured or reports are written.
    `engines` are the most CPU cores that a size may need on each, by its name. `now_s` times the reports.
    """

    def __init__(
        self,
        plan: Plan,
        folder: CampaignFolder,
        listener: CampaignListener,
        engines: Mapping[str | None, float],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self._folder = folder
        self._now_s = now_s
        self._engines = set(engines)
        self._sizes = LaneSizes(plan, engines)
        self._progress = replay(plan, folder)
        self._progress.references = self._sizes.list_shared()
        self._listener = LiveRecorder(listener, plan, folder, self._progress)
        # A condition, because workers without a cell wait for cells that others release.
        self._lock = threading.Condition(threading.RLock())
        self._claims: dict[str | None, Work] = {}
        self._is_stopping = False
        self._noted: set[str] = set()
        self._has_noted_cycle = False
        # Reentrant, because an interrupt of the only thread may leave this lock held when `finish` needs it.
        self._reports_lock = threading.RLock()
        self._no_reports_until_s = float("-inf")

    @property
    def campaign(self) -> str:
        """The campaign's name."""
        return self._folder.name

    # Engines

    def record_image(self, image: Image, engine: str | None) -> None:
        """Store which image this engine runs. Raise UsageError if it ran another image in this campaign."""
        with self._lock:
            stored_digest = self._folder.read_log().images.get(engine)
            if stored_digest is None:
                self._folder.add_image(image.reference, image.digest, engine)
            elif stored_digest != image.digest:
                raise UsageError(
                    f"the image {image.reference} has changed since this campaign started: "
                    f"it is {image.digest[:19]}, it was {stored_digest[:19]}",
                    "run with --fresh for a new campaign, or bring the old image back",
                )

    def record_engine_fault(self, cell: Cell, error: EngineUnavailableError) -> None:
        """Store that the engine failed while it measured the cell, which will be tried again."""
        with self._lock:
            self._folder.add_fault(cell.id, error.what)
            self._listener.note(f"{error.what}; trying again as soon as the engine answers")

    def lose_engine(self, engine: str | None, error: EngineUnavailableError) -> None:
        """Go on without this engine and let the others claim its cells.

        Raise `error` if it was the last one, or the last that may measure a cell which is not finished.
        Waiting workers are woken, because there may be cells for them again.
        """
        with self._lock:
            self._engines.discard(engine)
            unfinished = [each.cell for each in self._progress.cells.values() if not each.is_done]
            if not self._engines or self._sizes.find_stranded(unfinished, self._engines):
                raise error
            place = engine if is_lane(engine) else f"the engine {engine}"
            self.note_once([f"{place} is lost ({error.what}); the others go on"])
            self._lock.notify_all()

    def stop(self) -> None:
        """Make every worker raise StopRequested, at its next poll."""
        with self._lock:
            self._is_stopping = True
            self._lock.notify_all()

    def raise_if_stopping(self) -> None:
        """Raise StopRequested if the campaign is to stop."""
        if self._is_stopping:
            raise StopRequested

    # Cells

    def claim_work(self, engine: str | None) -> Work | None:
        """Claim and return what this engine is to do next; None when all is done.

        All cells are searched first. Then each engine holds the reference cell once more, and one engine
        holds the recommended size. Waits while other engines measure what is left, because a cell may be
        released unfinished, need a second attempt, or be needed after a soak that failed. Raises
        StopRequested.
        """
        with self._lock:
            while True:
                self.raise_if_stopping()
                if (work := self._choose_work(engine)) is not None:
                    self._claims[engine] = work
                    if work.check is not None:
                        self._announce_check(work.cell, work.check, engine)
                    return work
                if self._is_over(engine):
                    return None
                self._lock.wait()

    def _is_over(self, engine: str | None) -> bool:
        """Return True if no other engine has work, so that none can come for this one, which has none."""
        others = self._engines - {engine}
        return not self._claims and all(self._choose_work(other) is None for other in others)

    def _choose_work(self, engine: str | None) -> Work | None:
        """Return what this engine can do now; None if there is nothing at the moment."""
        searched = {work.cell.id for work in self._claims.values() if work.check is None}
        if (cell := self._progress.choose_cell(self.plan, searched)) is not None:
            own_cell = self._choose_cell_of_lane(cell, engine, searched)
            return None if own_cell is None else Work(own_cell)
        if searched:
            return None
        drift_check = self._progress.choose_drift_check(self.plan, engine)
        if drift_check is not None and self._sizes.may_measure(engine, drift_check[0]):
            return Work(*drift_check)
        return self._choose_soak(engine)

    def _choose_cell_of_lane(self, cell: Cell, engine: str | None, searched: Set[str]) -> Cell | None:
        """Return this cell, which is next, or another one if this engine should measure that before."""
        for own in self._sizes.group_cells(engine):
            others = {each.id for each in self.plan.cells if each not in own}
            own_cell = self._progress.choose_cell(self.plan, searched | others) if others else cell
            if own_cell is not None:
                return own_cell
        return cell if self._sizes.may_measure(engine, cell) else None

    def _choose_soak(self, engine: str | None) -> Work | None:
        """Return the soak that is due; None if it is for another engine: the one that searched the size."""
        is_held = any(work.check and work.check.purpose is Purpose.SOAK for work in self._claims.values())
        due = self._progress.choose_soak(self.plan)
        if is_held or due is None or not self._sizes.may_measure(engine, due[0]):
            return None
        searcher = self._progress.cells[due[0].id].engine
        return None if searcher in self._engines and searcher != engine else Work(*due)

    def _announce_check(self, cell: Cell, step: Step, engine: str | None) -> None:
        if step.purpose is Purpose.CONFIRM:
            self.note_once([f"drift check: {cell.id} is measured once more at {format_users(step.users)}"])
            self._listener.drift_check_started(cell)
        else:
            held = format_duration(self.plan.search.soak_s)
            self.note_once([f"soak: {cell.id} is held at {format_users(step.users)} for {held}"])
            self._progress.cells[cell.id].start_soak(self._progress.baselines.get(engine), engine)
            self._listener.soak_started(cell, step)

    def release(self, engine: str | None) -> None:
        """Give up what this engine has claimed, so that others can claim it if it is unfinished."""
        with self._lock:
            self._claims.pop(engine, None)
            self._lock.notify_all()

    def start_cell(self, cell: Cell, engine: str | None) -> None:
        """Start or resume the cell's search on this engine.

        Start a new attempt if the cell is finished or was started on another engine.
        """
        with self._lock:
            cell_progress = self._progress.cells[cell.id]
            if cell_progress.is_done:
                self.note_once([f"{cell.id} sustains less than a smaller size: measuring it once more"])
                cell_progress.start_next_attempt(self.plan)
            elif cell_progress.facts and cell_progress.engine != engine:
                lost_engine = cell_progress.engine
                was_on, is_on = _name_place(lost_engine), _name_place(engine)
                self.note_once([f"{cell.id} starts again{is_on}; it was not finished{was_on}"])
                cell_progress.start_next_attempt(self.plan)
            if not cell_progress.facts:
                cell_progress.start_attempt(self._progress.baselines.get(engine), engine)
            self._listener.cell_started(cell)

    def finish_cell(self, cell: Cell, engine: str | None) -> None:
        """Store that the cell's search is done."""
        with self._lock:
            cell_progress = self._progress.cells[cell.id]
            self._progress.baselines[engine] = cell_progress.finish()
            self._folder.finish_cell(cell.id, cell_progress.attempt)
            self._listener.cell_finished(cell_progress.build_result(self.plan))
        self._write_reports_if_due()

    # Container runs and steps

    def choose_step(self, cell: Cell) -> Step | None:
        """Return the next step of the cell's search; None if the search is done or hopeless."""
        with self._lock:
            cell_progress = self._progress.cells[cell.id]
            if cell_progress.is_hopeless:
                return None
            results = self._progress.build_results(self.plan)
            neighbours = [result for result in results if result.cell != cell and result.steps]
            return choose_precise_step(self.plan, cell, cell_progress.steps, neighbours)

    def fit_step(self, cell: Cell, step: Step) -> Step:
        """Return the cell's next step, fitted to what the campaign's steps so far have shown."""
        with self._lock:
            fitted = fit_step(self.plan, step, self._list_steps())
            self.note_once(self._explain_length(step, fitted))
            return slow_first_ramp(self.plan, fitted, self._progress.cells[cell.id].steps)

    def _explain_length(self, asked: Step, step: Step) -> Iterator[str]:
        """Yield why a fitted step lasts longer than was `asked`, each reason once in a campaign."""
        if step.timing.stretch(step.cycle_s) != step.timing and not self._has_noted_cycle:
            self._has_noted_cycle = True
            step_s = estimate_step_s(self.plan, step.users, step.cycle_s)
            number = "fewer than five" if step.cycle_s > LONGEST_CYCLE_S else "five"
            yield (
                f"a user asks every {format_seconds(step.cycle_s, 0)}, so a step takes about "
                f"{format_estimate(step_s)}: its window spans {number} of these cycles"
            )
        if step.timing.window_at_most_s > asked.timing.window_at_most_s:
            yield (
                "an SLO needs more requests than a window of "
                f"{format_duration(asked.timing.window_at_most_s)} holds: windows are longer, "
                f"{format_duration(find_longest_window_s(self.plan))} at most"
            )

    def _list_steps(self) -> list[StepResult]:
        return [step for cell_progress in self._progress.cells.values() for step in cell_progress.steps]

    def choose_load(self) -> Load:
        """Return the plan's load, with a number of Locust processes.

        If the plan leaves the number open, it follows from all steps so far.
        """
        load = self.plan.load
        if load.workers is not None:
            return load
        with self._lock:
            count = count_workers(self._list_steps(), self.plan.users_limit)
            if count > 1:
                self.note_once([f"{count} Locust processes are used, because one cannot simulate all users"])
        return replace(load, workers=count)

    def start_run(self, cell: Cell, purpose: Purpose, engine: str | None) -> ContainerRun:
        """Announce a container run; return its record, with a number that no other run of the cell has."""
        with self._lock:
            cell_progress = self._progress.cells[cell.id]
            number = cell_progress.take_run_number()
        self._listener.container_starting(cell)
        return ContainerRun(
            cell.id,
            number,
            datetime.now(UTC).isoformat(timespec="seconds"),
            None,
            attempt=cell_progress.attempt,
            purpose=purpose,
            engine=engine,
        )

    def record_run(self, run: ContainerRun) -> None:
        """Store that the run's container became ready, or why it did not."""
        with self._lock:
            self._progress.cells[run.cell].add_run(run)
            self._folder.add_run(run)

    def record_logs(self, run: ContainerRun, target_log: str, generator_log: str) -> None:
        """Store what the target and Locust wrote during the run."""
        self._folder.add_logs(run.cell, run.number, target_log, generator_log)

    def start_step(self, cell: Cell, step: Step) -> int:
        """Announce a step; return its number, which no other step of the cell has."""
        with self._lock:
            number = self._progress.cells[cell.id].take_step_number()
        self._listener.step_started(cell, step)
        return number

    def read_baseline(self, cell: Cell) -> Baseline | None:
        """Return the baseline by which the cell's next step is judged; None until a step has given one."""
        with self._lock:
            return self._progress.cells[cell.id].baseline

    def is_last_try(self, cell: Cell, step: Step) -> bool:
        """Return True if the step was INVALID when it was held last: it is not held a third time."""
        with self._lock:
            return self._progress.cells[cell.id].is_last_try(step)

    def report_progress(self, cell: Cell, sample: ProgressSample) -> None:
        """Pass a sample of the running step to the listener. Raises StopRequested."""
        self.raise_if_stopping()
        self._listener.step_progressed(cell, sample)

    def record_step(self, cell: Cell, facts: StepFacts, purpose: Purpose) -> StepResult:
        """Store the step, judge it and return its result."""
        with self._lock:
            cell_progress = self._progress.cells[cell.id]
            stored = self._folder.add_step(cell.id, facts, cell_progress.attempt, purpose)
            result = cell_progress.add_step(self.plan, stored, purpose)
            self._listener.step_judged(cell, result)
        self._write_reports_if_due()
        return result

    # The campaign as a whole

    def note_once(self, texts: Iterable[str]) -> None:
        """Store and show each text that was not noted before."""
        with self._lock:
            for text in texts:
                if text not in self._noted:
                    self._noted.add(text)
                    self._folder.add_note(text)
                    self._listener.note(text)

    def finish(self, state: CampaignState) -> CampaignResult:
        """Store how the campaign ended, write its reports and return its answer."""
        with self._lock:
            self._folder.finish(state)
        try:
            with self._reports_lock:
                return self._write_reports(state)
        finally:
            self._listener.close()

    def _write_reports_if_due(self) -> None:
        """Write the reports so far, unless another thread is writing them or the pause is not over."""
        if not self._reports_lock.acquire(blocking=False):
            return
        try:
            if self._now_s() > self._no_reports_until_s:
                self._write_reports(CampaignState.RUNNING)
        finally:
            self._reports_lock.release()

    def _write_reports(self, state: CampaignState) -> CampaignResult:
        """Write all reports and return the answer that they show. The caller holds `_reports_lock`."""
        started_s = self._now_s()
        with self._lock:
            result = self._progress.build_result(self.plan, state)
        self._folder.write_reports(render_report(result))
        self._no_reports_until_s = started_s + _WRITING_TIMES * (self._now_s() - started_s)
        return result


def _name_place(engine: str | None) -> str:
    """Return where a cell is measured, to follow a verb; empty if the campaign has only one engine."""
    return "" if engine is None else f" on {engine}"
