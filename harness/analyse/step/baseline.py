"""Find the baseline of a cell: what its target does at light load, with which other steps are compared."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from harness.analyse.search.reference import is_light_load
from harness.analyse.step.idle_users import check_idle_users
from harness.analyse.step.light_errors import StepErrors, measure_step_errors
from harness.analyse.step.light_times import (
    LightWait,
    PauseTime,
    StepTimes,
    drop_known,
    estimate_light_wait,
    measure_pause_time,
    measure_step_times,
)
from harness.analyse.step.littles_law import (
    UnexplainedTime,
    check_unreported_time,
    compute_wait_ratio,
    measure_lost_time,
    measure_unexplained_time,
)
from harness.analyse.step.scenario_errors import check_scenario_errors
from harness.analyse.step.sound_part import select_sound_part
from harness.analyse.step.step_memo import StepMemo
from harness.analyse.step.usage import summarize_companions, summarize_cpu
from harness.analyse.step.validity import judge_validity
from harness.analyse.step.window import Window, cut_window, find_percentile_s
from harness.model import Limits, StepFacts

_PACE_WAIT_AT_MOST = 0.90
"""Users who wait for more of their time, also at light load, have no pace of their own."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The mean response time at light load, and the time for each request that is unexplained there.

    Throughput shortfall and Little's law are judged in comparison with it. `wait_ratio` is the share of the
    users' time that they waited for answers, `pause` what they planned to pause. `cpu_ratio` is the share of
    its CPU quota that the target used, or its busiest companion; 0 if it is unknown. `times` are the response
    times by request name, `heavier` those of other steps that show more names (`drop_known`), `errors` the
    failed requests by name.
    `is_borrowed`: it is another size's. `lost` is the time for each request that its user neither thought nor
    waited; None if only `unexplained` is known.
    """

    users: int
    mean_s: float
    unexplained: UnexplainedTime = field(default_factory=UnexplainedTime)
    wait_ratio: float = 0.0
    pause: PauseTime | None = None
    cpu_ratio: float = 0.0
    times: StepTimes | None = None
    heavier: tuple[StepTimes, ...] = ()
    is_borrowed: bool = False
    errors: StepErrors = field(default_factory=StepErrors)
    lost: UnexplainedTime | None = None

    @property
    def usual_loss(self) -> UnexplainedTime:
        """What users lose for each request at light load, with which Little's law is compared."""
        return self.lost or self.unexplained

    @property
    def is_light(self) -> bool:
        """True if no queue can have raised the response time so much that it matters for the throughput."""
        return is_light_load(self.users, self.wait_ratio, self.cpu_ratio)

    @property
    def gives_shortfall(self) -> bool:
        """True if a throughput can be compared with it: it is light, and users have a pace of their own.

        Users who do not think ask as fast as they are answered, so their throughput only repeats the response
        time.
        """
        return self.is_light and self.wait_ratio <= _PACE_WAIT_AT_MOST

    def estimate_light_wait(self, window: Window) -> LightWait:
        """Return how long users would have waited for the window's answers at light load."""
        if self.times is not None:
            return estimate_light_wait(window, self.times, self.heavier)
        return LightWait(len(window.good) * self.mean_s, StepTimes(self.users, pause=self.pause))

    def rank(self) -> tuple[bool, int]:
        """Return a key that sorts baselines: the light ones first, of these the one of the fewest users."""
        return not self.is_light, self.users


_BASELINES: StepMemo[Baseline | None] = StepMemo()


def build_baseline(facts: StepFacts, limits: Limits | None = None) -> Baseline | None:
    """Return the baseline that this step gives; None if the step holds no answers or is invalid.

    An invalid step gives none: after a generator that left users idle, a healthy one would look wrong.
    Without the target's `limits` its use of the CPU is unknown.
    """
    return _BASELINES.compute_once(facts, limits, lambda: _build_baseline(facts, limits))


def _build_baseline(facts: StepFacts, limits: Limits | None) -> Baseline | None:
    facts = select_sound_part(facts)
    window = cut_window(facts)
    if window is None or len(window.good) == 0 or judge_validity(facts, window, None):
        return None
    if check_scenario_errors(facts, window) or check_unreported_time(facts, window, ()):
        return None
    if check_idle_users(facts, window, ()):
        return None
    unexplained = measure_unexplained_time(window) or UnexplainedTime()
    return Baseline(
        facts.users,
        float(window.good.mean()),
        unexplained,
        compute_wait_ratio(window),
        measure_pause_time(window),
        _compute_cpu_ratio(facts, window, limits),
        measure_step_times(window),
        errors=measure_step_errors(window),
        lost=measure_lost_time(window),
    )


