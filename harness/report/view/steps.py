"""A judged step in words: its numbers, its errors, its request names, its companions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.model import CompanionUse, NameStats, StepResult
from harness.report.view import text


@dataclass(frozen=True, slots=True)
class NameView:
    """One request name within a step's window."""

    name: str
    requests: str
    errors: str
    p50: str
    p95: str
    mean: str


@dataclass(frozen=True, slots=True)
class CompanionView:
    """What a companion used within a step's window, of what it was given."""

    name: str
    size: str
    cpu_used: str
    cpu_share: str
    throttled: str
    memory_peak: str
    memory_share: str


@dataclass(frozen=True, slots=True)
class StepView:
    """A judged step. `result` keeps the numbers for charts."""

    users: int
    verdict: str
    rule: str
    reason: str
    window: str
    requests: str
    rps: str
    p50: str
    p95: str
    p99: str
    error_ratio: str
    cpu_used: str
    throttled: str
    memory_peak: str
    errors: tuple[tuple[str, str], ...]
    by_name: tuple[NameView, ...]
    companions: tuple[CompanionView, ...]
    result: StepResult = field(repr=False)


def step_view(step: StepResult) -> StepView:
    return StepView(
        users=step.users,
        verdict=step.verdict.value,
        rule=text.inert(step.rule),
        reason=text.inert(step.reason),
        window=text.duration(step.window_s),
        requests=text.count(step.requests),
        rps=text.rate(step.rps),
        p50=text.seconds(step.p50_s),
        p95=text.seconds(step.p95_s),
        p99=text.seconds(step.p99_s),
        error_ratio=text.percent(step.error_ratio),
        cpu_used=text.cores(step.cpu_used_cores),
        throttled=text.percent(step.throttled_ratio),
        memory_peak=text.mebibytes(step.memory_peak_bytes),
        errors=_errors(step.errors),
        by_name=tuple(_by_name(stats) for stats in step.by_name),
        companions=tuple(_companion(use) for use in step.companions),
        result=step,
    )


def _companion(use: CompanionUse) -> CompanionView:
    return CompanionView(
        name=text.inert(use.name),
        size=text.size(use.limits),
        cpu_used=text.cores(use.cpu_used_cores),
        cpu_share=text.percent(text.share(use.cpu_used_cores, use.limits.cpu_cores)),
        throttled=text.percent(use.throttled_ratio),
        memory_peak=text.mebibytes(use.memory_peak_bytes),
        memory_share=text.percent(text.share(use.memory_peak_bytes, use.limits.memory_bytes)),
    )


def _errors(errors: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
    """Kinds of errors with their counts, the most frequent first."""
    ranked: Sequence[tuple[Any, int]] = sorted(errors.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple((text.inert(kind), text.count(number)) for kind, number in ranked)


def _by_name(stats: NameStats) -> NameView:
    return NameView(
        name=text.inert(stats.name),
        requests=text.count(stats.requests),
        errors=text.count(stats.errors),
        p50=text.seconds(stats.p50_s),
        p95=text.seconds(stats.p95_s),
        mean=text.seconds(stats.mean_s),
    )
