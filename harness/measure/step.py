"""One step: ramp, settle, window, linger; facts in, nothing judged.

Requests are windowed by when they *start*, but are known when they *end*: so the load stays on for `linger_s`
after the window, and what is unanswered then is counted as unfinished.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from harness.errors import GeneratorError
from harness.measure.locust.pages import concat_facts
from harness.measure.protocols import (
    Clock,
    GeneratorFacts,
    RunningGenerator,
    RunningTarget,
    TargetEnd,
    Usage,
    Watch,
)
from harness.model import (
    ANSWERED,
    CompanionFacts,
    EndReason,
    GeneratorSample,
    Requests,
    Step,
    StepFacts,
    ThinkTimes,
    WorkerSample,
    ramp_rate,
)
from harness.model.facts import HostSample, TargetEvent, TargetSample

POLL_S = 0.25
LOOK_EVERY_S = 5.0
STALL_S = 5.0
SILENCE_AT_MOST_S = 10.0
RAMP_GRACE_S = 15.0
HOPELESS_REQUESTS = 10

S = TypeVar("S", TargetSample, HostSample, GeneratorSample, WorkerSample, TargetEvent)
Phase = Literal["ramp", "settle", "window", "linger"]


@dataclass(frozen=True, slots=True)
class ProgressSample:
    """What is known while a step runs, about twice a second: for eyes, not for verdicts."""

    phase: Phase
    users: int
    asked_users: int
    elapsed_s: float
    recent: Requests
    recent_s: float
    target: tuple[TargetSample, ...]


StepPredicate = Callable[[StepFacts], bool]
ProgressCallback = Callable[[ProgressSample], None]


class _Stop(Exception):
    """A step ends before its window does."""

    def __init__(self, ended: EndReason, note: str) -> None:
        super().__init__(note)
        self.ended = ended
        self.note = note


class StepRun:
    """A step in progress: what has been gathered, and which phase began when.

    Instants are of the life's clock.
    """

    def __init__(
        self,
        target: RunningTarget,
        generator: RunningGenerator,
        watch: Watch,
        clock: Clock,
        life_from_s: float,
        observe: ProgressCallback,
    ) -> None:
        self._target = target
        self._generator = generator
        self._watch = watch
        self._clock = clock
        self._life_from_s = life_from_s
        self._observe = observe
        self._parts: list[GeneratorFacts] = []
        self._usage: list[Usage] = []
        self._began: dict[Phase, float] = {}
        self._last_answer_s = 0.0
        self._last_page_s = 0.0
        self._ended_requests = 0
        self._answered_requests = 0
        self._window_to_s: float | None = None

    def hold(
        self,
        index: int,
        life: int,
        step: Step,
        spawn_rate: float,
        settled: StepPredicate,
        is_warm: StepPredicate | None = None,
    ) -> StepFacts:
        """Hold `step` to its end, or until `settled` says that what was seen so far is enough.

        Where `is_warm` is given, the window begins only when it agrees, or the time to warm up is over.
        """
        self._step, self._index, self._life = step, index, life
        self._rate = ramp_rate(step.users, spawn_rate)
        ended, note = EndReason.HELD, ""
        try:
            self._ramp()
            self._stay("settle", step.timing.settle_s)
            self._warm_up(is_warm)
            self._measure(settled)
            self._stay("linger", step.timing.drain_s)
        except _Stop as stop:
            ended, note = stop.ended, stop.note
        except GeneratorError as error:
            ended, note = EndReason.GENERATOR_DIED, str(error)
        return self._close(ended, note)

    def _now_s(self) -> float:
        return self._clock.now_s() - self._life_from_s

    def _ramp(self) -> None:
        self._begin("ramp")
        self._generator.hold(self._step.users, self._rate)
        deadline = self._now_s() + self._step.users / self._rate + RAMP_GRACE_S
        while self._tick("ramp") != self._step.users:
            if self._now_s() > deadline:
                raise _Stop(EndReason.USERS_MISSING, f"{self._step.users} users were not reached in time")

    def _stay(self, phase: Phase, seconds: float) -> None:
        self._begin(phase)
        while self._now_s() < self._began[phase] + seconds:
            self._tick(phase)

    def _warm_up(self, is_warm: StepPredicate | None) -> None:
        end_s = self._began["settle"] + self._step.timing.warm_up_s
        while is_warm and self._now_s() < end_s and not is_warm(self._facts(EndReason.HELD, "", None)):
            look_s = min(end_s, self._now_s() + LOOK_EVERY_S / 2)
            while self._now_s() < look_s:
                self._tick("settle")

    def _measure(self, settled: StepPredicate) -> None:
        timing = self._step.timing
        self._begin("window")
        look_s = self._began["window"] + timing.window_at_least_s
        end_s = self._began["window"] + timing.window_at_most_s
        while (now_s := self._now_s()) < end_s:
            self._tick("window")
            if now_s >= look_s:
                if settled(self._facts(EndReason.HELD, "", None)):
                    break
                look_s += LOOK_EVERY_S
        self._window_to_s = self._now_s()

    def _begin(self, phase: Phase) -> None:
        self._began[phase] = self._now_s()
        if phase == "ramp":
            self._last_answer_s = self._last_page_s = self._began[phase]

    def _tick(self, phase: Phase) -> int:
        """Gather for a moment, and look for what ends a step at once. Returns the users reached."""
        end = self._target.poll_end()
        if end is not None:
            raise _stopped_by(end)
        facts = self._generator.poll(POLL_S)
        self._parts.append(facts)
        self._usage.append(self._watch.take())
        self._look_for_silence(facts)
        self._look_for_stall(facts)
        self._pulse(phase)
        return facts.reached_users

    def _look_for_silence(self, facts: GeneratorFacts) -> None:
        if facts.samples:
            self._last_page_s = self._now_s()
        elif self._now_s() - self._last_page_s > SILENCE_AT_MOST_S:
            raise GeneratorError(f"Locust has been silent for {SILENCE_AT_MOST_S:.0f} s")

    def _look_for_stall(self, facts: GeneratorFacts) -> None:
        error = facts.requests.error
        self._ended_requests += len(error)
        self._answered_requests += int(np.sum(error == ANSWERED))
        if len(error):
            self._last_answer_s = self._now_s()
        waiting = facts.samples[-1].in_flight if facts.samples else 0
        limit_s = max(STALL_S, 5 * self._step.timing.drain_s)
        if waiting and self._now_s() - self._last_answer_s > limit_s:
            raise _Stop(
                EndReason.STALLED, f"no request was answered for {limit_s:.0f} s while {waiting} waited"
            )
        if self._ended_requests >= HOPELESS_REQUESTS and not self._answered_requests:
            raise _Stop(EndReason.ALL_FAILED, f"the first {HOPELESS_REQUESTS} requests all failed")

    def _pulse(self, phase: Phase) -> None:
        recent = [part for part in self._parts[-40:] if len(part.requests.start_s)]
        samples = [sample for part in self._parts[-40:] for sample in part.samples]
        requests, _, _ = concat_facts(recent)
        span_s = samples[-1].at_s - samples[0].at_s if len(samples) > 1 else 0.0
        self._observe(
            ProgressSample(
                phase,
                samples[-1].users if samples else 0,
                self._step.users,
                self._now_s() - self._began["ramp"],
                requests,
                span_s,
                tuple(sample for usage in self._usage[-20:] for sample in usage.target),
            )
        )

    def _close(self, ended: EndReason, note: str) -> StepFacts:
        try:
            self._parts.append(self._generator.close_step())
        except GeneratorError as error:
            if ended is EndReason.HELD:
                ended, note = EndReason.GENERATOR_DIED, str(error)
        self._usage.append(self._watch.take())
        return self._facts(ended, note, self._window_to_s)

    def _facts(self, ended: EndReason, note: str, window_to_s: float | None) -> StepFacts:
        requests, thinks, samples = concat_facts(self._parts)
        since = self._life_from_s
        return StepFacts(
            index=self._index,
            life=self._life,
            users=self._step.users,
            spawn_rate=self._rate,
            ramp_from_s=self._began["ramp"],
            settle_from_s=self._began.get("settle"),
            window_from_s=self._began.get("window"),
            window_to_s=window_to_s,
            ended_s=samples[-1].at_s - since if samples else self._now_s(),
            ended=ended,
            note=note,
            requests=_requests_since(requests, since),
            thinks=ThinkTimes(thinks.start_s - since, thinks.planned_s),
            target=_since(since, [sample for usage in self._usage for sample in usage.target]),
            host=_since(since, [sample for usage in self._usage for sample in usage.host]),
            generator=_since(since, list(samples)),
            events=_since(since, [event for usage in self._usage for event in usage.events]),
            companions=self._companions(since),
            workers=_since(since, [sample for part in self._parts for sample in part.workers]),
        )

    def _companions(self, since_s: float) -> dict[str, CompanionFacts]:
        found: dict[str, CompanionFacts] = {}
        for usage in self._usage:
            for name, facts in usage.companions.items():
                before = found[name].samples if name in found else ()
                found[name] = CompanionFacts(facts.limits, (*before, *_since(since_s, list(facts.samples))))
        return found


def _stopped_by(end: TargetEnd) -> _Stop:
    if end.exit_code is None:
        return _Stop(EndReason.TARGET_REMOVED, end.log_tail)
    how = f"exit code {end.exit_code}{', out of memory' if end.oom else ''}\n{end.log_tail}".strip()
    if end.companion:
        return _Stop(EndReason.DEPENDENCY_DIED, f"{end.companion}: {how}")
    return _Stop(EndReason.TARGET_DIED, how)


def _requests_since(requests: Requests, since_s: float) -> Requests:
    return replace(
        requests,
        start_s=requests.start_s - since_s,
        unfinished_start_s=requests.unfinished_start_s - since_s,
    )


def _since(since_s: float, samples: list[S]) -> tuple[S, ...]:
    return tuple(replace(sample, at_s=sample.at_s - since_s) for sample in samples)
