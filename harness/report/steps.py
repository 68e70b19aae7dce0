"""A judged step in words: its numbers, its errors, its request names, its companions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.model import CompanionUse, NameStats, StepResult
from harness.report import words


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
        rule=words.inert(step.rule),
        reason=words.inert(step.reason),
        window=words.duration(step.window_s),
        requests=words.count(step.requests),
        rps=words.rate(step.rps),
        p50=words.seconds(step.p50_s),
        p95=words.seconds(step.p95_s),
        p99=words.seconds(step.p99_s),
        error_ratio=words.percent(step.error_ratio),
        cpu_used=words.cores(step.cpu_used_cores),
        throttled=words.percent(step.throttled_ratio),
        memory_peak=words.mebibytes(step.memory_peak_bytes),
        errors=_errors(step.errors),
        by_name=tuple(_by_name(stats) for stats in step.by_name),
        companions=tuple(_companion(use) for use in step.companions),
        result=step,
    )


def _companion(use: CompanionUse) -> CompanionView:
    return CompanionView(
        name=words.inert(use.name),
        size=words.size(use.limits),
        cpu_used=words.cores(use.cpu_used_cores),
        cpu_share=words.percent(words.share(use.cpu_used_cores, use.limits.cpu_cores)),
        throttled=words.percent(use.throttled_ratio),
        memory_peak=words.mebibytes(use.memory_peak_bytes),
        memory_share=words.percent(words.share(use.memory_peak_bytes, use.limits.memory_bytes)),
    )


def _errors(errors: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
    """Kinds of errors with their counts, the most frequent first."""
    ranked: Sequence[tuple[Any, int]] = sorted(errors.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple((words.inert(kind), words.count(number)) for kind, number in ranked)


def _by_name(stats: NameStats) -> NameView:
    return NameView(
        name=words.inert(stats.name),
        requests=words.count(stats.requests),
        errors=words.count(stats.errors),
        p50=words.seconds(stats.p50_s),
        p95=words.seconds(stats.p95_s),
        mean=words.seconds(stats.mean_s),
    )
