"""One engine at work: the cells that it is given, measured one after the other, container life by life."""

from dataclasses import replace
from datetime import UTC, datetime

from harness.analyse.search.search import next_step
from harness.analyse.search.worker_count import workers_needed
from harness.analyse.step.judge import enough
from harness.analyse.step.warmup import is_warm
from harness.campaign.progress import CellProgress
from harness.campaign.session import Desk
from harness.errors import EngineError, EngineGone, TargetFailed, UsageError
from harness.measure.protocols import Image
from harness.measure.session import ContainerLife, World, container_life
from harness.model import Cell, ContainerRun, Plan, Purpose, Step, StepResult, Verdict

ENGINE_BACK_WITHIN_S = 120.0
OTHERS_WAIT_S = 30.0
"""Where other engines can take over, an engine that is gone is waited for less long."""

ASK_ENGINE_EVERY_S = 1.0
FAULTS_IN_A_ROW = 3


class Hand:
    """`engine` is its name, empty where there is only one. It holds the desk's lock but while it measures."""

    def __init__(self, desk: Desk, world: World, engine: str = "") -> None:
        self.engine = engine
        self.world = world
        self._desk = desk
        self._image = Image("", "")
        self._faults = 0
        self._patience_s = OTHERS_WAIT_S if engine else ENGINE_BACK_WITHIN_S

    def prepare(self) -> None:
        """The target's image on this engine, which must be the one that it measured before."""
        image = self.world.host.prepare(self._desk.plan.target)
        self.world.generator.prepare(self._desk.plan.scenario)
        with self._desk.lock:
            before = self._desk.folder.story().images.get(self.engine)
            if before is not None and before != image.digest:
                raise UsageError(
                    f"the image {image.reference} is another one than this campaign began with: "
                    f"{image.digest[:19]}, was {before[:19]}",
                    "run with --fresh for a new campaign, or bring the old image back",
                )
            if before is None:
                self._desk.folder.add_image(image.reference, image.digest, self.engine)
        self._image = image

    def measure(self, cell: Cell) -> None:
        """Ask, measure, store, until the search has nothing left to ask."""
        desk = self._desk
        with desk.lock:
            progress = desk.memory.cells[cell.id]
            self._begin(progress)
            desk.narrator.cell_started(cell)
        while (step := self._ask(progress)) is not None and not gave_up(progress):
            self._survived(progress, step)
        with desk.lock:
            desk.memory.light[self.engine] = progress.finish()
            desk.folder.finish_cell(cell.id, progress.attempt)
            self._draw()
            desk.narrator.cell_done(progress.answer(desk.plan))

    def confirm(self) -> None:
        """The reference cell once more, in a fresh container: is this host what the first one was?"""
        desk = self._desk
        while (due := self._due()) is not None:
            cell, step = due
            desk.note(
                (f"{cell.id} is held at {step.users} users once more, to see whether the host drifted",)
            )
            desk.narrator.confirming(cell)
            self._survived(desk.memory.cells[cell.id], step)

    def _due(self) -> tuple[Cell, Step] | None:
        with self._desk.lock:
            return self._desk.memory.confirmation(self._desk.plan, self.engine)

    def _begin(self, progress: CellProgress) -> None:
        """Another attempt where one is done, or was begun on an engine that did not end it."""
        cell, plan = progress.cell, self._desk.plan
        if progress.done:
            self._desk.note((f"{cell.id} sustains less than a smaller size: it is measured once more",))
            progress.begin_again(plan)
        elif progress.facts and progress.engine != self.engine:
            self._desk.note((f"{cell.id} begins again on {self.engine}: {progress.engine} did not end it",))
            progress.begin_again(plan)
        if not progress.facts:
            progress.begin(self._desk.memory.light.get(self.engine), self.engine)

    def _survived(self, progress: CellProgress, step: Step) -> None:
        """One container life, or a wait for the engine to come back."""
        try:
            self._live(progress, step)
        except EngineGone as error:
            self._faults += 1
            if self._faults > FAULTS_IN_A_ROW:
                raise
            with self._desk.lock:
                self._desk.folder.add_fault(progress.cell.id, "engine", error.what)
                self._desk.narrator.note(f"{error.what}; trying again as soon as it answers")
            self._await_engine(error)
            self.prepare()
        else:
            self._faults = 0

    def _await_engine(self, error: EngineGone) -> None:
        """Until it answers again; what it kept of ours is removed. Raises `error` when it stays away."""
        host, clock = self.world.host, self.world.clock
        deadline = clock.now_s() + self._patience_s
        while not host.answers():
            if clock.now_s() > deadline or self._desk.is_stopping:
                raise error
            clock.sleep(ASK_ENGINE_EVERY_S)
        host.remove_leftovers(self._desk.folder.name)

    def _ask(self, progress: CellProgress) -> Step | None:
        desk = self._desk
        with desk.lock:
            results = desk.memory.results(desk.plan)
            neighbours = [result for result in results if result.cell != progress.cell and result.steps]
            return next_step(desk.plan, progress.cell, progress.steps, neighbours)

    def _live(self, progress: CellProgress, first: Step) -> None:
        """One container life: steps until one does not pass, or the search is done."""
        cell, desk = progress.cell, self._desk
        with desk.lock:
            number = progress.next_life()
        loaded = self._loaded()
        desk.narrator.container_starting(cell)
        unborn = ContainerRun(
            cell.id,
            number,
            datetime.now(UTC).isoformat(timespec="seconds"),
            None,
            attempt=progress.attempt,
            purpose=first.purpose,
            engine=self.engine,
        )
        try:
            with container_life(self.world, loaded, cell, self._image, number) as life:
                target = life.target
                born = replace(unborn, ready_after_s=target.ready_after_s)
                self._born(progress, replace(born, companions_ready_after_s=target.companions_ready_after_s))
                desk.note(life.generator.notes)
                try:
                    self._hold_steps(progress, life, first, loaded)
                finally:
                    desk.folder.add_logs(cell.id, number, target_log(life), life.generator.logs())
        except TargetFailed as failure:
            self._born(progress, replace(unborn, failure_kind=failure.kind, failure=str(failure)))

    def _loaded(self) -> Plan:
        """The plan with as many Locust processes as all the steps so far say that its users need."""
        plan = self._desk.plan
        if plan.load.workers is not None:
            return plan
        with self._desk.lock:
            steps = [step for progress in self._desk.memory.cells.values() for step in progress.steps]
        count = workers_needed(steps, plan.users_limit)
        if count > 1:
            self._desk.note((f"{count} Locust processes are used: so many users need them",))
        return replace(plan, load=replace(plan.load, workers=count))

    def _born(self, progress: CellProgress, life: ContainerRun) -> None:
        with self._desk.lock:
            progress.born(life)
            self._desk.folder.add_life(life)

    def _hold_steps(self, progress: CellProgress, life: ContainerLife, first: Step, loaded: Plan) -> None:
        """Until one does not pass, the search is done, or it takes more Locust processes than these."""
        step: Step | None = first
        while step is not None:
            result = self._hold(progress, life, step)
            if result.verdict is not Verdict.PASS or step.purpose is Purpose.CONFIRM:
                return
            step = self._ask(progress)
            if self._loaded().load != loaded.load:
                return  # the next life has as many Locust processes as the users turned out to need

    def _hold(self, progress: CellProgress, life: ContainerLife, step: Step) -> StepResult:
        cell, desk, light = progress.cell, self._desk, progress.light
        plan = desk.plan
        with desk.lock:
            number = progress.next_step()
        desk.narrator.step_started(cell, step)
        measured = life.hold(
            number,
            step,
            plan.spawn_rate,
            settled=lambda so_far: enough(
                so_far, plan.slos, light, step.timing.drain_s, plan.search.precision_ratio
            ),
            observe=lambda pulse: desk.look(cell, pulse),
            is_warm=is_warm,
        )
        with desk.lock:
            stored = desk.folder.add_step(cell.id, measured, progress.attempt, step.purpose)
            result = progress.add(plan, stored, step.purpose)
            desk.narrator.step_judged(cell, result)
            self._draw()
        return result

    def _draw(self) -> None:
        self._desk.draw("running", self.world.clock)


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
