"""The worker of one engine: it measures the cells that it claims, one container run after the other."""

from dataclasses import replace

from harness.analyse.search.step_timing import starts_above_curve
from harness.analyse.step.warmup import may_be_cold
from harness.campaign.session import CampaignSession
from harness.campaign.step_spec import build_step_spec
from harness.campaign.variant_images import get_image_name, list_image_targets, sum_up_images
from harness.errors import EngineError, EngineUnavailableError, TargetStartError
from harness.measure.first_answer import hold_first_step, lacks_answers
from harness.measure.protocols import Image
from harness.measure.session import Backends, ContainerSession, open_session
from harness.measure.step import StepSpec, hold_step
from harness.model import Cell, ContainerRun, Crowd, Load, Purpose, Step, StepFacts, StepResult, Verdict

ENGINE_TIMEOUT_S = 120.0
"""How long the worker of the only engine waits until the engine answers again."""

_SHORT_ENGINE_TIMEOUT_S = 30.0
"""How long a worker waits if workers of other engines can take over its cells."""

_POLL_INTERVAL_S = 1.0
_LATE_FROM_S = 2.0
_MOST_FAULTS_IN_A_ROW = 3


class EngineWorker:
    """The worker of one engine. `engine` is the engine's name; None if the campaign has only one."""

    def __init__(self, session: CampaignSession, backends: Backends, engine: str | None) -> None:
        self.engine = engine
        self._session = session
        self._backends = backends
        self._images: dict[str | None, Image] = {}
        self._faults = 0
        self._has_answered = False
        self._awaits_answers = True
        self._engine_timeout_s = ENGINE_TIMEOUT_S if engine is None else _SHORT_ENGINE_TIMEOUT_S

    def run(self) -> None:
        """Measure cells until all are done, then hold the reference cell once more, and the size to take.

        Raises EngineUnavailableError if the engine fails for good, StopRequested if the campaign is to stop.
        """
        self._prepare_images()
        while (work := self._session.claim_work(self.engine)) is not None:
            try:
                if work.check is None:
                    self._measure_cell(work.cell)
                else:
                    self._try_container(work.cell, work.check)
            finally:
                self._session.release(self.engine)

    def _prepare_images(self) -> None:
        """Build or find the images. Raises UsageError if the target's image has changed since the start."""
        plan, host = self._session.plan, self._backends.host
        images = {name: host.prepare(target) for name, target in list_image_targets(plan).items()}
        self._backends.generator.prepare(plan.scenario)
        self._session.record_image(sum_up_images(tuple(images.values())), self.engine)
        self._images = images

    def _measure_cell(self, cell: Cell) -> None:
        self._session.start_cell(cell, self.engine)
        while (step := self._session.choose_step(cell)) is not None:
            self._try_container(cell, step)
        self._session.finish_cell(cell, self.engine)

    def _try_container(self, cell: Cell, step: Step) -> None:
        """Run one container, from this step on. If the engine fails, restore it, and return.

        The search then chooses the same step again. Raises EngineUnavailableError if the engine fails too
        often in a row, or does not answer within the timeout.
        """
        try:
            self._run_container(cell, step)
        except EngineUnavailableError as error:
            self._restore_engine(cell, error)
        else:
            self._faults = 0

    def _restore_engine(self, cell: Cell, error: EngineUnavailableError) -> None:
        """Record a fault, wait until the engine answers, remove its leftovers, and prepare the images again.

        If the engine fails meanwhile, this is one more fault in a row. Raises the last error after too many
        faults or after the timeout.
        """
        self._faults += 1
        if self._faults > _MOST_FAULTS_IN_A_ROW:
            raise error
        self._session.record_engine_fault(cell, error)
        self._await_engine(error)
        try:
            self._backends.host.remove_leftovers(self._session.campaign)
            self._prepare_images()
        except EngineUnavailableError as next_error:
            self._restore_engine(cell, next_error)

    def _await_engine(self, error: EngineUnavailableError) -> None:
        """Wait until the engine answers. Raise `error` after the timeout."""
        host, clock = self._backends.host, self._backends.clock
        deadline_s = clock.now_s() + self._engine_timeout_s
        while not host.is_answering():
            self._session.raise_if_stopping()
            if clock.now_s() > deadline_s:
                raise error
            clock.sleep(_POLL_INTERVAL_S)

    def _run_container(self, cell: Cell, first_step: Step) -> None:
        """Hold steps in one fresh container until one does not pass, or the search is done."""
        session, load = self._session, self._session.choose_load()
        run = session.start_run(cell, first_step.purpose, self.engine)
        plan = session.plan
        target, image = cell.adapt_target(plan.target), self._images[get_image_name(cell)]
        crowd = Crowd(plan.users_limit, plan.spawn_rate)
        try:
            with open_session(
                self._backends, target, plan.scenario, load, cell, image, run.number, crowd
            ) as container:
                session.record_run(add_readiness(run, container))
                session.note_once(container.generator.notes)
                try:
                    self._hold_steps(cell, container, first_step, load)
                finally:
                    session.note_once(container.generator.notes)
                    session.record_logs(run, read_target_log(container), container.generator.read_logs())
        except TargetStartError as failure:
            session.record_run(replace(run, failure_kind=failure.kind, failure=str(failure)))

    def _hold_steps(self, cell: Cell, container: ContainerSession, first_step: Step, load: Load) -> None:
        """Hold steps until one does not pass or the search is done, or the next one needs a fresh container.

        It does if the load needs more Locust processes, or if its curve begins with fewer users.
        """
        step, passed_users = first_step, 0
        while True:
            is_fresh = may_be_cold(step.users, passed_users)
            result = self._hold_step(cell, container, step, is_first=step is first_step, is_fresh=is_fresh)
            if result.verdict is not Verdict.PASS or step.purpose is not Purpose.SEARCH:
                return
            passed_users = max(passed_users, step.users)
            following = self._session.choose_step(cell)
            if following is None or self._session.choose_load() != load:
                return
            if starts_above_curve(self._session.fit_step(cell, following), step.users):
                return
            step = following

    def _hold_step(
        self, cell: Cell, container: ContainerSession, step: Step, *, is_first: bool, is_fresh: bool
    ) -> StepResult:
        session = self._session
        number = session.start_step(cell, step)
        spec = build_step_spec(
            session.plan,
            session.fit_step(cell, step),
            number,
            session.read_baseline(cell),
            cell.limits,
            lambda sample: session.report_progress(cell, sample),
            is_last_try=session.is_last_try(cell, step),
            is_fresh=is_fresh,
        )
        facts = self._await_answers(cell, container, spec) if is_first else hold_step(container, spec)
        return session.record_step(cell, facts, step.purpose)

    def _await_answers(self, cell: Cell, container: ContainerSession, spec: StepSpec) -> StepFacts:
        """Hold a container's first step, and again while nothing is answered and the target may still start.

        If a target never answered while it had its whole time to start, no other size waits for it.
        """
        within_s = self._session.plan.target.readiness.within_s
        facts = hold_first_step(container, spec, within_s if self._awaits_answers else 0.0)
        if not lacks_answers(facts):
            self._has_answered = True
            if facts.ramp_from_s > _LATE_FROM_S:
                late = f"answered nothing in the first {facts.ramp_from_s:.0f} s after it was ready"
                self._session.note_once([f"{cell.id}: it {late}; its first step was held again"])
        elif self._awaits_answers and not self._has_answered:
            self._awaits_answers = False
            self._session.note_once([f"{cell.id}: it answered no request within {within_s:g} s"])
        return facts


def add_readiness(run: ContainerRun, container: ContainerSession) -> ContainerRun:
    """Return the run with how long its containers took to become ready."""
    target = container.target
    return replace(
        run,
        ready_after_s=target.ready_after_s,
        companions_ready_after_s=target.companions_ready_after_s,
    )


def read_target_log(container: ContainerSession) -> str:
    """Return what the target wrote; if its container is gone, the engine's error in its place."""
    try:
        return container.target.read_logs()
    except EngineError as error:
        return f"(no log: {error.what})\n"
