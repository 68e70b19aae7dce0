"""Judge the facts of a step: its verdict, the rule that gave the verdict, and the numbers of its window."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from harness.analyse.search.capacity_estimate import find_percentile_slo, find_shortfall_limit
from harness.analyse.search.rare_requests import count_fewest_requests
from harness.analyse.step.baseline import Baseline, choose_baseline, find_baseline_step
from harness.analyse.step.cycle import measure_cycle_s, summarize_pauses
from harness.analyse.step.failed_requests import check_failed_requests, count_window_failures
from harness.analyse.step.idle_users import check_idle_users
from harness.analyse.step.littles_law import (
    check_unreported_time,
    compute_residual_ratio,
    compute_wait_ratio,
)
from harness.analyse.step.memory_kills import check_killed_process
from harness.analyse.step.memory_trend import assess_memory, find_filling_companions
from harness.analyse.step.not_asked import check_target_asked
from harness.analyse.step.request_names import find_failures_at_start, summarize_names
from harness.analyse.step.scenario_errors import (
    blame_others,
    check_scenario_errors,
    does_failure_stand,
    explain_silence,
    summarize_tasks,
)
from harness.analyse.step.shortfall_gap import find_baseline_gap, find_shortfall_gap
from harness.analyse.step.slo import evaluate_slo, find_shortfall_ratio, is_settled
from harness.analyse.step.slow_shares import summarize_further_shares, summarize_latency
from harness.analyse.step.sound_part import is_recovering, select_latest_part, select_sound_part
from harness.analyse.step.steady import check_memory_growth
from harness.analyse.step.step_memo import StepMemo
from harness.analyse.step.usage import (
    compute_seen_ratio,
    find_most_bytes,
    find_most_own_bytes,
    measure_bytes_per_request,
    summarize_companions,
    summarize_cpu,
    summarize_generator,
    summarize_host,
    summarize_stalls,
)
from harness.analyse.step.validity import (
    check_full_host,
    check_host_memory,
    is_out_of_memory,
    judge_validity,
)
from harness.analyse.step.warmup import summarize_settling
from harness.analyse.step.window import Window, cut_window
from harness.model import (
    ANSWERED,
    EndReason,
    Failures,
    GeneratorUse,
    IndicatorKind,
    Judgement,
    Latency,
    Limits,
    Plan,
    Rule,
    Slo,
    Step,
    StepFacts,
    StepResult,
    TargetUse,
    Timing,
    Verdict,
    find_commonest_failure,
    is_same_request,
)
from harness.model.evidence import (
    EndedStep,
    EveryRequestFailed,
    SloBroken,
    SloEvaluation,
    SlosHold,
)
from harness.model.rare_requests import TooFewRequests

_DEFAULT_TIMING = Timing()
_RESULTS: StepMemo[StepResult] = StepMemo()

_ENDINGS = {
    EndReason.TARGET_DIED: Rule.DIED,
    EndReason.DEPENDENCY_DIED: Rule.DEPENDENCY_DIED,
    EndReason.STALLED: Rule.STALLED,
    EndReason.ALL_FAILED: Rule.ALL_FAILED,
}


def judge_steps(
    steps: Sequence[StepFacts],
    slos: Sequence[Slo],
    borrowed: Baseline | None = None,
    limits: Limits | None = None,
    timing: Timing = _DEFAULT_TIMING,
) -> tuple[StepResult, ...]:
    """Return the results of a cell's steps under these SLOs, in the order of `steps`.

    All are compared with one baseline: the cell's own, or a lighter one that is `borrowed` from another size.
    The step that is itself the baseline is compared with none, so it has no shortfall. `limits` are the
    cell's, `timing` is the plan's.
    """
    baseline = choose_baseline(steps, borrowed, limits)

    def judge(facts: StepFacts, baseline: Baseline | None) -> StepResult:
        by = (tuple(slos), baseline, limits, timing)
        return _RESULTS.compute_once(facts, by, lambda: judge_step(facts, *by))

    if baseline is None or baseline.is_borrowed:
        return tuple(judge(facts, baseline) for facts in steps)
    own, gap = find_baseline_step(steps, limits), find_baseline_gap(baseline, slos)
    return tuple(
        replace(judge(facts, None), shortfall_gap=gap) if facts is own else judge(facts, baseline)
        for facts in steps
    )


def judge_step(
    facts: StepFacts,
    slos: Sequence[Slo],
    baseline: Baseline | None = None,
    limits: Limits | None = None,
    timing: Timing = _DEFAULT_TIMING,
) -> StepResult:
    """Return the step's result under these SLOs.

    If generator or host were disturbed for a part of the window, the rest is judged if it is long enough. The
    memory is that of the whole step: no disturbance makes a target need more of it. If it became short, the
    latest part of the window must pass too. Without a baseline no shortfall is judged. Without the target's
    `limits` the rules on a full host, on the host's memory and on the target's memory are not checked.
    """
    limit_s, trend = _find_slowest_limit_s(slos), None
    if limits is not None:
        trend = assess_memory(facts, limits.memory_bytes, timing.horizon_s, limits.replicas)
    filling = find_filling_companions(facts, timing)
    growth = check_memory_growth(facts, trend, limits, timing)
    is_slowed = trend is not None and trend.slows_requests and growth is None and timing.steady_at_most_s > 0
    whole, settling = cut_window(facts, limit_s), summarize_settling(facts)
    facts = select_sound_part(facts, slos, limit_s)
    sound = cut_window(facts, limit_s)
    facts, window, judgement = _judge_window(facts, slos, baseline, limits, is_slowed=is_slowed)
    if judgement.verdict is Verdict.PASS:
        judgement = growth or judgement
    result = _build_result(facts, window, judgement, slos, baseline)
    return replace(
        result,
        memory=trend,
        settling=settling,
        before_short_s=_compute_cut_s(sound, window),
        host=replace(result.host, left_out_s=_compute_cut_s(whole, sound)),
        companions=tuple(replace(use, filling=filling.get(use.name)) for use in result.companions),
    )


def _judge_window(
    facts: StepFacts,
    slos: Sequence[Slo],
    baseline: Baseline | None,
    limits: Limits | None,
    *,
    is_slowed: bool,
) -> tuple[StepFacts, Window | None, Judgement]:
    """Judge the window, or its latest part if only that fails and memory slowed requests; return it too."""
    limit_s = _find_slowest_limit_s(slos)
    window = cut_window(facts, limit_s)
    judgement = _judge(facts, window, slos, baseline, limits)
    late = select_latest_part(facts, limit_s) if is_slowed and judgement.verdict is Verdict.PASS else None
    if late is not None:
        late_window = cut_window(late, limit_s)
        late_judgement = _judge(late, late_window, slos, baseline, limits)
        if late_judgement.verdict is Verdict.FAIL:
            return late, late_window, late_judgement
    return facts, window, judgement


def _compute_cut_s(before: Window | None, after: Window | None) -> float:
    """Return how many seconds of a window were cut off."""
    return before.length_s - after.length_s if before and after else 0.0


def build_settled_predicate(plan: Plan, step: Step, baseline: Baseline | None) -> Callable[[StepFacts], bool]:
    """Return a predicate that is true once the facts so far settle the verdict of the step.

    A step below the users limit is a light one if it is to become the baseline: if there is none yet, or only
    one of more users that is not light.
    """
    is_reference = baseline is None or (not baseline.is_light and step.users < baseline.users)
    is_light = is_reference and step.users < plan.users_limit
    return lambda facts: is_verdict_settled(
        facts,
        plan.slos,
        baseline,
        step.timing.drain_s,
        step.choose_precision(plan.search),
        is_light=is_light,
    )


def is_verdict_settled(
    facts: StepFacts,
    slos: Sequence[Slo],
    baseline: Baseline | None,
    drain_s: float,
    precision_ratio: float,
    *,
    is_light: bool = False,
) -> bool:
    """Return True if a longer window would not change the verdict, within the precision.

    `facts` are those of a step that is still in its window. Requests of its last `drain_s` are left out,
    because they may still be answered. Once the kernel has killed a process for lack of memory, the verdict
    is sure. A light step (`is_light`) is to become the baseline of others, so its window does not wait for
    SLOs that have too few requests. After a disturbance the window goes on until the rest is long enough to
    be judged.
    """
    if check_killed_process(facts) is not None:
        return True
    window = cut_window(select_sound_part(facts, slos, drain_s), drain_s)
    if window is None or len(window.start_s) == 0 or is_recovering(facts, slos, drain_s):
        return False
    evaluations = [evaluate_slo(window, slo, baseline, precision_ratio, is_light=is_light) for slo in slos]
    return is_settled([each for each in evaluations if not (is_light and _lacks_requests(each))])


def _lacks_requests(evaluation: SloEvaluation) -> bool:
    """Return True if the SLO has no value yet, or if no request failed but they are too few to settle it."""
    if evaluation.value is None:
        return not evaluation.holds
    is_errors = evaluation.slo.kind in (IndicatorKind.ERRORS, IndicatorKind.ADDED_ERRORS)
    is_clean = is_errors and evaluation.value == 0
    return is_clean and not evaluation.is_settled


def _find_slowest_limit_s(slos: Sequence[Slo]) -> float:
    """Return the longest response time that any SLO allows; 0 without an SLO on response times."""
    return max((slo.at_most for slo in slos if slo.is_response_time), default=0.0)


def _judge(
    facts: StepFacts,
    window: Window | None,
    slos: Sequence[Slo],
    baseline: Baseline | None,
    limits: Limits | None,
) -> Judgement:
    usual = baseline.usual_loss if baseline else None
    invalid = judge_validity(facts, window, usual, slos, limits)
    killed = _check_own_kill(facts, limits)
    if invalid is not None:
        return killed or blame_others(invalid, facts, window, slos) or invalid
    if facts.end_reason is EndReason.ALL_FAILED and (failure := find_commonest_failure(facts.requests)):
        all_failed = Judgement(Rule.ALL_FAILED, EveryRequestFailed(failure.error, failure.count, failure))
        return check_target_asked(facts, facts.ramp_from_s, facts.ended_s) or all_failed
    if facts.end_reason in _ENDINGS:
        return Judgement(_ENDINGS[facts.end_reason], EndedStep(facts.note))
    raised = check_scenario_errors(facts, window)
    if window is None or len(window.start_s) == 0:
        unreported = check_unreported_time(facts, window, slos) if window else None
        return killed or raised or unreported or explain_silence(facts, window)
    evaluations = [evaluate_slo(window, slo, baseline) for slo in slos]
    judgement = _judge_slos(evaluations, window)
    if judgement.rule is Rule.TOO_FEW_REQUESTS:
        unknown = [each.slo for each in evaluations if each.value is None and not each.holds]
        if (failed := check_failed_requests(facts, window, unknown)) is not None:
            return failed
    if raised is not None and not does_failure_stand(judgement, has_baseline=baseline is not None):
        return killed or raised
    if judgement.verdict is Verdict.FAIL:
        full = check_full_host(facts, window.from_s, window.to_s, limits)
        return judgement if full is None else killed or full
    lost = killed or check_idle_users(facts, window, slos)
    return lost or check_unreported_time(facts, window, slos) or judgement


def _check_own_kill(facts: StepFacts, limits: Limits | None) -> Judgement | None:
    """Judge a held step in which the kernel killed a process for lack of a container's memory: it fails.

    It does so whatever else ran on the host, because no other program can cause this. None without such a
    kill.
    """
    if facts.end_reason is not EndReason.HELD or check_host_memory(facts, limits) is not None:
        return None
    return check_killed_process(facts)


def _judge_slos(evaluations: Sequence[SloEvaluation], window: Window) -> Judgement:
    for each in evaluations:
        if each.value is not None and not each.holds:
            return Judgement(Rule.SLO_BROKEN, SloBroken(each))
    for each in evaluations:
        if not each.holds:
            return Judgement(Rule.TOO_FEW_REQUESTS, _build_too_few(each.slo, window))
    return Judgement(Rule.SLOS_HOLD, SlosHold(tuple(each for each in evaluations if each.value is not None)))


def _build_too_few(slo: Slo, window: Window) -> TooFewRequests:
    own = window.select_request_name(slo.request_name) if slo.request_name else window
    seen = tuple(window.names[index] for index in np.unique(window.name))
    has_name = slo.request_name is None or any(is_same_request(slo.request_name, name) for name in seen)
    return TooFewRequests(
        slo,
        len(own.good),
        count_fewest_requests(slo),
        window.users,
        window.length_s,
        len(window.start_s),
        () if has_name else seen,
        failed=int(own.failed.sum()),
    )


def _build_result(
    facts: StepFacts,
    window: Window | None,
    judgement: Judgement,
    slos: Sequence[Slo],
    baseline: Baseline | None,
) -> StepResult:
    from_s, to_s = (window.from_s, window.to_s) if window else (facts.ramp_from_s, facts.ended_s)
    think_s, think_spread_ratio = summarize_pauses(facts, from_s, to_s)
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
        latency=summarize_latency(window, find_percentile_slo(slos)) if window else Latency(),
        further_shares=summarize_further_shares(window, slos) if window else (),
        failures=_summarize_failures(facts, window),
        target=_summarize_target(facts, from_s, to_s, nonempty),
        generator=_summarize_generator(facts, window),
        host=summarize_host(facts, from_s, to_s),
        companions=summarize_companions(facts, from_s, to_s),
        shortfall_ratio=find_shortfall_ratio(nonempty, baseline, find_shortfall_limit(slos))
        if nonempty
        else None,
        shortfall_gap=find_shortfall_gap(nonempty, baseline, slos) if nonempty else None,
        wait_ratio=compute_wait_ratio(nonempty) if nonempty else None,
        unexplained_ratio=compute_residual_ratio(nonempty) if nonempty else None,
        think_s=think_s,
        think_spread_ratio=think_spread_ratio,
        users_reached=max((sample.users for sample in facts.generator), default=0),
        by_name=summarize_names(facts, window) if window else (),
        cycle_s=measure_cycle_s(facts, _find_slowest_limit_s(slos)) or None,
        tasks=summarize_tasks(facts, from_s, to_s),
    )


def _summarize_generator(facts: StepFacts, window: Window | None) -> GeneratorUse:
    if window is None or window.length_s <= 0:
        return GeneratorUse()
    use = summarize_generator(facts, window.from_s, window.to_s)
    return replace(use, seen_ratio=compute_seen_ratio(facts, window))


def _summarize_failures(facts: StepFacts, window: Window | None) -> Failures:
    failed = facts.requests.error != ANSWERED
    first_s = float(facts.requests.start_s[failed].min()) - facts.ramp_from_s if failed.any() else None
    latency_s = float(np.median(facts.requests.latency_s[failed])) if failed.any() else None
    return Failures(
        ratio=float(window.failed.mean()) if window and len(window.failed) else None,
        counts=window.errors if window else {},
        by_name=count_window_failures(facts, window),
        at_start=find_failures_at_start(facts, window) if window else (),
        first_after_s=first_s,
        median_latency_s=latency_s,
    )


def _summarize_target(facts: StepFacts, from_s: float, to_s: float, window: Window | None) -> TargetUse:
    cores, throttled = summarize_cpu(facts.target, from_s, to_s)
    rate = len(window.start_s) / window.length_s if window else 0.0
    return TargetUse(
        cpu_cores=cores,
        cpu_per_request_s=cores / rate if cores is not None and rate > 0 else None,
        bytes_per_request=measure_bytes_per_request(facts.target, from_s, to_s, rate),
        throttled_ratio=throttled,
        memory_peak_bytes=find_most_bytes(facts.target),
        own_memory_peak_bytes=find_most_own_bytes(facts.target),
        is_out_of_memory=is_out_of_memory(facts),
        stalls=summarize_stalls(facts.target, from_s, to_s),
    )
