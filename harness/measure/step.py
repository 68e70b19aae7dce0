"""Hold one step and return its facts: ramp, settle, window, drain. Nothing is judged here.

A request belongs to the window if it *starts* there, but its result is known only when it *ends*. So the load
stays on for `drain_s` after the window, and requests that are unanswered then are counted as unfinished.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.errors import GeneratorError
from harness.measure.answer_watch import AnswerWatch
from harness.measure.burst import BurstSpec, StepPredicate
from harness.measure.locust.pages import concat_facts, concat_unreported, merge_facts
from harness.measure.locust.task_pages import concat_tasks
from harness.measure.protocols import GeneratorFacts, Usage
from harness.measure.session import ContainerSession
from harness.measure.step_end import StopStep, build_stop, compute_oldest_wait_s, shift_requests
from harness.measure.step_samples import StepSamples
from harness.model import (
    LONGEST_CYCLE_S,
    EndReason,
    GeneratorSample,
    Requests,
    Step,
    StepFacts,
    TargetSample,
    ThinkTimes,
    Timing,
    compute_ramp_rate,
)
from harness.model.facts import BurstFacts

_POLL_S = 0.25
_POLLS_A_SECOND = 4
_PREDICATE_EVERY_S = 5.0
_EARLIEST_REST_RATIO = 0.5
"""The share of the settle time that every step settles, even if it seems to be at rest before."""

_SPOILED_FROM_S = 20.0
"""The seconds of a window from which on it may be given up, even if the shortest window is longer."""

_SILENCE_AT_MOST_S = 10.0
_RAMP_GRACE_S = 15.0
_PREPARATION_AT_MOST_S = 300.0
"""For how long the scenario may prepare the test, in its listeners of `test_start`."""

_RECENT_POLLS = 40
_RECENT_USAGE_POLLS = 20

Phase = Literal["ramp", "settle", "window", "burst", "recovery", "drain"]


@dataclass(frozen=True, slots=True)
class ProgressSample:
    """What is known while a step runs, about four times a second. It is for display, never for a verdict.

    `wanted_users` is the number to reach. `facts` are those of the last polls, `target` the target's samples
    of about that time. What is shown of them is computed when it is asked for.
    """

    phase: Phase
    wanted_users: int
    elapsed_s: float
    facts: tuple[GeneratorFacts, ...]
    target: tuple[TargetSample, ...]

    @property
    def users(self) -> int:
        """The users who are active."""
        samples = self._samples
        return samples[-1].users if samples else 0

    @property
    def in_flight(self) -> int:
        """The requests that wait for an answer."""
        samples = self._samples
        return samples[-1].in_flight if samples else 0

    @property
    def recent(self) -> Requests:
        """The requests that were answered within the last `recent_s` seconds."""
        return concat_facts([part for part in self.facts if len(part.requests.start_s)])[0]

    @property
    def recent_s(self) -> float:
        """The seconds from the first to the last of the generator's samples."""
        samples = self._samples
        return samples[-1].at_s - samples[0].at_s if len(samples) > 1 else 0.0

    @property
    def _samples(self) -> list[GeneratorSample]:
        return [sample for part in self.facts for sample in part.samples]


SpoiledPredicate = Callable[[StepFacts, float], bool]
"""A predicate on the facts so far, and on the instant at which the window ends at the latest."""

ProgressCallback = Callable[[ProgressSample], None]


