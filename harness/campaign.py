"""Walks the cells: ask the search, measure, store, narrate. Goes on where it was left."""

from dataclasses import replace
from datetime import UTC, datetime

from harness.analyse.frontier import next_size
from harness.analyse.judge import enough
from harness.analyse.order import measuring_order
from harness.analyse.search import next_step
from harness.analyse.warmup import is_warm
from harness.analyse.workers import workers_needed
from harness.errors import EngineError, EngineGone, TargetFailed, UsageError
from harness.measure.life import ContainerLife, World, container_life
from harness.measure.seam import Image
from harness.measure.step import Pulse
from harness.model import (
    CampaignResult,
    Cell,
    CellResult,
    Life,
    Plan,
    Purpose,
    Status,
    Step,
    StepResult,
    Verdict,
)
from harness.recall import CellProgress, remember
from harness.report import draw
from harness.store import CampaignFolder

ENGINE_BACK_WITHIN_S = 120.0
ASK_ENGINE_EVERY_S = 1.0
FAULTS_IN_A_ROW = 3
BETWEEN_DRAWINGS = 19
"""Times as long as the last drawing took; nothing is drawn meanwhile."""


class Narrator:
    """Told of everything as it happens. This one is silent."""

    def cell_started(self, cell: Cell) -> None: ...

    def note(self, text: str) -> None: ...

    def container_starting(self, cell: Cell) -> None: ...

    def step_started(self, cell: Cell, step: Step) -> None: ...

    def pulse(self, cell: Cell, pulse: Pulse) -> None: ...

    def step_judged(self, cell: Cell, result: StepResult) -> None: ...

    def cell_done(self, result: CellResult) -> None: ...

    def confirming(self, cell: Cell) -> None: ...


