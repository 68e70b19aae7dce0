"""From the facts of a step to its result: a verdict, the rule behind it, and the numbers of its window."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from harness.analyse.search.belief import percentile_slo
from harness.analyse.step.slo import Light, Reading, read, settled, shortfall_ratio
from harness.analyse.step.usage import companion_use, cpu_use, host_use
from harness.analyse.step.validity import first_line, generator_use, spoiled, unexplained_ratio
from harness.analyse.step.warmup import is_warm
from harness.analyse.step.window import Window, cut, percentile_s
from harness.model import ANSWERED, EndReason, Judgement, NameStats, Slo, StepFacts, StepResult, Verdict

ENDINGS = {
    EndReason.TARGET_DIED: ("died", "the target's container ended under load"),
    EndReason.DEPENDENCY_DIED: ("dependency-died", "a companion's container ended under load"),
    EndReason.STALLED: ("stalled", "the target stopped answering"),
    EndReason.ALL_FAILED: ("all-failed", "the target answers nothing right"),
}

CONDEMNED_BY = 10
"""Requests of a window that all failed: no SLO is needed to say that this is no service."""


def judge(facts: StepFacts, slos: Sequence[Slo], light: Light | None = None) -> StepResult:
    """The step's result under these SLOs; `light` is the reference from the cell's lightest step, once there
    is one.
    """
    window = cut(facts, slowest_limit_s(slos))
    judgement = _verdict(facts, window, slos, light)
    return _result(facts, window, judgement, slos, light)


def enough(
    facts: StepFacts, slos: Sequence[Slo], light: Light | None, linger_s: float, precision_ratio: float
) -> bool:
    """Whether an unfinished window has already settled its verdict, as far as the precision asks for."""
    window = cut(facts, linger_s)
    if window is None or len(window.start_s) == 0:
        return False
    return settled([read(window, slo, light, precision_ratio) for slo in slos])


def slowest_limit_s(slos: Sequence[Slo]) -> float:
    """The longest that a request may take and still be fast; 0 without an SLO on response times."""
    return max((slo.at_most for slo in slos if slo.indicator[0] in "pm"), default=0.0)


def light_of(facts: StepFacts) -> Light | None:
    """What a step would give as the reference of others; None when it holds no answers, or is spoiled: half a
    generator would make a whole one look wrong.
    """
    window = cut(facts)
    if window is None or len(window.good) == 0 or spoiled(facts, window, None):
        return None
    return Light(facts.users, float(window.good.mean()), unexplained_ratio(window))


def fastest_tenth_s(facts: StepFacts) -> float | None:
    """The response time that a tenth of a step's answers kept: near the light one, whatever queue the others
    met. None when it holds no answers.
    """
    window = cut(facts)
    return percentile_s(window.good, 10) if window else None


def _verdict(facts: StepFacts, window: Window | None, slos: Sequence[Slo], light: Light | None) -> Judgement:
    if facts.ended in ENDINGS:
        rule, words = ENDINGS[facts.ended]
        return Judgement(Verdict.FAIL, rule, f"{words} ({first_line(facts.note)})")
    broken = spoiled(facts, window, light)
    if broken is not None:
        return Judgement(Verdict.INVALID, *broken)
    if window is None or len(window.start_s) == 0:
        return Judgement(Verdict.INVALID, "no-data", "no request started within the window")
    judgement = _by_slos([read(window, slo, light) for slo in slos])
    if judgement.verdict is Verdict.INVALID and window.failed.all() and len(window.failed) >= CONDEMNED_BY:
        kind, count = max(window.errors.items(), key=lambda item: item[1], default=("no answer", 0))
        words = f"{ENDINGS[EndReason.ALL_FAILED][1]} ({first_line(kind)}, {count} times)"
        return Judgement(Verdict.FAIL, "all-failed", words)
    return judgement


def _by_slos(readings: Sequence[Reading]) -> Judgement:
    for reading in readings:
        if reading.value is not None and not reading.holds:
            return Judgement(Verdict.FAIL, rule_name(reading.slo), _reason(reading))
    for reading in readings:
        if not reading.holds:
            rule = rule_name(reading.slo)
            remedy = "allow a longer window (steps.window.at_most)"
            return Judgement(Verdict.INVALID, rule, f"too few requests to tell {rule}; {remedy}")
    kept = "; ".join(_reason(reading) for reading in readings if reading.value is not None)
    return Judgement(Verdict.PASS, "slos", kept)


def rule_name(slo: Slo) -> str:
    return f"{slo.indicator} of {slo.request_name}" if slo.request_name else slo.indicator


def _reason(reading: Reading) -> str:
    """Such as "p95 1.204 s > 1 s": response times exact to the millisecond."""
    slo, value = reading.slo, reading.value
    assert value is not None
    sign = "≤" if reading.holds else ">"
    if slo.indicator in ("errors", "shortfall", "drift"):
        return f"{rule_name(slo)} {value * 100:.1f} % {sign} {slo.at_most * 100:.3g} %"
    return f"{rule_name(slo)} {value:.3f} s {sign} {slo.at_most:g} s"


def _result(
    facts: StepFacts, window: Window | None, judgement: Judgement, slos: Sequence[Slo], light: Light | None
) -> StepResult:
    from_s, to_s = (window.from_s, window.to_s) if window else (facts.ramp_from_s, facts.ended_s)
    good = window.good if window else np.empty(0)
    cpu_cores, cpu_per_request_s, throttled = _cpu(facts, from_s, to_s, window)
    return StepResult(
        index=facts.index,
        life=facts.life,
        users=facts.users,
        users_reached=max((sample.users for sample in facts.generator), default=0),
        **_settling(facts),
        verdict=judgement.verdict,
        rule=judgement.rule,
        reason=judgement.reason,
        window_s=window.length_s if window else 0.0,
        load_s=facts.ended_s - facts.ramp_from_s,
        requests=len(window.start_s) if window else 0,
        rps=len(good) / window.length_s if window and window.length_s > 0 else None,
        mean_s=float(good.mean()) if len(good) else None,
        p50_s=percentile_s(good, 50),
        p95_s=percentile_s(good, 95),
        p99_s=percentile_s(good, 99),
        slow_ratio=_slow_ratio(good, slos),
        error_ratio=float(window.failed.mean()) if window and len(window.failed) else None,
        shortfall_ratio=shortfall_ratio(window, light) if window and light and window.length_s > 0 else None,
        errors=window.errors if window else {},
        **_failures(facts),
        by_name=_by_name(window) if window else (),
        cpu_used_cores=cpu_cores,
        cpu_per_request_s=cpu_per_request_s,
        throttled_ratio=throttled,
        memory_peak_bytes=_memory_peak(facts),
        **_generator(facts, window),
        think_s=_think_s(facts, from_s, to_s),
        little_residual_ratio=unexplained_ratio(window) if window and window.length_s > 0 else None,
        **asdict(host_use(facts, from_s, to_s)),
        companions=companion_use(facts, from_s, to_s),
        oom=_ran_out_of_memory(facts),
    )


def _ran_out_of_memory(facts: StepFacts) -> bool:
    told = facts.ended is EndReason.TARGET_DIED and "out of memory" in facts.note
    return told or any(event.kind == "oom" for event in facts.events)


def _settling(facts: StepFacts) -> dict[str, Any]:
    """How long the load was on before the window began, and whether the target was warm by then."""
    if facts.settle_from_s is None or facts.window_from_s is None:
        return {}
    before = tuple(sample for sample in facts.target if sample.at_s <= facts.window_from_s)
    return {
        "settle_s": facts.window_from_s - facts.settle_from_s,
        "was_warm": is_warm(replace(facts, target=before)),
    }


def _failures(facts: StepFacts) -> dict[str, Any]:
    """When the step's first failed request began, counted from its ramp, and how long they took (median)."""
    failed = facts.requests.error != ANSWERED
    if not failed.any():
        return {}
    return {
        "first_error_s": float(facts.requests.start_s[failed].min()) - facts.ramp_from_s,
        "error_latency_s": float(np.median(facts.requests.latency_s[failed])),
    }


