"""Hold the windows of a comparison, each in a fresh container, and the pilot that says how they are held."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from harness.analyse.step.judge import judge_step
from harness.analyse.step.warmup import is_warm
from harness.campaign.listener import CampaignListener
from harness.errors import BackendError, EngineError, TargetStartError
from harness.measure.first_answer import hold_first_step
from harness.measure.protocols import Image
from harness.measure.session import Backends, ContainerSession, open_session
from harness.measure.step import StepSpec
from harness.model import (
    LONGEST_CYCLE_S,
    Cell,
    ContainerRun,
    Crowd,
    Limits,
    Load,
    Plan,
    Purpose,
    Step,
    StepFacts,
    StepResult,
    Target,
    Timing,
    Verdict,
)
from harness.model.ab import AbWindows, Held, Side
from harness.report.view.explanations import explain_judgement
from harness.store import CampaignFolder
from harness.store.ab_log import StoredHeld
from harness.store.folder import name_step_file

_CPU_RATIO = 0.75
"""How much of its CPU the base is to use: many requests come then, and queues are short."""

_ENOUGH_RATIO, _FULL_RATIO = 0.6, 0.9
"""With less or more, the pilot's users are corrected: a light step may mislead, as its target is cold."""

_LIGHT_SETTLE_S = 3.0
_LIGHT_WINDOW_S = 8.0
_PILOT_WINDOW_S = 10.0
_SETTLE_AT_LEAST_S = 3.0
_SETTLE_CYCLES = 1.0
_WINDOW_CYCLES = 2.0
_WINDOW_AT_LEAST_S = 15.0
_WINDOW_AT_MOST_S = 60.0
_REQUESTS = 1000.0
"""A window holds about so many requests: more windows tell more than longer ones, but each needs a start."""

_WARM_GRACE_S = 3.0


@dataclass(frozen=True, slots=True)
class Pilot:
    """What the base needs: the users to hold, their cycle, how many requests come a second, how it settles.

    `cpu_ratio` is the share of its CPU that the base uses with these users; None if it is unknown.
    `settling_s` is how long it took until the CPU time per request no longer fell.
    """

    users: int
    cycle_s: float
    rps: float
    settling_s: float
    cpu_ratio: float | None


def choose_users(limits: Limits, light: StepResult, most: int) -> int:
    """Return the users that need three quarters of the CPU, by the utilisation law; `most` if it is unknown.

    `light` is a step with few users.
    """
    cpu_s, cycle_s = light.target.cpu_per_request_s, light.cycle_s
    if not cpu_s or not cycle_s:
        return most
    return max(1, min(most, int(_CPU_RATIO * limits.total_cores * cycle_s / cpu_s)))


def choose_timing(plan: Plan, pilot: Pilot) -> Timing:
    """Return how long the windows of a comparison settle and last, by what the pilot has shown.

    A base that takes long to warm up settles as long in every window.
    """
    cycle_s = min(pilot.cycle_s, LONGEST_CYCLE_S)
    by_requests_s = _REQUESTS / pilot.rps if pilot.rps > 0 else _WINDOW_AT_MOST_S
    window_s = max(min(max(by_requests_s, _WINDOW_AT_LEAST_S), _WINDOW_AT_MOST_S), _WINDOW_CYCLES * cycle_s)
    settle_s = max(_SETTLE_AT_LEAST_S, _SETTLE_CYCLES * cycle_s)
    if pilot.settling_s > plan.timing.settle_s + _WARM_GRACE_S:
        settle_s = max(settle_s, pilot.settling_s)
    return replace(plan.timing, settle_s=settle_s, window_at_least_s=window_s, window_at_most_s=window_s)


def choose_windows(plan: Plan, pilot: Pilot) -> AbWindows:
    """Return how the windows of a comparison are held, by what the pilot has shown."""
    timing = choose_timing(plan, pilot)
    return AbWindows(timing.settle_s, timing.window_at_least_s, pilot.cycle_s, pilot.cpu_ratio)


