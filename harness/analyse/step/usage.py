"""What else the host did in a window: time that the hypervisor took, other programs, the port's proxy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from harness.analyse.step.window import around
from harness.model import CompanionUse, GeneratorSample, HostSample, StepFacts, TargetSample, WorkerSample

S = TypeVar("S", HostSample, TargetSample, GeneratorSample, WorkerSample, GeneratorSample | WorkerSample)


@dataclass(frozen=True, slots=True)
class HostUse:
    """All in cores, but `steal_ratio` (a share of all cores' time) and `work_s`, the median CPU time of a
    fixed piece of work. None where it was not counted, as the engine's share is not when it runs elsewhere.
    """

    steal_ratio: float | None = None
    foreign_cores: float | None = None
    proxy_cores: float | None = None
    work_s: float | None = None


def host_use(facts: StepFacts, from_s: float, to_s: float) -> HostUse:
    """The host's use within [from_s, to_s]; all None with fewer than two samples in it."""
    inside = [sample for sample in facts.host if from_s <= sample.at_s <= to_s]
    if len(inside) < 2 or inside[0].at_s >= inside[-1].at_s:
        return HostUse()
    span_s = inside[-1].at_s - inside[0].at_s
    works = [sample.work_s for sample in inside if sample.work_s is not None]
    return HostUse(
        steal_ratio=(inside[-1].steal_s - inside[0].steal_s) / (span_s * len(inside[0].busy_s)),
        foreign_cores=_foreign_cores(facts, inside, from_s, to_s),
        proxy_cores=_cores(inside, lambda sample: sample.proxy_cpu_s),
        work_s=median(works) if works else None,
    )


def cpu_use(samples: Sequence[TargetSample], from_s: float, to_s: float) -> tuple[float | None, float | None]:
    """Cores used and the share of throttled periods around [from_s, to_s]; None without counters."""
    inside = around(samples, from_s, to_s)
    cores = _cores(inside, _spent_s)
    if cores is None:
        return None, None
    periods = inside[-1].periods - inside[0].periods
    throttled = inside[-1].throttled_periods - inside[0].throttled_periods
    return cores, throttled / periods if periods > 0 else None


def companion_use(facts: StepFacts, from_s: float, to_s: float) -> tuple[CompanionUse, ...]:
    """What every companion used, like the target; its memory over the whole step."""
    return tuple(
        CompanionUse(
            name,
            companion.limits,
            *cpu_use(companion.samples, from_s, to_s),
            max((sample.working_set_bytes for sample in companion.samples), default=None),
        )
        for name, companion in facts.companions.items()
    )


def by_worker(facts: StepFacts) -> dict[int, list[WorkerSample]]:
    """Every process's samples, by its number."""
    found: dict[int, list[WorkerSample]] = {}
    for sample in facts.workers:
        found.setdefault(sample.worker, []).append(sample)
    return found


def _foreign_cores(
    facts: StepFacts, inside: Sequence[HostSample], from_s: float, to_s: float
) -> float | None:
    """What was busy on nobody's account: not target, companions, generator, harness, engine or proxy.

    In quiet windows with up to 400 users this was between -0.006 and +0.005 cores on a two-core host.
    """
    here = [samples for samples in by_worker(facts).values() if all(sample.here for sample in samples)]
    generator: list[Sequence[GeneratorSample | WorkerSample]] = (
        [*here] if facts.workers else [facts.generator]
    )
    busy = _cores(inside, lambda sample: sum(sample.busy_s))
    ours = (
        cpu_use(facts.target, from_s, to_s)[0],
        *(cpu_use(companion.samples, from_s, to_s)[0] for companion in facts.companions.values()),
        *(
            _cores([sample for sample in samples if from_s <= sample.at_s <= to_s], _spent_s)
            for samples in generator
        ),
        _cores(inside, lambda sample: sample.harness_cpu_s),
        _cores(inside, lambda sample: sample.engine_cpu_s),
        _cores(inside, lambda sample: sample.proxy_cpu_s),
    )
    known = [cores for cores in ours if cores is not None]
    return None if busy is None or len(known) < len(ours) else max(0.0, busy - sum(known))


def _spent_s(sample: TargetSample | GeneratorSample | WorkerSample) -> float:
    return sample.cpu_s


def _cores(samples: Sequence[S], spent_s: Callable[[S], float | None]) -> float | None:
    """A cumulative counter's rate from the first sample to the last; None where it was not counted."""
    if len(samples) < 2 or samples[-1].at_s <= samples[0].at_s:
        return None
    first, last = spent_s(samples[0]), spent_s(samples[-1])
    if first is None or last is None:
        return None
    return (last - first) / (samples[-1].at_s - samples[0].at_s)