@dataclass(frozen=True, slots=True)
class StepSpec:
    """A step to hold, as number `index` of its cell.

    The window ends when `is_settled` is true of the facts so far, within the bounds that the step's timing
    sets. It begins after the settle time; with `is_warm` it begins later, when `is_warm` is true of the facts
    so far or when the warm-up time is over. With `is_at_rest` it begins earlier, when that is true of the
    facts so far, after half of the settle time at the earliest. `measure_cycle` tells the seconds of a user's
    cycle from the facts so far, by which the timing is stretched; 0 if it is unknown. The window does not
    begin before the instant that `find_last_begin` tells from the facts so far: all users ask by then. It
    waits for this for `LONGEST_CYCLE_S` at most. With `is_steady` the
    window goes on after that, until `is_steady` is true of the facts so far or the window has lasted for
    `steady_at_most_s`. With `is_spoiled` the window is given up when that is true. `report_progress` is
    called about four times a second; an exception that it raises ends the step without facts. Whether the
    window may end is looked at every `look_every_s`. With a `burst` the window holds that instead.
    """

    index: int
    step: Step
    spawn_rate: float
    is_settled: StepPredicate
    report_progress: ProgressCallback
    is_warm: StepPredicate | None = None
    measure_cycle: Callable[[StepFacts], float] = lambda facts: 0.0
    find_last_begin: Callable[[StepFacts], float] = lambda facts: 0.0
    is_steady: StepPredicate | None = None
    is_spoiled: SpoiledPredicate = lambda facts, ends_by_s: False
    is_at_rest: StepPredicate | None = None
    look_every_s: float = _PREDICATE_EVERY_S
    burst: BurstSpec | None = None


def hold_step(session: ContainerSession, spec: StepSpec) -> StepFacts:
    """Hold a step to its end, or to whatever ends it at once, and return its facts.

    A step ends at once if the target or a companion ends, if the generator fails or is silent, if the users
    are not reached in time, if a request waits and none ends for too long, or if the first requests all fail.
    """
    return _StepRun(session, spec).hold_phases()


