"""Summarize what target, companions, generator and host used within a window, from their counters."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import fmean, median
from typing import TypeVar

from harness.analyse.step.memory_kills import list_counted_kills
from harness.analyse.step.window import Window, select_around
from harness.model import (
    CompanionUse,
    GeneratorSample,
    GeneratorUse,
    HostSample,
    HostUse,
    StepFacts,
    TargetSample,
    WorkerSample,
)
from harness.model.stalls import OFTEN_THROTTLED_RATIO, Stalls

_CPU_USED_AT_LEAST = 0.85
_SEEN_AT_LEAST = 50

_WORK_OUTLIER_FACTOR = 3.0
"""A piece of work that took this many times the median was interrupted, and says nothing about the pace."""

_Sample = TypeVar(
    "_Sample", HostSample, TargetSample, GeneratorSample, WorkerSample, GeneratorSample | WorkerSample
)


def summarize_generator(facts: StepFacts, from_s: float, to_s: float) -> GeneratorUse:
    """Return what the generator used in [from_s, to_s]; all None if a process has fewer than two samples."""
    total = _summarize_process(facts.generator, from_s, to_s)
    if not facts.workers:
        return replace(total, cores=total.cpu_ratio)
    by_process = {
        number: _summarize_process(samples, from_s, to_s)
        for number, samples in group_by_process(facts).items()
    }
    workers = len(by_process) - 1
    if any(use.cpu_ratio is None for use in by_process.values()):
        return GeneratorUse(workers=workers)
    busiest = max(by_process, key=lambda number: by_process[number].busiest_cpu_ratio or 0.0)
    return replace(
        by_process[busiest],
        loop_lag_s=max(use.loop_lag_s or 0.0 for use in by_process.values()),
        fewest_users=total.fewest_users,
        cores=sum(use.cpu_ratio or 0.0 for use in by_process.values()),
        workers=workers,
        process=busiest,
        clock_error_s=max(sample.clock_error_s for sample in facts.workers),
        is_here=all(sample.here for sample in facts.workers),
    )


def _summarize_process(
    samples: Sequence[GeneratorSample | WorkerSample], from_s: float, to_s: float
) -> GeneratorUse:
    inside = [sample for sample in samples if from_s <= sample.at_s <= to_s]
    if len(inside) < 2 or inside[0].at_s >= inside[-1].at_s:
        return GeneratorUse()
    first, last = inside[0], inside[-1]
    rates = [
        (after.cpu_s - before.cpu_s) / max(after.at_s - before.at_s, 1e-9)
        for before, after in pairwise(inside)
    ]
    return GeneratorUse(
        cpu_ratio=(last.cpu_s - first.cpu_s) / (last.at_s - first.at_s),
        busiest_cpu_ratio=_find_last_decile(rates),
        loop_lag_s=_find_last_decile([sample.loop_lag_s for sample in inside]),
        fewest_users=min(sample.users for sample in inside),
    )


def _find_last_decile(values: Sequence[float]) -> float:
    """Return the 90th percentile of at least one value, by linear interpolation.

    A window in progress asks for it again and again. For so few values numpy takes ten times as long.
    """
    ordered, at = sorted(values), 0.9 * (len(values) - 1)
    below, above = ordered[math.floor(at)], ordered[math.ceil(at)]
    return below + (above - below) * (at % 1)


def compute_seen_ratio(facts: StepFacts, window: Window) -> float | None:
    """Return the requests seen in flight over those that must have been, by Little's law.

    Requests of a client that only reports their end are never seen. None if fewer than 50 were to be seen in
    all samples of the window, because their number scatters.
    """
    counts = [s.in_flight for s in facts.generator if window.from_s <= s.at_s < window.to_s]
    expected = len(counts) * window.waiting_s / window.length_s
    return sum(counts) / expected if expected >= _SEEN_AT_LEAST else None


def group_by_process(facts: StepFacts) -> dict[int, list[WorkerSample]]:
    """Return the samples of each Locust process by its number; empty if a single process made the load."""
    samples: dict[int, list[WorkerSample]] = {}
    for sample in facts.workers:
        samples.setdefault(sample.worker, []).append(sample)
    return samples


def summarize_host(facts: StepFacts, from_s: float, to_s: float) -> HostUse:
    """Return what the host did in [from_s, to_s]; all None if it holds fewer than two samples."""
    inside = [sample for sample in facts.host if from_s <= sample.at_s <= to_s]
    if len(inside) < 2 or inside[0].at_s >= inside[-1].at_s:
        return HostUse()
    span_s = inside[-1].at_s - inside[0].at_s
    return HostUse(
        steal_ratio=(inside[-1].steal_s - inside[0].steal_s) / (span_s * len(inside[0].busy_s)),
        foreign_cores=_compute_foreign_cores(facts, inside, from_s, to_s),
        proxy_cores=_compute_cores(inside, lambda sample: sample.proxy_cpu_s),
        work_s=_compute_pace_s(inside),
    )


def _compute_pace_s(inside: Sequence[HostSample]) -> float | None:
    """Return the mean CPU time of the fixed piece of work; None if the engine is on another host.

    The mean and not the median: a core that a neighbour slows down in half of the seconds slows the target in
    half of the seconds too, while the median jumps from one of the two speeds to the other.
    """
    is_remote = any(s.harness_cpu_s is not None and s.engine_cpu_s is None for s in inside)
    times_s = [sample.work_s for sample in inside if sample.work_s is not None]
    if is_remote or not times_s:
        return None
    longest_s = _WORK_OUTLIER_FACTOR * median(times_s)
    return fmean(time_s for time_s in times_s if time_s <= longest_s)


def summarize_cpu(
    samples: Sequence[TargetSample], from_s: float, to_s: float
) -> tuple[float | None, float | None]:
    """Return the cores that were used in [from_s, to_s], and the share of throttled periods.

    Both are None without counters, and if these began anew meanwhile, as those of a container that was
    started again. The share is also None if the counters show no period.
    """
    around = select_around(samples, from_s, to_s)
    cores = _compute_cores(around, _read_cpu_s)
    if cores is None or any(after.cpu_s < before.cpu_s for before, after in pairwise(around)):
        return None, None
    periods = around[-1].periods - around[0].periods
    throttled = around[-1].throttled_periods - around[0].throttled_periods
    return cores, throttled / periods if periods > 0 else None


def measure_bytes_per_request(
    samples: Sequence[TargetSample], from_s: float, to_s: float, rate: float
) -> tuple[float, float] | None:
    """Return the bytes that were received and sent in [from_s, to_s] for each of `rate` requests a second.

    None if they were not counted, or if there were no requests.
    """
    around = select_around(samples, from_s, to_s)
    received = _measure_rate(around, lambda sample: sample.received_bytes)
    sent = _measure_rate(around, lambda sample: sample.sent_bytes)
    return (received / rate, sent / rate) if received and sent and rate > 0 else None


def summarize_stalls(samples: Sequence[TargetSample], from_s: float, to_s: float) -> Stalls:
    """Return the shares of [from_s, to_s] in which work waited; None for what was not counted throughout."""
    around = select_around(samples, from_s, to_s)
    return Stalls(
        cpu_ratio=_compute_stalled_ratio(around, lambda sample: sample.cpu_some_s),
        memory_ratio=_compute_stalled_ratio(around, lambda sample: sample.memory_some_s),
        io_ratio=_compute_stalled_ratio(around, lambda sample: sample.io_some_s),
        limit_hits=_count_limit_hits(around),
        reread_per_s=_measure_rate(around, lambda sample: sample.major_faults),
    )


def find_most_bytes(samples: Sequence[TargetSample]) -> int | None:
    """Return the largest working set; None without a sample, or if pages of files can't be told apart."""
    if any(sample.includes_file_pages for sample in samples):
        return None
    return max((sample.working_set_bytes for sample in samples), default=None)


