"""Judge the facts of a step: its verdict, the rule that gave the verdict, and the numbers of its window."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.analyse.search.capacity_estimate import find_percentile_slo
from harness.analyse.step.baseline import Baseline, choose_baseline
from harness.analyse.step.slo import compute_shortfall_ratio, evaluate_slo, is_settled
from harness.analyse.step.usage import (
    summarize_companions,
    summarize_cpu,
    summarize_generator,
    summarize_host,
)
from harness.analyse.step.validity import compute_unexplained_ratio, judge_validity
from harness.analyse.step.warmup import is_warm
from harness.analyse.step.window import Window, cut_window, find_percentile_s
from harness.model import (
    ANSWERED,
    EndReason,
    EventKind,
    Failures,
    GeneratorUse,
    Judgement,
    Latency,
    NameStats,
    Rule,
    Settling,
    Slo,
    StepFacts,
    StepResult,
    TargetUse,
)
from harness.model.evidence import (
    EndedStep,
    EveryRequestFailed,
    NoRequests,
    SloBroken,
    SloEvaluation,
    SlosHold,
    TooFewRequests,
)

_ENDINGS = {
    EndReason.TARGET_DIED: Rule.DIED,
    EndReason.DEPENDENCY_DIED: Rule.DEPENDENCY_DIED,
    EndReason.STALLED: Rule.STALLED,
    EndReason.ALL_FAILED: Rule.ALL_FAILED,
}

_ALL_FAILED_FROM = 10
"""A window with at least this many requests, all of them failed, is a FAIL even without an SLO on errors."""


def judge_steps(
    steps: Sequence[StepFacts], slos: Sequence[Slo], borrowed: Baseline | None = None
) -> tuple[StepResult, ...]:
    """Return the results of a cell's steps under these SLOs, in the order of `steps`.

    All are compared with one baseline: the cell's own, or a lighter one that is `borrowed` from another size.
    """
    baseline = choose_baseline(steps, borrowed)
    return tuple(judge_step(facts, slos, baseline) for facts in steps)


def judge_step(facts: StepFacts, slos: Sequence[Slo], baseline: Baseline | None = None) -> StepResult:
    """Return the step's result under these SLOs. Without a baseline no shortfall is judged."""
    window = cut_window(facts, _find_slowest_limit_s(slos))
    judgement = _judge(facts, window, slos, baseline)
    return _build_result(facts, window, judgement, slos, baseline)


def is_verdict_settled(
    facts: StepFacts, slos: Sequence[Slo], baseline: Baseline | None, drain_s: float, precision_ratio: float
) -> bool:
    """Return True if a longer window would not change the verdict, within the precision.

    `facts` are those of a step that is still in its window. Requests of its last `drain_s` are left out,
    because they may still be answered.
    """
    window = cut_window(facts, drain_s)
    if window is None or len(window.start_s) == 0:
        return False
    return is_settled([evaluate_slo(window, slo, baseline, precision_ratio) for slo in slos])


def _find_slowest_limit_s(slos: Sequence[Slo]) -> float:
    """Return the longest response time that any SLO allows; 0 without an SLO on response times."""
    return max((slo.at_most for slo in slos if slo.is_response_time), default=0.0)


def _judge(
    facts: StepFacts, window: Window | None, slos: Sequence[Slo], baseline: Baseline | None
) -> Judgement:
    if facts.end_reason in _ENDINGS:
        return Judgement(_ENDINGS[facts.end_reason], EndedStep(facts.note))
    invalid = judge_validity(facts, window, baseline.unexplained_ratio if baseline else None)
    if invalid is not None:
        return invalid
    if window is None or len(window.start_s) == 0:
        return Judgement(Rule.NO_DATA, NoRequests())
    judgement = _judge_slos([evaluate_slo(window, slo, baseline) for slo in slos])
    is_inconclusive = judgement.rule is Rule.TOO_FEW_REQUESTS
    if is_inconclusive and window.failed.all() and len(window.failed) >= _ALL_FAILED_FROM:
        error, count = max(window.errors.items(), key=lambda item: item[1], default=("no answer", 0))
        return Judgement(Rule.ALL_FAILED, EveryRequestFailed(error, count))
    return judgement


def _judge_slos(evaluations: Sequence[SloEvaluation]) -> Judgement:
    for each in evaluations:
        if each.value is not None and not each.holds:
            return Judgement(Rule.SLO_BROKEN, SloBroken(each))
    for each in evaluations:
        if not each.holds:
            return Judgement(Rule.TOO_FEW_REQUESTS, TooFewRequests(each.slo))
    return Judgement(Rule.SLOS_HOLD, SlosHold(tuple(each for each in evaluations if each.value is not None)))