def _generator(facts: StepFacts, window: Window | None) -> dict[str, Any]:
    """The generator's part of a result; nothing is said of it without a window."""
    use = generator_use(facts, window.from_s, window.to_s) if window else None
    return {
        "generator_cpu_ratio": use.cpu_ratio if use else None,
        "generator_cores": use.cores if use else None,
        "generator_workers": use.workers if use else 1,
        "loop_lag_s": use.loop_lag_s if use else None,
        "clock_error_s": use.clock_error_s if use else 0.0,
    }


def _slow_ratio(good: np.ndarray, slos: Sequence[Slo]) -> float | None:
    slo = percentile_slo(slos)
    return float((good > slo.at_most).mean()) if slo is not None and len(good) else None


def _cpu(
    facts: StepFacts, from_s: float, to_s: float, window: Window | None
) -> tuple[float | None, float | None, float | None]:
    """Cores used, CPU seconds a request (utilisation law) and the share of throttled periods, from the
    counters.
    """
    cores, throttled = cpu_use(facts.target, from_s, to_s)
    rate = len(window.start_s) / window.length_s if window and window.length_s > 0 else 0.0
    return cores, cores / rate if cores is not None and rate > 0 else None, throttled


def _memory_peak(facts: StepFacts) -> int | None:
    """The highest working set seen in the whole step (the engine's own peak also counts pages that it could
    drop).
    """
    return max((sample.working_set_bytes for sample in facts.target), default=None)


def _think_s(facts: StepFacts, from_s: float, to_s: float) -> float | None:
    inside = (facts.thinks.start_s >= from_s) & (facts.thinks.start_s < to_s)
    return float(facts.thinks.planned_s[inside].mean()) if inside.any() else None


def _by_name(window: Window) -> tuple[NameStats, ...]:
    return tuple(_name_stats(window, number) for number in np.unique(window.name))


def _name_stats(window: Window, number: int) -> NameStats:
    mask = window.name == number
    good = window.response_s[mask & ~window.failed]
    return NameStats(
        name=window.names[number],
        requests=int(mask.sum()),
        errors=int(window.failed[mask].sum()),
        p50_s=percentile_s(good, 50),
        p95_s=percentile_s(good, 95),
        mean_s=float(good.mean()) if len(good) else None,
    )
