"""Find how long users would wait for a window's requests at light load: by request name.

Few users may make other requests than many do: classes with a `fixed_count` come first, weights are rounded,
rare tasks are missing. So each request is compared with those of its own name.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from harness.analyse.step.window import Window

_FEWEST_ANSWERS = 5
"""A name with fewer answers has no mean of its own. If so many are to be expected at light load and there is
none, this is no chance (0.7 %): users at light load don't make such requests.
"""

_ERRORS_ALLOWED = 2.0
"""Standard errors by which the mean of names that are seen too rarely may be wrong."""


@dataclass(frozen=True, slots=True)
class PauseTime:
    """The mean length of the pauses for each request as the scenario planned it, and its standard error."""

    per_request_s: float
    error_s: float


def measure_pause_time(window: Window) -> PauseTime | None:
    """Return the planned pauses of a window; None without pauses or requests."""
    requests, pauses = len(window.start_s), len(window.pauses_s)
    if requests == 0 or pauses == 0:
        return None
    total_s = float(window.pauses_s.sum())
    return PauseTime(total_s / requests, float(np.std(window.pauses_s)) * math.sqrt(pauses) / requests)


@dataclass(frozen=True, slots=True)
class NameTime:
    """The response times of a step's good answers with one request name."""

    count: int
    mean_s: float
    variance: float
    fastest_tenth_s: float


@dataclass(frozen=True, slots=True)
class StepTimes:
    """The response times of one step by request name, and its pauses."""

    users: int
    by_name: Mapping[str, NameTime] = field(default_factory=dict)
    pause: PauseTime | None = None

    @property
    def count(self) -> int:
        """The number of good answers."""
        return sum(time.count for time in self.by_name.values())

    @property
    def mean_s(self) -> float:
        """The mean response time of all names; 0 without answers."""
        return sum(time.count * time.mean_s for time in self.by_name.values()) / max(1, self.count)

    def raise_to(self, other: "StepTimes") -> "StepTimes":
        """Return these times, none shorter than the fastest tenth of the same name in the other step."""
        fastest = {name: time.fastest_tenth_s for name, time in other.by_name.items()}
        raised = {
            name: replace(time, mean_s=max(time.mean_s, fastest.get(name, 0.0)))
            for name, time in self.by_name.items()
        }
        return replace(self, by_name=raised)


def measure_step_times(window: Window) -> StepTimes:
    """Return the response times of the window's good answers by request name, and its pauses."""
    names, response_s = window.name[~window.failed], window.good
    if len(names) == 0:
        return StepTimes(window.users, {}, measure_pause_time(window))
    order = np.lexsort((response_s, names))
    indices, starts, counts = np.unique(names[order], return_index=True, return_counts=True)
    ordered_s = response_s[order]
    means_s = np.add.reduceat(ordered_s, starts) / counts
    variances = np.add.reduceat((ordered_s - np.repeat(means_s, counts)) ** 2, starts) / counts
    tenths_s = ordered_s[starts + np.ceil(counts / 10).astype(np.intp) - 1]
    columns = zip(counts.tolist(), means_s.tolist(), variances.tolist(), tenths_s.tolist(), strict=True)
    by_name = {window.names[index]: NameTime(*row) for index, row in zip(indices, columns, strict=True)}
    return StepTimes(window.users, by_name, measure_pause_time(window))


def drop_known(light: StepTimes, heavier: Sequence[StepTimes]) -> tuple[StepTimes, ...]:
    """Return those of the `heavier` steps that show a name which no step of as few users has, or too rarely.

    They are in the order of `Baseline.rank`. No time would ever be taken from the others, so that a baseline
    stays the same while further steps of its cell show no new names.
    """
    fewest_users: dict[str, int] = {}
    kept = []
    for step in (light, *heavier):
        if any(step.users < fewest_users.get(name, math.inf) for name in step.by_name):
            kept.append(step)
        for name, time in step.by_name.items():
            if time.count >= _FEWEST_ANSWERS:
                fewest_users[name] = min(step.users, fewest_users.get(name, step.users))
    return tuple(step for step in kept if step is not light)