def build_ab_step(plan: Plan, users: int, windows: AbWindows) -> Step:
    """Return the step that every window of a comparison is."""
    timing = replace(
        plan.timing,
        settle_s=windows.settle_s,
        window_at_least_s=windows.window_s,
        window_at_most_s=windows.window_s,
    )
    return Step(users, timing, Purpose.AB, cycle_s=windows.cycle_s, is_quick=True)


class WindowHolder:
    """Holds windows in fresh containers, which `listener` may observe; without a `folder` nothing is stored.

    Containers and steps are numbered after those that the folder already has.
    """

    def __init__(
        self,
        plan: Plan,
        backends: Backends,
        targets: Mapping[Side, Target],
        images: Mapping[Side, Image],
        listener: CampaignListener,
        folder: CampaignFolder | None = None,
    ) -> None:
        self._plan = plan
        self._backends = backends
        self._targets = targets
        self._images = images
        self._listener = listener
        self._folder = folder
        numbers = folder.read_log().last_numbers if folder is not None else {}
        self._runs = {cell: runs for cell, (runs, _) in numbers.items()}
        self._steps = {cell: steps for cell, (_, steps) in numbers.items()}
        self._noted: set[str] = set()

    def hold_pilot(self, cell: Cell, users: int | None) -> Pilot:
        """Find out with how many users to compare (unless they are given), and how long the windows are.

        Raises:
            TargetStartError: the base can't be brought up.
            BackendError: the base breaks with these users.
        """
        results: list[StepResult] = []

        def hold(session: ContainerSession) -> None:
            chosen = users or self._hold_light(cell, session)
            step = Step(chosen, self._build_pilot_timing(), Purpose.AB)
            results.append(self._hold_step(cell, session, step, waits=True)[0])

        self._run_container(cell, 0, hold)
        return self._assess_pilot(cell, results[0], is_free=users is None)

    def _hold_light(self, cell: Cell, session: ContainerSession) -> int:
        """Hold a few users; return how many the comparison is to hold."""
        plan = self._plan
        timing = replace(
            plan.timing,
            settle_s=_LIGHT_SETTLE_S,
            window_at_least_s=_LIGHT_WINDOW_S,
            window_at_most_s=_LIGHT_WINDOW_S,
        )
        light = Step(min(plan.search.first_users, plan.users_limit), timing, Purpose.AB, is_quick=True)
        return choose_users(cell.limits, self._hold_step(cell, session, light)[0], plan.users_limit)

    def _build_pilot_timing(self) -> Timing:
        window_s = _PILOT_WINDOW_S
        return replace(self._plan.timing, window_at_least_s=window_s, window_at_most_s=window_s)

    def _assess_pilot(self, cell: Cell, result: StepResult, *, is_free: bool) -> Pilot:
        why = explain_judgement(result.judgement)
        if Held(result).is_broken:
            hint = "name fewer users with --users, or a larger size with --size"
            raise BackendError(f"the base breaks with {result.users} users: {why}", hint)
        cores, total = result.target.cpu_cores, cell.limits.total_cores
        used = cores / total if cores is not None else None
        users = result.users
        if is_free and used and not _ENOUGH_RATIO <= used <= _FULL_RATIO:
            users = max(1, min(int(users * min(2.0, _CPU_RATIO / used)), self._plan.users_limit))
        elif result.verdict is not Verdict.PASS:
            self._listener.note(f"in the pilot the base was {result.verdict} with {users} users: {why}")
        rps = result.requests / result.window_s if result.window_s else 0.0
        ratio = users / result.users
        return Pilot(
            users,
            result.cycle_s or 0.0,
            rps * ratio,
            result.settling.length_s or 0.0,
            None if used is None else used * ratio,
        )

    def hold_window(self, cell: Cell, step: Step, seed: int) -> tuple[Held, StoredHeld]:
        """Hold the step in a fresh container; return it judged, and where it is stored."""
        held: list[tuple[Held, StoredHeld]] = []

        def hold(session: ContainerSession) -> None:
            result, file = self._hold_step(cell, session, step)
            held.append((Held(result), StoredHeld(file)))

        try:
            self._run_container(cell, seed, hold)
        except TargetStartError as error:
            return Held(failure=str(error)), StoredHeld(failure=str(error))
        return held[0]

    def _hold_step(
        self, cell: Cell, session: ContainerSession, step: Step, *, waits: bool = False
    ) -> tuple[StepResult, str | None]:
        """Hold a step, and store its facts, if there is a folder; return it judged, and its file's name.

        With `waits` its window begins when the target is warm.
        """
        self._listener.step_started(cell, step)
        spec = self._build_spec(cell, step, waits=waits)
        facts = hold_first_step(session, spec, self._plan.target.readiness.within_s)
        result, file = self._store(cell, facts)
        self._listener.step_judged(cell, result)
        return result, file

    def _build_spec(self, cell: Cell, step: Step, *, waits: bool) -> StepSpec:
        self._steps[cell.id] = self._steps.get(cell.id, 0) + 1
        return StepSpec(
            self._steps[cell.id],
            step,
            self._plan.spawn_rate,
            is_settled=lambda facts: True,
            report_progress=lambda sample: self._listener.step_progressed(cell, sample),
            is_warm=is_warm if waits else None,
        )

    def _store(self, cell: Cell, facts: StepFacts) -> tuple[StepResult, str | None]:
        """Store a step's facts, if there is a folder; return its result, and the name of its file."""
        plan, file = self._plan, None
        if self._folder is not None:
            facts = self._folder.add_step(cell.id, facts, purpose=Purpose.AB)
            file = name_step_file(cell.id, facts.index)
        return judge_step(facts, plan.slos, None, cell.limits, plan.timing), file

    def _run_container(self, cell: Cell, seed: int, hold: Callable[[ContainerSession], None]) -> None:
        """Run one container of the cell, with users who choose by the seed, while `hold` runs."""
        plan, side = self._plan, Side(cell.limits.variant or "")
        target, image = self._targets[side], self._images[side]
        run = self._start_run(cell)
        crowd = Crowd(plan.users_limit, plan.spawn_rate, seed)
        self._listener.container_starting(cell)
        try:
            with open_session(
                self._backends, target, plan.scenario, self._choose_load(), cell, image, run.number, crowd
            ) as session:
                self._record_run(replace(run, ready_after_s=session.target.ready_after_s))
                self._note_once(session.generator.notes)
                try:
                    hold(session)
                finally:
                    self._record_logs(run, session)
        except TargetStartError as failure:
            self._record_run(replace(run, failure_kind=failure.kind, failure=str(failure)))
            raise

    def _choose_load(self) -> Load:
        load = self._plan.load
        return load if load.workers is not None else replace(load, workers=1)

    def _start_run(self, cell: Cell) -> ContainerRun:
        self._runs[cell.id] = self._runs.get(cell.id, 0) + 1
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        return ContainerRun(cell.id, self._runs[cell.id], started_at, None, purpose=Purpose.AB)

    def _record_run(self, run: ContainerRun) -> None:
        if self._folder is not None:
            self._folder.add_run(run)

    def _record_logs(self, run: ContainerRun, session: ContainerSession) -> None:
        if self._folder is None:
            return
        try:
            target_log = session.target.read_logs()
        except EngineError as error:
            target_log = f"(no log: {error.what})\n"
        self._folder.add_logs(run.cell, run.number, target_log, session.generator.read_logs())

    def _note_once(self, texts: tuple[str, ...]) -> None:
        for text in texts:
            if text not in self._noted:
                self._noted.add(text)
                if self._folder is not None:
                    self._folder.add_note(text)
                self._listener.note(text)