def select_full_load(facts: StepFacts, samples: Sequence[TargetSample]) -> list[TargetSample]:
    """Return a container's samples from the end of the ramp to the end of the window, or of the step."""
    if facts.settle_from_s is None:
        return []
    to_s = facts.ended_s if facts.window_to_s is None else facts.window_to_s
    return [sample for sample in samples if facts.settle_from_s <= sample.at_s <= to_s]


def find_most_own_bytes(samples: Sequence[TargetSample]) -> int | None:
    """Return the most memory without pages of files; None if these can't be told, or without a sample."""
    is_known = find_most_bytes(samples) is not None
    return max(sample.own_bytes for sample in samples) if is_known else None


def _count_limit_hits(around: Sequence[TargetSample]) -> int | None:
    """Return how often the memory reached its limit; None if not counted, or if the count began anew."""
    hits = [sample.limit_hits for sample in around if sample.limit_hits is not None]
    if len(hits) < 2 or len(hits) < len(around) or hits[-1] < hits[0]:
        return None
    return hits[-1] - hits[0]


def _compute_stalled_ratio(
    around: Sequence[TargetSample], stalled_s: Callable[[TargetSample], float | None]
) -> float | None:
    """Return the share of the time; None if it was not counted throughout."""
    ratio = _measure_rate(around, stalled_s)
    return None if ratio is None else min(1.0, ratio)