class _StepRun:
    """A step in progress: what has been collected, and when each phase began.

    Instants count from the session's start, but for those of `_parts`.
    """

    def __init__(self, session: ContainerSession, spec: StepSpec) -> None:
        self._session = session
        self._spec = spec
        self._step = spec.step
        step = spec.step
        self._rate = compute_ramp_rate(
            step.users, spec.spawn_rate, step.cycle_s, step.ramp_s, is_quick=step.is_quick
        )
        self._parts: list[GeneratorFacts] = []
        self._usage: list[Usage] = []
        self._samples = StepSamples(session.started_s)
        self._thinks_before = session.pauses.start_step(spec.step.users)
        self._began: dict[Phase, float] = {}
        self._answers = AnswerWatch(spec.step.timing.drain_s)
        self._last_sample_s = 0.0
        self._is_preparing = False
        self._window_to_s: float | None = None
        self._burst = None if spec.burst is None else BurstFacts(spec.burst.users)

    def hold_phases(self) -> StepFacts:
        """Hold all phases, or those until something ends the step; return the facts."""
        timing = self._step.timing
        reason, note = EndReason.HELD, ""
        try:
            self._ramp()
            self._settle()
            self._hold_window()
            self._hold_phase("drain", timing.drain_s)
        except StopStep as stop:
            reason, note = stop.reason, stop.note
        except GeneratorError as error:
            reason, note = EndReason.GENERATOR_DIED, str(error)
        return self._close(reason, note)

    def _now_s(self) -> float:
        return self._session.clock.now_s() - self._session.started_s

    def _ramp(self) -> None:
        self._begin("ramp")
        self._session.generator.hold(self._step.users, self._rate)
        ramp_s = self._step.users / self._rate + _RAMP_GRACE_S
        deadline = self._now_s() + ramp_s
        latest = deadline + _PREPARATION_AT_MOST_S
        while self._poll("ramp") != self._step.users:
            if self._is_preparing:
                deadline = min(latest, self._now_s() + ramp_s)
            if self._now_s() > deadline:
                note = f"{self._step.users} users were not reached in time"
                raise StopStep(EndReason.USERS_MISSING, note)

    def _settle(self) -> None:
        earliest_ratio = 1.0 if self._spec.is_at_rest is None else _EARLIEST_REST_RATIO
        self._hold_phase("settle", earliest_ratio * self._step.timing.settle_s)
        while (left_s := self._find_settling_s()) > 0:
            self._poll_until("settle", self._now_s() + min(left_s, _PREDICATE_EVERY_S / 2))

    def _find_settling_s(self) -> float:
        """Return for how many seconds to settle, unless the facts of the next seconds change that."""
        facts, is_warm = self._build_facts(EndReason.HELD, "", None), self._spec.is_warm
        latest_s = self._began["settle"] + LONGEST_CYCLE_S
        if (begins_s := min(self._spec.find_last_begin(facts), latest_s)) > self._now_s():
            return begins_s - self._now_s()
        if self._spec.is_at_rest is not None and self._spec.is_at_rest(facts):
            return 0.0
        timing = self._stretch_timing(facts)
        settle_s = timing.settle_s if is_warm is None or is_warm(facts) else timing.warm_up_s
        return self._began["settle"] + max(timing.settle_s, settle_s) - self._now_s()

    def _stretch_timing(self, facts: StepFacts) -> Timing:
        return self._step.timing.stretch(self._spec.measure_cycle(facts))

    def _hold_phase(self, phase: Phase, seconds: float) -> None:
        self._begin(phase)
        self._poll_until(phase, self._began[phase] + seconds)

    def _poll_until(self, phase: Phase, end_s: float) -> None:
        while self._now_s() < end_s:
            self._poll(phase)

    def _hold_window(self) -> None:
        self._begin("window")
        if self._spec.burst is not None:
            self._hold_burst(self._spec.burst)
        elif self._hold_until_settled():
            self._await_steady_memory()
        self._window_to_s = self._now_s()

    def _hold_burst(self, spec: BurstSpec) -> None:
        """Hold the users for a while, then more of them, then the former ones until the target is steady."""
        generator, users = self._session.generator, self._step.users
        shortest_s = self._stretch_timing(self._build_facts(EndReason.HELD, "", None)).window_at_least_s
        self._poll_until("window", self._now_s() + max(spec.before_s, shortest_s))
        from_s = self._now_s()
        self._burst = BurstFacts(spec.users, from_s)
        generator.hold(spec.users, spec.spawn_rate)
        self._poll_until("burst", from_s + spec.for_s)
        to_s, wait_s = self._now_s(), max(map(compute_oldest_wait_s, self._parts[-_POLLS_A_SECOND:]))
        self._burst = BurstFacts(spec.users, from_s, to_s, wait_s)
        generator.hold(users, spec.spawn_rate)
        while (now_s := self._now_s()) < to_s + spec.watch_at_most_s:
            if spec.is_steady(self._build_facts(EndReason.HELD, "", None)):
                return
            self._poll_until("recovery", min(to_s + spec.watch_at_most_s, now_s + _PREDICATE_EVERY_S))

    def _hold_until_settled(self) -> bool:
        """Hold the window until its verdict is settled or its time is over; return False if it is spoiled."""
        from_s = self._began["window"]
        timing = self._stretch_timing(self._build_facts(EndReason.HELD, "", None))
        every_s = self._spec.look_every_s
        looks_before = max(0.0, timing.window_at_least_s - _SPOILED_FROM_S) // every_s
        next_s = from_s + timing.window_at_least_s - looks_before * every_s
        while (now_s := self._now_s()) < from_s + timing.window_at_most_s:
            self._poll("window")
            if now_s >= next_s:
                facts = self._build_facts(EndReason.HELD, "", None)
                timing = self._stretch_timing(facts)
                if now_s >= from_s + timing.window_at_least_s and self._spec.is_settled(facts):
                    return True
                if self._spec.is_spoiled(facts, from_s + timing.window_at_most_s):
                    return False
                next_s += every_s
        return True

    def _await_steady_memory(self) -> None:
        """Keep the window open until the target's memory is known to last, or for as long as is allowed."""
        is_steady = self._spec.is_steady
        end_s = self._began["window"] + self._step.timing.steady_at_most_s
        while is_steady is not None and (now_s := self._now_s()) < end_s:
            facts = self._build_facts(EndReason.HELD, "", None)
            if is_steady(facts) or self._spec.is_spoiled(facts, end_s):
                return
            self._poll_until("window", min(end_s, now_s + _PREDICATE_EVERY_S))

    def _begin(self, phase: Phase) -> None:
        self._began[phase] = self._now_s()
        if phase == "ramp":
            self._last_sample_s = self._began[phase]
            self._answers.begin(self._began[phase])

    def _poll(self, phase: Phase) -> int:
        """Collect facts for a moment, and stop the step if something ends it. Return the reached users."""
        end = self._session.target.poll_end()
        if end is not None:
            raise build_stop(end)
        facts = self._session.generator.poll(_POLL_S)
        self._add(facts)
        self._add_usage(self._session.watch.take())
        self._check_silence(facts)
        self._check_answers(facts)
        self._report_progress(phase)
        return facts.reached_users

    def _add(self, facts: GeneratorFacts) -> None:
        self._parts.append(facts)
        self._samples.add_facts(facts)

    def _add_usage(self, usage: Usage) -> None:
        self._usage.append(usage)
        self._samples.add_usage(usage)

    def _check_silence(self, facts: GeneratorFacts) -> None:
        if facts.samples:
            self._last_sample_s, self._is_preparing = self._now_s(), facts.is_preparing
        elif self._now_s() - self._last_sample_s > _SILENCE_AT_MOST_S:
            raise GeneratorError(
                f"Locust has been silent for {_SILENCE_AT_MOST_S:.0f} s, as if the scenario blocks it"
            )

    def _check_answers(self, facts: GeneratorFacts) -> None:
        """Stop the step if the target answers nothing.

        From the begin of a burst on nothing is a reason to stop: whether the target comes back is what is
        asked.
        """
        if self._burst is None or self._burst.from_s is None:
            self._answers.check(facts, self._now_s())

    def _report_progress(self, phase: Phase) -> None:
        self._spec.report_progress(
            ProgressSample(
                phase,
                self._step.users,
                self._now_s() - self._began["ramp"],
                tuple(self._parts[-_RECENT_POLLS:]),
                tuple(sample for usage in self._usage[-_RECENT_USAGE_POLLS:] for sample in usage.target),
            )
        )

    def _close(self, reason: EndReason, note: str) -> StepFacts:
        try:
            self._add(self._session.generator.close_step())
        except GeneratorError as error:
            if reason is EndReason.HELD:
                reason, note = EndReason.GENERATOR_DIED, str(error)
        self._add_usage(self._session.watch.take())
        facts = self._build_facts(reason, note, self._window_to_s)
        self._session.pauses.finish_step(facts)
        return facts

    def _merge_old_parts(self) -> None:
        """Make one part of all that are not recent, because a long window is looked at often as a whole."""
        old = self._parts[:-_RECENT_POLLS]
        if len(old) > 1:
            self._parts[: len(old)] = [merge_facts(old)]

    def _build_facts(self, reason: EndReason, note: str, window_to_s: float | None) -> StepFacts:
        self._merge_old_parts()
        requests, thinks, _ = concat_facts(self._parts)
        samples, before = self._samples, self._thinks_before
        start_s = self._session.started_s
        return StepFacts(
            index=self._spec.index,
            life=self._session.number,
            users=self._step.users,
            spawn_rate=self._rate,
            ramp_from_s=self._began["ramp"],
            settle_from_s=self._began.get("settle"),
            window_from_s=self._began.get("window"),
            window_to_s=window_to_s,
            ended_s=samples.generator[-1].at_s if samples.generator else self._now_s(),
            end_reason=reason,
            note=note,
            requests=shift_requests(requests, start_s),
            thinks=ThinkTimes(
                np.concatenate([before.start_s, thinks.start_s - start_s]),
                np.concatenate([before.planned_s, thinks.planned_s]),
                np.concatenate([before.owner, thinks.owner]),
            ),
            target=tuple(samples.target),
            cpu=tuple(samples.cpu),
            host=tuple(samples.host),
            generator=tuple(samples.generator),
            events=tuple(samples.events),
            companions=dict(samples.companions),
            workers=tuple(samples.workers),
            tasks=concat_tasks((part.tasks for part in self._parts), start_s),
            unreported=concat_unreported(self._parts, start_s),
            burst=self._burst,
        )
