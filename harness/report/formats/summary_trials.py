"""Build the part of summary.json that is about trials: bursts and soaks after the campaign."""

from typing import Any

from harness.model.trials import Burst, BurstPart, LongSoak, ResponseDrift, SoakMemory, Trials
from harness.report.view.text import clean_text, keep_finite
from harness.report.view.trials import describe_trial


def build_trials(trials: Trials) -> dict[str, Any]:
    """Return all bursts and all soaks, in the order in which they were held."""
    return {
        "bursts": [_build_burst(each) for each in trials.bursts],
        "soaks": [_build_soak(each) for each in trials.soaks],
    }


def _build_burst(burst: Burst) -> dict[str, Any]:
    return {
        "cell": clean_text(burst.cell.id),
        "started_at": clean_text(burst.started_at),
        "outcome": burst.outcome.value,
        "users": burst.users,
        "burst_users": burst.burst_users,
        "held_s": _round(burst.held_s),
        "steady_after_s": keep_finite(burst.steady_after_s),
        "watched_s": _round(burst.watched_s),
        "before": _build_part(burst.before),
        "during": _build_part(burst.during),
        "after": _build_part(burst.after),
        "doubtful": burst.doubt is not None,
        "evidence": describe_trial(burst),
    }


def _build_part(part: BurstPart | None) -> dict[str, Any] | None:
    if part is None:
        return None
    return {
        "requests": part.requests,
        "errors": part.errors,
        "rps": keep_finite(part.rps),
        "p95_s": keep_finite(part.p95_s),
        "worst_s": keep_finite(part.worst_s),
    }


def _build_soak(soak: LongSoak) -> dict[str, Any]:
    step = soak.step
    return {
        "cell": clean_text(soak.cell.id),
        "started_at": clean_text(soak.started_at),
        "verdict": step.verdict.value if step is not None else None,
        "users": soak.users,
        "window_s": _round(step.window_s) if step is not None else None,
        "memory": _build_memory(soak.memory),
        "p95_drift": _build_drift(soak.drift),
        "restarts": soak.restarts,
        "evidence": describe_trial(soak),
    }


def _build_memory(memory: SoakMemory | None) -> dict[str, Any] | None:
    if memory is None:
        return None
    low, high = memory.growth_interval
    return {
        "growth": memory.growth.value,
        "end_bytes": memory.end_bytes,
        "peak_bytes": memory.peak_bytes,
        "bytes_per_s": keep_finite(memory.growth_bytes_per_s),
        "bytes_per_s_low": keep_finite(low),
        "bytes_per_s_high": keep_finite(high),
        "lasts_s": keep_finite(memory.lasts_s),
        "lasts_at_least_s": keep_finite(memory.lasts_at_least_s),
    }


def _build_drift(drift: ResponseDrift | None) -> dict[str, Any] | None:
    if drift is None:
        return None
    return {
        "p95_s": keep_finite(drift.p95_s),
        "ratio": keep_finite(drift.ratio),
        "low": keep_finite(drift.interval[0]),
        "high": keep_finite(drift.interval[1]),
        "told": drift.is_told,
    }


def _round(seconds: float) -> float:
    return round(keep_finite(seconds) or 0.0, 3)