def _measure_rate(
    around: Sequence[TargetSample], count: Callable[[TargetSample], float | None]
) -> float | None:
    """Return a count a second; None if it was not counted, or if the count began anew meanwhile."""
    rate = _compute_cores(around, count)
    return None if rate is None or rate < 0 else rate


def is_cpu_full(used_ratio: float, throttled_ratio: float) -> bool:
    """Return True if a container has used up its CPU quota.

    `used_ratio` is the share of the quota that it used, `throttled_ratio` the share of throttled periods.
    """
    is_throttled = is_often_throttled(throttled_ratio)
    return is_cpu_used_up(used_ratio) or (is_throttled and used_ratio >= _CPU_USED_AT_LEAST / 2)


def is_cpu_used_up(used_ratio: float) -> bool:
    """Return True if a container used so much of its CPU quota that hardly any is left."""
    return used_ratio >= _CPU_USED_AT_LEAST


def is_often_throttled(throttled_ratio: float) -> bool:
    """Return True if a container was throttled in so many periods that response times show it."""
    return throttled_ratio >= OFTEN_THROTTLED_RATIO


def compute_busy_cores(facts: StepFacts, from_s: float, to_s: float) -> float | None:
    """Return how many of the host's cores were busy in [from_s, to_s]; None with fewer than two samples."""
    return _compute_cores([sample for sample in facts.host if from_s <= sample.at_s <= to_s], _read_busy_s)


def summarize_companions(facts: StepFacts, from_s: float, to_s: float) -> tuple[CompanionUse, ...]:
    """Return what each companion used in [from_s, to_s], but its memory peak of the whole step."""
    return tuple(
        CompanionUse(
            name,
            companion.limits,
            *summarize_cpu(companion.samples, from_s, to_s),
            find_most_bytes(companion.samples),
            summarize_stalls(companion.samples, from_s, to_s),
            is_out_of_memory=bool(list_counted_kills(companion.samples)),
            own_memory_peak_bytes=find_most_own_bytes(companion.samples),
        )
        for name, companion in facts.companions.items()
    )


def _compute_foreign_cores(
    facts: StepFacts, inside: Sequence[HostSample], from_s: float, to_s: float
) -> float | None:
    """Return the busy cores that neither target, companions, generator, harness, engine nor proxy used.

    None if the use of any of these is unknown.

    In quiet windows with up to 400 users this was between -0.006 and +0.005 cores on a two-core host.
    """
    local_workers = [
        samples for samples in group_by_process(facts).values() if all(sample.here for sample in samples)
    ]
    generator: list[Sequence[GeneratorSample | WorkerSample]] = (
        [*local_workers] if facts.workers else [facts.generator]
    )
    busy = _compute_cores(inside, _read_busy_s)
    explained = (
        summarize_cpu(facts.target, from_s, to_s)[0],
        *(summarize_cpu(companion.samples, from_s, to_s)[0] for companion in facts.companions.values()),
        *(
            _compute_cores([sample for sample in samples if from_s <= sample.at_s <= to_s], _read_cpu_s)
            for samples in generator
        ),
        _compute_cores(inside, lambda sample: sample.harness_cpu_s),
        _compute_cores(inside, lambda sample: sample.engine_cpu_s),
        _compute_cores(inside, lambda sample: sample.proxy_cpu_s),
    )
    known = [cores for cores in explained if cores is not None]
    return None if busy is None or len(known) < len(explained) else max(0.0, busy - sum(known))


def _read_busy_s(sample: HostSample) -> float:
    return sum(sample.busy_s)


def _read_cpu_s(sample: TargetSample | GeneratorSample | WorkerSample) -> float:
    return sample.cpu_s


def _compute_cores(samples: Sequence[_Sample], cpu_s: Callable[[_Sample], float | None]) -> float | None:
    """Return the rate of CPU seconds from the first sample to the last; None if they were not counted."""
    if len(samples) < 2 or samples[-1].at_s <= samples[0].at_s:
        return None
    first, last = cpu_s(samples[0]), cpu_s(samples[-1])
    if first is None or last is None:
        return None
    return (last - first) / (samples[-1].at_s - samples[0].at_s)