def _build_result(
    facts: StepFacts,
    window: Window | None,
    judgement: Judgement,
    slos: Sequence[Slo],
    baseline: Baseline | None,
) -> StepResult:
    from_s, to_s = (window.from_s, window.to_s) if window else (facts.ramp_from_s, facts.ended_s)
    nonempty = window if window and window.length_s > 0 else None
    return StepResult(
        index=facts.index,
        life=facts.life,
        users=facts.users,
        judgement=judgement,
        window_s=window.length_s if window else 0.0,
        load_s=facts.ended_s - facts.ramp_from_s,
        requests=len(window.start_s) if window else 0,
        rps=len(nonempty.good) / nonempty.length_s if nonempty else None,
        latency=_summarize_latency(window.good, slos) if window else Latency(),
        failures=_summarize_failures(facts, window),
        target=_summarize_target(facts, from_s, to_s, nonempty),
        generator=summarize_generator(facts, from_s, to_s) if window else GeneratorUse(),
        host=summarize_host(facts, from_s, to_s),
        companions=summarize_companions(facts, from_s, to_s),
        shortfall_ratio=compute_shortfall_ratio(nonempty, baseline) if nonempty and baseline else None,
        unexplained_ratio=compute_unexplained_ratio(nonempty) if nonempty else None,
        think_s=_compute_mean_think_s(facts, from_s, to_s),
        users_reached=max((sample.users for sample in facts.generator), default=0),
        settling=_summarize_settling(facts),
        by_name=_summarize_names(window) if window else (),
    )


def _summarize_latency(good: np.ndarray, slos: Sequence[Slo]) -> Latency:
    if len(good) == 0:
        return Latency()
    slo = find_percentile_slo(slos)
    return Latency(
        mean_s=float(good.mean()),
        p50_s=find_percentile_s(good, 50),
        p95_s=find_percentile_s(good, 95),
        p99_s=find_percentile_s(good, 99),
        slow_ratio=float((good > slo.at_most).mean()) if slo is not None else None,
    )


def _summarize_failures(facts: StepFacts, window: Window | None) -> Failures:
    failed = facts.requests.error != ANSWERED
    first_s = float(facts.requests.start_s[failed].min()) - facts.ramp_from_s if failed.any() else None
    latency_s = float(np.median(facts.requests.latency_s[failed])) if failed.any() else None
    return Failures(
        ratio=float(window.failed.mean()) if window and len(window.failed) else None,
        counts=window.errors if window else {},
        first_after_s=first_s,
        median_latency_s=latency_s,
    )


def _summarize_target(facts: StepFacts, from_s: float, to_s: float, window: Window | None) -> TargetUse:
    cores, throttled = summarize_cpu(facts.target, from_s, to_s)
    rate = len(window.start_s) / window.length_s if window else 0.0
    return TargetUse(
        cpu_cores=cores,
        cpu_per_request_s=cores / rate if cores is not None and rate > 0 else None,
        throttled_ratio=throttled,
        memory_peak_bytes=max((sample.working_set_bytes for sample in facts.target), default=None),
        is_out_of_memory=_is_out_of_memory(facts),
    )


def _is_out_of_memory(facts: StepFacts) -> bool:
    """Return True if the engine reported an OOM kill. Exit code 137 proves none: it follows any SIGKILL."""
    is_in_note = facts.end_reason is EndReason.TARGET_DIED and "out of memory" in facts.note
    return is_in_note or any(event.kind == EventKind.OOM for event in facts.events)


def _summarize_settling(facts: StepFacts) -> Settling:
    if facts.settle_from_s is None or facts.window_from_s is None:
        return Settling()
    before = tuple(sample for sample in facts.target if sample.at_s <= facts.window_from_s)
    return Settling(facts.window_from_s - facts.settle_from_s, is_warm(replace(facts, target=before)))


def _compute_mean_think_s(facts: StepFacts, from_s: float, to_s: float) -> float | None:
    inside = (facts.thinks.start_s >= from_s) & (facts.thinks.start_s < to_s)
    return float(facts.thinks.planned_s[inside].mean()) if inside.any() else None


def _summarize_names(window: Window) -> tuple[NameStats, ...]:
    return tuple(_summarize_name(window, index) for index in np.unique(window.name))


def _summarize_name(window: Window, index: int) -> NameStats:
    has_name = window.name == index
    good = window.response_s[has_name & ~window.failed]
    return NameStats(
        name=window.names[index],
        requests=int(has_name.sum()),
        errors=int(window.failed[has_name].sum()),
        p50_s=find_percentile_s(good, 50),
        p95_s=find_percentile_s(good, 95),
        mean_s=float(good.mean()) if len(good) else None,
    )