def _compute_cpu_ratio(facts: StepFacts, window: Window, limits: Limits | None) -> float:
    """Return the share of its CPU quota that the target used, or its busiest companion; 0 if unknown."""
    cores, _ = summarize_cpu(facts.target, window.from_s, window.to_s)
    ratios = [
        use.cpu_used_cores / use.limits.cpu_cores
        for use in summarize_companions(facts, window.from_s, window.to_s)
        if use.cpu_used_cores is not None
    ]
    if cores is not None and limits is not None:
        ratios.append(cores / limits.total_cores)
    return max(ratios, default=0.0)


def find_baseline(steps: Sequence[StepFacts], limits: Limits | None = None) -> Baseline | None:
    """Return the baseline of the lightest step that gives one; None if no step does.

    That is the light step with the fewest users, or without any light step the one with the fewest users.
    """
    found = _find_baselines(steps, limits)
    if not found:
        return None
    lightest = found[0][1]
    others = [baseline.times for _, baseline in found[1:] if baseline.times is not None]
    return replace(lightest, heavier=drop_known(lightest.times or StepTimes(lightest.users), others))


def find_baseline_step(steps: Sequence[StepFacts], limits: Limits | None = None) -> StepFacts | None:
    """Return the step that gives the baseline, the first of several; None without one."""
    return next((facts for facts, _ in _find_baselines(steps, limits)), None)


def _find_baselines(steps: Sequence[StepFacts], limits: Limits | None) -> list[tuple[StepFacts, Baseline]]:
    """Return the steps that give a baseline, each with it, the lightest first."""
    built = ((facts, build_baseline(facts, limits)) for facts in steps)
    given = [(facts, baseline) for facts, baseline in built if baseline is not None]
    return sorted(given, key=lambda pair: (pair[1].rank(), pair[0].index))


def choose_lighter_baseline(one: Baseline | None, other: Baseline | None) -> Baseline | None:
    """Return the lighter baseline; `one` if both are alike, None if both are None."""
    if one is None or other is None:
        return one or other
    return other if other.rank() < one.rank() else one


def choose_baseline(
    steps: Sequence[StepFacts], borrowed: Baseline | None, limits: Limits | None = None
) -> Baseline | None:
    """Return the cell's own baseline, or a lighter one that is `borrowed` from another size.

    A cell that has held fewer users than the borrowed light step needs a light step of its own: its capacity
    may be below them, and a small size takes longer for the answers to a single user as well.
    The other size may be larger and answer faster. So each borrowed response time is raised to that of the
    cell's own fastest tenth of answers. The baseline may then be too lenient (the SLOs on response times
    still decide), but never too strict.
    """
    own = find_baseline(steps, limits)
    if borrowed is None or (
        own is not None and (own.users <= borrowed.users or own.rank() <= borrowed.rank())
    ):
        return own
    if own is None:
        return replace(borrowed, is_borrowed=True)
    tenths_s = [find_fastest_tenth_s(facts) for facts in steps if facts.users == own.users]
    fastest_s = min(tenth_s for tenth_s in tenths_s if tenth_s is not None)
    own_times = [] if own.times is None else [own.times, *own.heavier]
    return replace(
        borrowed,
        mean_s=max(borrowed.mean_s, fastest_s),
        times=_raise_times(borrowed.times, own_times),
        heavier=(
            *own_times,
            *(times for each in borrowed.heavier if (times := _raise_times(each, own_times))),
        ),
        is_borrowed=True,
    )


def _raise_times(times: StepTimes | None, own: Sequence[StepTimes]) -> StepTimes | None:
    """Return the times, raised to the fastest tenth of the cell's own lightest step that has the name."""
    if times is None:
        return None
    own_by_name = {name: time for each in reversed(own) for name, time in each.by_name.items()}
    return times.raise_to(StepTimes(0, own_by_name))


def find_fastest_tenth_s(facts: StepFacts) -> float | None:
    """Return the 10th percentile of a step's response times; None if the step holds no answers.

    It is close to the response time at light load, even if most requests waited in a queue.
    """
    window = cut_window(facts)
    return find_percentile_s(window.good, 10) if window else None
