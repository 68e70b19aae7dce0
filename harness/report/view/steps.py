"""Put a judged step into words: its numbers, errors, request names and companions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.model import CompanionUse, NameStats, Rule, StepResult
from harness.report.view import text
from harness.report.view.explanations import explain_judgement, name_rule
from harness.report.view.scenario_errors import describe_raised_tasks
from harness.report.view.stalls import format_waits

_SUPERSEDED = "does not count: these users were held again while the host was more than 10 % faster"


@dataclass(frozen=True, slots=True)
class NameView:
    """The requests of one name within a step's window."""

    name: str
    requests: str
    errors: str
    p50: str
    p95: str
    mean: str


@dataclass(frozen=True, slots=True)
class CompanionView:
    """What a companion used within a step's window, for what its work waited, and its limits."""

    name: str
    size: str
    cpu_used: str
    cpu_share: str
    throttled: str
    waits: str
    memory_peak: str
    memory_share: str


@dataclass(frozen=True, slots=True)
class StepView:
    """A judged step in words. `waits` is for what its work waited. `result` keeps the numbers for charts."""

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
    waits: str
    memory_peak: str
    errors: tuple[tuple[str, str], ...]
    by_name: tuple[NameView, ...]
    companions: tuple[CompanionView, ...]
    result: StepResult = field(repr=False)


def build_step_view(step: StepResult, *, is_superseded: bool = False) -> StepView:
    """Format a step's numbers and explain its verdict.

    `is_superseded`: it does not count, because the same users were held again on a faster host.
    """
    return StepView(
        users=step.users,
        verdict=step.verdict.value,
        rule=text.clean_text(name_rule(step.judgement)),
        reason=_explain_verdict(step, is_superseded=is_superseded),
        window=text.format_duration(step.window_s),
        requests=text.format_count(step.requests),
        rps=text.format_rate(step.rps),
        p50=text.format_seconds(step.latency.p50_s),
        p95=text.format_seconds(step.latency.p95_s),
        p99=text.format_seconds(step.latency.p99_s),
        error_ratio=text.format_ratio(step.failures.ratio),
        cpu_used=text.format_cores(step.target.cpu_cores),
        throttled=text.format_ratio(step.target.throttled_ratio),
        waits=format_waits(step.target.stalls),
        memory_peak=text.format_mebibytes(step.target.memory_peak_bytes),
        errors=_rank_errors(step.failures.counts),
        by_name=tuple(_build_name_view(stats) for stats in step.by_name),
        companions=tuple(_build_companion_view(use) for use in step.companions),
        result=step,
    )


def _explain_verdict(step: StepResult, *, is_superseded: bool) -> str:
    """Return why a step has its verdict, and what else must be known of it."""
    is_about_tasks = step.rule is Rule.SCENARIO_ERRORS
    parts = (
        explain_judgement(step.judgement),
        _describe_short_memory(step),
        "" if is_about_tasks else describe_raised_tasks(step.tasks),
        _SUPERSEDED if is_superseded else "",
    )
    return text.clean_text("; ".join(part for part in parts if part))


def _describe_short_memory(step: StepResult) -> str:
    if step.before_short_s <= 0:
        return ""
    held = text.format_duration(step.before_short_s)
    return f"its memory became short, and what followed is judged: until then the SLOs held for {held}"


def _build_companion_view(use: CompanionUse) -> CompanionView:
    return CompanionView(
        name=text.clean_text(use.name),
        size=text.format_size(use.limits),
        cpu_used=text.format_cores(use.cpu_used_cores),
        cpu_share=text.format_ratio(text.compute_share(use.cpu_used_cores, use.limits.cpu_cores)),
        throttled=text.format_ratio(use.throttled_ratio),
        waits=format_waits(use.stalls),
        memory_peak=text.format_mebibytes(use.memory_peak_bytes),
        memory_share=text.format_ratio(text.compute_share(use.memory_peak_bytes, use.limits.memory_bytes)),
    )


def _rank_errors(errors: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
    """Return the kinds of errors with their counts, the most frequent first."""
    ranked = sorted(errors.items(), key=lambda item: (-item[1], item[0]))
    return tuple((text.clean_text(kind), text.format_count(number)) for kind, number in ranked)


def _build_name_view(stats: NameStats) -> NameView:
    return NameView(
        name=text.clean_text(stats.name),
        requests=text.format_count(stats.requests),
        errors=text.format_count(stats.errors),
        p50=text.format_seconds(stats.p50_s),
        p95=text.format_seconds(stats.p95_s),
        mean=text.format_seconds(stats.mean_s),
    )