@dataclass(frozen=True, slots=True)
class LightWait:
    """How long users would have waited at light load for the good answers of a window, in user-seconds.

    `sum_s` holds two standard errors (in favour of the size) of what was seen too rarely at light load.
    `doubt_s` is the part of it that only heavier steps show, with the `names` of such requests. Their answers
    may have been slow there as well. `source` is the step whose users make the same requests.
    """

    sum_s: float
    source: StepTimes
    doubt_s: float = 0.0
    names: tuple[str, ...] = ()


def estimate_light_wait(window: Window, light: StepTimes, heavier: Sequence[StepTimes] = ()) -> LightWait:
    """Estimate from the light step how long users would wait for the answers of this window.

    A name that users make at this load only is taken from the lightest of the `heavier` steps that has it, or
    as it is. Names that chance left out at light load were delayed as much as the others; if they are most of
    the answers, such names are compared as one.
    """
    own = measure_step_times(window)
    expected_ratio = light.count / max(1, own.count)
    known_s = {name: time.mean_s for name, time in light.by_name.items() if time.count >= _FEWEST_ANSWERS}
    unseen = {
        name: _find_source(name, own, heavier)
        for name, time in own.by_name.items()
        if name not in light.by_name and time.count * expected_ratio >= _FEWEST_ANSWERS
    }
    unseen_s = {name: source.by_name[name].mean_s for name, source in unseen.items()}
    known = {name: time for name, time in own.by_name.items() if name in known_s}
    rest = {name: time for name, time in own.by_name.items() if name not in known_s and name not in unseen}
    sum_s = sum(time.count * known_s[name] for name, time in known.items())
    doubt_s = sum(own.by_name[name].count * mean_s for name, mean_s in unseen_s.items())
    commonest = max(unseen, key=lambda name: own.by_name[name].count, default=None)
    return LightWait(
        sum_s + doubt_s + _estimate_rest_s(rest, known, sum_s, light),
        light if commonest is None else unseen[commonest],
        doubt_s,
        tuple(sorted(unseen)),
    )


def _find_source(name: str, own: StepTimes, heavier: Sequence[StepTimes]) -> StepTimes:
    """Return the step with the fewest users that has enough answers of this name; `own` if none has."""
    lighter = sorted((step for step in heavier if step.users <= own.users), key=lambda step: step.users)
    found = (step for step in lighter if name in step.by_name)
    return next((step for step in found if step.by_name[name].count >= _FEWEST_ANSWERS), own)


def _estimate_rest_s(
    rest: Mapping[str, NameTime], known: Mapping[str, NameTime], known_light_s: float, light: StepTimes
) -> float:
    """Return how long users would have waited at light load for names that were seen too rarely there."""
    count, own_s = _sum_up(rest)
    known_count, known_own_s = _sum_up(known)
    others = [time for name, time in light.by_name.items() if time.count < _FEWEST_ANSWERS]
    others_count = sum(time.count for time in others)
    if count > known_count and others_count >= _FEWEST_ANSWERS:
        mean_s = sum(time.count * time.mean_s for time in others) / others_count
        squares = sum(time.count * (time.variance + (time.mean_s - mean_s) ** 2) for time in others)
        error_s = math.sqrt(squares / others_count / others_count)
        return count * (mean_s + _ERRORS_ALLOWED * error_s)
    if not known_count:
        return own_s
    delay_s = (known_own_s - known_light_s) / known_count
    return max(0.0, own_s - count * delay_s)


def _sum_up(times: Mapping[str, NameTime]) -> tuple[int, float]:
    """Return the number of answers, and the seconds that they took together."""
    return (
        sum(time.count for time in times.values()),
        sum(time.count * time.mean_s for time in times.values()),
    )