class Campaign:
    """One go through the matrix.

    `run` measures what is not yet stored; `result` is the answer as far as it is known.
    """

    def __init__(self, plan: Plan, folder: CampaignFolder, world: World, narrator: Narrator) -> None:
        self.plan = plan
        self.folder = folder
        self._world = world
        self._narrator = narrator
        self._noted: set[str] = set()
        self._faults = 0
        self._drawn_until_s = 0.0
        self._memory = remember(plan, folder)

    def run(self) -> CampaignResult:
        """Measure every cell that is not done, then hold the reference cell once more.

        Whatever interrupts it, what was measured is stored and drawn.
        """
        state = "interrupted"
        try:
            image = self._image()
            while (cell := self._next_cell()) is not None:
                self._measure(cell, image)
            self._confirm(image)
            state = "complete"
        finally:
            self.folder.finish(state)
            self._draw(state)
        return self.result(state)

    def result(self, state: str) -> CampaignResult:
        return self._memory.whole(self.plan, state)

    def _next_cell(self) -> Cell | None:
        """The whole surface in an order that helps its search, or what a demand still needs to know; then
        what contradicts a smaller size.
        """
        results = {result.cell.id: result for result in self._memory.results(self.plan)}
        if self.plan.users_required is not None:
            found = next_size(self.plan.cells, results, self.plan.users_required)
        else:
            order = measuring_order(self.plan.cells)
            found = next((cell for cell in order if results[cell.id].status is Status.RUNNING), None)
        return found or self._memory.again(self.plan)

    def _measure(self, cell: Cell, image: Image) -> None:
        """Ask, measure, store, until the search has nothing left to ask."""
        progress = self._memory.cells[cell.id]
        if progress.done:
            self._note((f"{cell.id} sustains less than a smaller size: it is measured once more",))
            progress.begin_again(self.plan)
        self._narrator.cell_started(cell)
        if not progress.facts:
            progress.begin(self._memory.light)
        while (step := self._ask(progress)) is not None and not gave_up(progress):
            image = self._survived(progress, image, step)
        self._memory.light = progress.finish()
        self.folder.finish_cell(cell.id, progress.attempt)
        self._draw("running")
        self._narrator.cell_done(progress.answer(self.plan))

    def _confirm(self, image: Image) -> None:
        """The reference cell once more, in a fresh container: is the host still what it was?"""
        while (due := self._memory.confirmation(self.plan)) is not None:
            cell, step = due
            self._note(
                (f"{cell.id} is held at {step.users} users once more, to see whether the host drifted",)
            )
            self._narrator.confirming(cell)
            image = self._survived(self._memory.cells[cell.id], image, step)

    def _image(self) -> Image:
        """The target's image, which must be the one that was measured before."""
        image = self._world.host.prepare(self.plan.target)
        before = self.folder.story().image
        if before is not None and before != image.digest:
            raise UsageError(
                f"the image {image.reference} is another one than this campaign began with: "
                f"{image.digest[:19]}, was {before[:19]}",
                "run with --fresh for a new campaign, or bring the old image back",
            )
        if before is None:
            self.folder.add_image(image.reference, image.digest)
        return image

    def _survived(self, progress: CellProgress, image: Image, step: Step) -> Image:
        """One container life, or a wait for the engine to come back; the image for the next one."""
        try:
            self._live(progress, image, step)
        except EngineGone as error:
            self._faults += 1
            if self._faults > FAULTS_IN_A_ROW:
                raise
            self.folder.add_fault(progress.cell.id, "engine", error.what)
            self._narrator.note(f"{error.what}; trying again as soon as it answers")
            self._await_engine(error)
            return self._image()
        self._faults = 0
        return image

    def _await_engine(self, error: EngineGone) -> None:
        """Until it answers again; what it kept of ours is removed. Raises `error` when it stays away."""
        host, clock = self._world.host, self._world.clock
        deadline = clock.now_s() + ENGINE_BACK_WITHIN_S
        while not host.answers():
            if clock.now_s() > deadline:
                raise error
            clock.sleep(ASK_ENGINE_EVERY_S)
        host.remove_leftovers(self.folder.name)

    def _ask(self, progress: CellProgress) -> Step | None:
        results = self._memory.results(self.plan)
        neighbours = [result for result in results if result.cell != progress.cell and result.steps]
        return next_step(self.plan, progress.cell, progress.steps, neighbours)

    def _live(self, progress: CellProgress, image: Image, first: Step) -> None:
        """One container life: steps until one does not pass, or the search is done."""
        cell, number = progress.cell, progress.life_number + 1
        self._narrator.container_starting(cell)
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        unborn = Life(cell.id, number, started_at, None, attempt=progress.attempt, purpose=first.purpose)
        try:
            with container_life(self._world, self._loaded(), cell, image, number) as life:
                target = life.target
                born = replace(unborn, ready_after_s=target.ready_after_s)
                self._born(progress, replace(born, companions_ready_after_s=target.companions_ready_after_s))
                self._note(life.generator.notes)
                try:
                    self._hold_steps(progress, life, first)
                finally:
                    self.folder.add_logs(cell.id, number, target_log(life), life.generator.logs())
        except TargetFailed as failure:
            self._born(progress, replace(unborn, failure_kind=failure.kind, failure=str(failure)))

    def _loaded(self) -> Plan:
        """The plan with as many Locust processes as all the steps so far say that its users need."""
        load = self.plan.load
        if load.workers is not None:
            return self.plan
        steps = [step for progress in self._memory.cells.values() for step in progress.steps]
        count = workers_needed(steps, self.plan.users_limit)
        if count > 1:
            self._note((f"{count} Locust processes are used: so many users need them",))
        return replace(self.plan, load=replace(load, workers=count))

    def _born(self, progress: CellProgress, life: Life) -> None:
        progress.born(life)
        self.folder.add_life(life)

    def _note(self, notes: tuple[str, ...]) -> None:
        """Say each thing worth knowing once."""
        for text in notes:
            if text not in self._noted:
                self._noted.add(text)
                self.folder.log.append("note", text=text)
                self._narrator.note(text)

    def _hold_steps(self, progress: CellProgress, life: ContainerLife, first: Step) -> None:
        step: Step | None = first
        while step is not None:
            result = self._hold(progress, life, step)
            if result.verdict is not Verdict.PASS or step.purpose is Purpose.CONFIRM:
                return
            step = self._ask(progress)

    def _hold(self, progress: CellProgress, life: ContainerLife, step: Step) -> StepResult:
        cell, plan, light = progress.cell, self.plan, progress.light
        self._narrator.step_started(cell, step)
        measured = life.hold(
            progress.step_number + 1,
            step,
            plan.spawn_rate,
            settled=lambda so_far: enough(
                so_far, plan.slos, light, step.timing.linger_s, plan.search.precision_ratio
            ),
            observe=lambda pulse: self._narrator.pulse(cell, pulse),
            is_warm=is_warm,
        )
        stored = self.folder.add_step(cell.id, measured, progress.attempt, step.purpose)
        result = progress.add(plan, stored, step.purpose)
        self._narrator.step_judged(cell, result)
        self._draw("running")
        return result

    def _draw(self, state: str) -> None:
        """The reports as they stand. While it runs, drawing takes a twentieth of the time at most."""
        clock = self._world.clock
        begun_s = clock.now_s()
        if state == "running" and begun_s < self._drawn_until_s:
            return
        self.folder.write_reports(draw(self.result(state)))
        now_s = clock.now_s()
        self._drawn_until_s = now_s + BETWEEN_DRAWINGS * (now_s - begun_s)


def target_log(life: ContainerLife) -> str:
    """What the target wrote; where its container is gone, the engine's words for that."""
    try:
        return life.target.logs()
    except EngineError as error:
        return f"(no log: {error.what})\n"


def gave_up(progress: CellProgress) -> bool:
    """A target that never came up is not tried again; one that came up before gets a second chance."""
    failures = [life for life in progress.lives if life.failure]
    answered_wrongly = bool(progress.steps) and progress.steps[0].rule == "all-failed"
    return answered_wrongly or len(failures) >= (2 if progress.steps else 1)
