"""Hold a burst or a soak of one size of a finished campaign, and store its facts with the campaign's."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from harness.analyse.search.worker_count import count_workers
from harness.analyse.step.baseline import Baseline
from harness.campaign.engine_worker import add_readiness, read_target_log
from harness.campaign.listener import CampaignListener
from harness.campaign.live import StepRecorder
from harness.campaign.preflight import (
    EngineBackends,
    build_fingerprint,
    check_plan,
    clean_engines,
    connect_backends,
    separate_cores,
)
from harness.campaign.progress import replay
from harness.campaign.resume import describe_changes, refuse_other_machine
from harness.campaign.trial_spec import build_trial_spec, check_size_of_facts, count_burst_users
from harness.campaign.variant_images import get_image_name, list_image_targets, sum_up_images
from harness.errors import TargetStartError, UsageError
from harness.measure.first_answer import hold_first_step
from harness.measure.protocols import Image
from harness.measure.session import Backends, open_session
from harness.measure.step import StepSpec
from harness.model import CampaignState, Cell, ContainerRun, Crowd, Load, Plan, Purpose, StepResult
from harness.model.trials import BurstAsk, TrialAsk
from harness.store import CampaignFolder, hold_folder

_CHANGED_HINT = "undo the change, or measure again with `harness run`: a trial is of what was measured"


def require_complete(folder: CampaignFolder) -> None:
    """Raise UsageError if a campaign is not complete, and so not ready for a trial."""
    if folder.read_log().state is not CampaignState.COMPLETE:
        raise UsageError(
            f"{folder.path}: this campaign is not complete, so it has no answer yet to try",
            f"complete it with `harness run --resume {folder.path}`",
        )


def run_trial(
    plan: Plan,
    folder: CampaignFolder,
    cell: Cell,
    users: int,
    ask: TrialAsk,
    listener: CampaignListener,
    *,
    connect: Callable[[str, Plan], EngineBackends] = connect_backends,
) -> None:
    """Hold a trial of a cell with so many users in a fresh container, and store it in the campaign's folder.

    `plan` is read from the matrix, and must be what the campaign measured. `connect` gets the campaign's name
    and the plan, and returns what measures on each engine.

    Raises:
        UsageError: the matrix, the target, the scenario, the image or the machine is another one, or the
            size does not fit this host; nothing was stored.
        BackendError: an engine, a companion or the generator failed.
        StoreError: the campaign's folder can't be read or written.
    """
    if changed := describe_changes(folder, plan):
        raise UsageError(f"{folder.path}: {changed} changed since this campaign was measured", _CHANGED_HINT)
    progress = replay(plan, folder)
    steps = [step for each in progress.cells.values() for step in each.steps]
    check_size_of_facts(steps, _count_most_users(users, ask), ask.for_s)
    backends = connect(folder.name, plan)
    refuse_other_machine(folder, build_fingerprint(backends, ""), "hold the trial on that machine")
    chosen = _choose_engine(backends, progress.cells[cell.id].engine)
    live = contextlib.closing(StepRecorder(listener, folder, [cell]))
    cleaned = clean_engines(chosen, folder.path.parent, listener.note)
    with cleaned, hold_folder(folder.path), live as recorder:
        plan = check_plan(plan, backends)
        if cell.id in plan.skipped:
            raise UsageError(f"{cell.id} can't be measured here: {plan.skipped[cell.id]}")
        pinned, placement = separate_cores(chosen, plan)
        listener.note(placement)
        ((engine, single),) = pinned.items()
        worker = _TrialWorker(plan, folder, single, engine, recorder, steps)
        worker.hold(cell, users, ask, progress.cells[cell.id].baseline)


def _count_most_users(users: int, ask: TrialAsk) -> int:
    return count_burst_users(users, ask.factor) if isinstance(ask, BurstAsk) else users


def _choose_engine(backends: EngineBackends, engine: str | None) -> EngineBackends:
    """Return the engine that measured the cell, or else the first one; lanes are no engines."""
    name = engine if engine in backends else next(iter(backends))
    return {name: backends[name]}


class _TrialWorker:
    """Holds a trial on one engine."""

    def __init__(
        self,
        plan: Plan,
        folder: CampaignFolder,
        backends: Backends,
        engine: str | None,
        listener: CampaignListener,
        steps: Sequence[StepResult],
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._backends = backends
        self._engine = engine
        self._listener = listener
        self._steps = steps

    def hold(self, cell: Cell, users: int, ask: TrialAsk, baseline: Baseline | None) -> None:
        """Run a fresh container with the trial, and store its facts.

        If it is interrupted, the container is removed and the trial counts for nothing.
        """
        image, load = self._prepare_image(cell), self._choose_load(_count_most_users(users, ask))
        self._folder.event_log.remove_torn_line()
        run = self._build_run(cell, Purpose.BURST if isinstance(ask, BurstAsk) else Purpose.LONG_SOAK)
        spec = build_trial_spec(
            self._plan,
            cell,
            users,
            ask,
            self._find_last_numbers(cell)[1] + 1,
            baseline,
            self._steps,
            lambda sample: self._listener.step_progressed(cell, sample),
        )
        self._listener.container_starting(cell)
        try:
            self._run_container(cell, image, load, run, spec)
        except TargetStartError as failure:
            self._folder.add_run(replace(run, failure_kind=failure.kind, failure=str(failure)))

    def _run_container(self, cell: Cell, image: Image, load: Load, run: ContainerRun, spec: StepSpec) -> None:
        """Hold the step in a fresh container, and store it. Raises TargetStartError if none comes up."""
        plan, folder, target = self._plan, self._folder, cell.adapt_target(self._plan.target)
        crowd = Crowd(plan.users_limit, plan.spawn_rate)
        with open_session(
            self._backends, target, plan.scenario, load, cell, image, run.number, crowd
        ) as container:
            folder.add_run(add_readiness(run, container))
            for note in container.generator.notes:
                self._listener.note(note)
            try:
                self._listener.step_started(cell, spec.step)
                facts = hold_first_step(container, spec, target.readiness.within_s)
                folder.add_step(cell.id, facts, run.attempt, run.purpose)
            finally:
                target_log, generator_log = read_target_log(container), container.generator.read_logs()
                folder.add_logs(cell.id, run.number, target_log, generator_log)

    def _prepare_image(self, cell: Cell) -> Image:
        """Build or find the images. Raises UsageError if they are not those that were measured."""
        host = self._backends.host
        images = {name: host.prepare(target) for name, target in list_image_targets(self._plan).items()}
        self._backends.generator.prepare(self._plan.scenario)
        image = sum_up_images(tuple(images.values()))
        stored = set(self._folder.read_log().images.values())
        if stored and image.digest not in stored:
            raise UsageError(
                f"the image {image.reference} has changed since this campaign was measured", _CHANGED_HINT
            )
        return images[get_image_name(cell)]

    def _choose_load(self, users: int) -> Load:
        """Return the plan's load with as many Locust processes as the users need, if it leaves that open."""
        load = self._plan.load
        return load if load.workers is not None else replace(load, workers=count_workers(self._steps, users))

    def _build_run(self, cell: Cell, purpose: Purpose) -> ContainerRun:
        log = self._folder.read_log()
        attempts = [attempt for cell_id, attempt in log.attempts if cell_id == cell.id]
        return ContainerRun(
            cell.id,
            self._find_last_numbers(cell)[0] + 1,
            datetime.now(UTC).isoformat(timespec="seconds"),
            None,
            attempt=max(attempts, default=1),
            purpose=purpose,
            engine=self._engine,
        )

    def _find_last_numbers(self, cell: Cell) -> tuple[int, int]:
        """Return the highest numbers that the cell's container runs and steps have so far."""
        return self._folder.read_log().last_numbers.get(cell.id, (0, 0))
