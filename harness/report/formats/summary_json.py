"""Build summary.json, for other programs: harness/report/summary.schema.json is its contract."""

from collections.abc import Iterator
from typing import Any

from harness.model import (
    CampaignResult,
    CellResult,
    Cost,
    Curve,
    CurvePoint,
    Drift,
    HostSpeed,
    Limits,
    Repeatability,
    Slo,
    Soak,
    Status,
    StepResult,
    Tuning,
)
from harness.model.request_costs import RequestCost, RequestCosts
from harness.report.formats.summary_trials import build_trials
from harness.report.view.cell_text import write_remark
from harness.report.view.checks import describe_drift, describe_engine_comparison, name_engine
from harness.report.view.explanations import explain_evidence
from harness.report.view.scenario_errors import find_worst_tasks, name_error
from harness.report.view.text import clean_text, keep_finite

_FORMAT = 1


def build_summary(result: CampaignResult) -> dict[str, Any]:
    """Return a campaign's answer as plain JSON values; cells that are not done are left out."""
    costs = {cost.limits: cost for cost in result.costs}
    return {
        "format": _FORMAT,
        "campaign": clean_text(result.campaign),
        "target": clean_text(result.target),
        "state": result.state,
        "users_limit": result.users_limit,
        "slos": [_build_slo(slo) for slo in result.slos],
        "cells": [
            _build_cell(cell, costs.get(cell.cell.limits))
            for cell in result.cells
            if cell.status is not Status.RUNNING
        ],
        "drift": _build_drift(result.drift) if result.drift else None,
        "repetitions": [_build_repetitions(each) for each in result.repeatability],
        "currency": clean_text(result.price.currency) if result.price else None,
        "host_speed": _build_host_speed(result.host_speed) if result.host_speed else None,
        "engines": [_build_engine_comparison(each) for each in result.engine_comparisons],
        "take": _build_take(result),
        "tunings": [_build_tuning(each) for each in result.tunings],
        **build_trials(result.trials),
        "request_costs": _build_request_costs(result.request_costs) if result.request_costs else None,
    }


def _build_request_costs(costs: RequestCosts) -> dict[str, Any]:
    """Return what requests cost at the size to take, the largest share of the CPU time first."""
    return {
        "cell": clean_text(costs.result.cell.id),
        "users": costs.users,
        "mean_s": keep_finite(costs.mean_s),
        "idle_cores": keep_finite(costs.idle_cores),
        "load_s": round(keep_finite(costs.load_s) or 0.0, 3),
        "requests": [_build_request_cost(cost) for cost in costs.rows],
    }


def _build_request_cost(cost: RequestCost) -> dict[str, Any]:
    return {
        "names": [clean_text(name) for name in cost.names if name is not None],
        "kind": cost.kind.value,
        "failed": None in cost.names,
        "request_ratio": keep_finite(cost.request_ratio),
        "cpu_s": keep_finite(cost.cpu_s),
        "cpu_low_s": keep_finite(cost.low_s),
        "cpu_high_s": keep_finite(cost.high_s),
        "cpu_ratio": keep_finite(cost.cpu_ratio),
        "resolved": cost.is_resolved,
        "needed_s": keep_finite(cost.needed_s),
    }


def _build_take(result: CampaignResult) -> dict[str, Any] | None:
    """Return the size to take for the users limit; None if no size will do.

    `instead` is the cell of a smaller or cheaper size that sustains the users without the headroom.
    """
    sizing = result.sizing
    if sizing.recommended is None:
        return None
    margin, instead = sizing.margin, sizing.just_enough
    return {
        "cell": clean_text(sizing.recommended.cell.id),
        "users": sizing.users,
        "headroom_ratio": keep_finite(result.headroom_ratio),
        "keeps_headroom": sizing.keeps_headroom if sizing.knows_headroom else None,
        "capacity_users": keep_finite(margin.capacity_users) if margin else None,
        "predicted": margin.is_predicted if margin else None,
        "spare_cpu_ratio": keep_finite(margin.spare_cpu_ratio) if margin else None,
        "spare_memory_ratio": keep_finite(margin.spare_memory_ratio) if margin else None,
        "probability": keep_finite(margin.probability) if margin else None,
        "instead": clean_text(instead.cell.id) if instead else None,
    }


def _name_variant(limits: Limits) -> str | None:
    return clean_text(limits.variant) if limits.variant is not None else None


def _build_tuning(tuning: Tuning) -> dict[str, Any]:
    """Return what the choice of a variant is worth at one size: the ids of cells."""
    return {
        "cpu_cores": tuning.limits.cpu_cores,
        "memory_bytes": tuning.limits.memory_bytes,
        "replicas": tuning.limits.replicas,
        "best": clean_text(tuning.best.cell.id),
        "worst": clean_text(tuning.worst.cell.id),
        "differs": tuning.differs,
        "instead": clean_text(tuning.instead.cell.id) if tuning.instead else None,
    }


def _build_drift(drift: Drift) -> dict[str, Any]:
    return {
        "cell": clean_text(drift.cell.id),
        "users": drift.users,
        "verdict": drift.verdict.value,
        "drift_ratio": keep_finite(drift.cpu_per_request_ratio),
        "rps_ratio": keep_finite(drift.rps_ratio),
        "p95_ratio": keep_finite(drift.p95_ratio),
        "pace_ratio": keep_finite(drift.pace_ratio),
        "allowed_ratio": keep_finite(drift.allowed_ratio),
        "marked": drift.is_marked,
        "evidence": describe_drift(drift),
    }


def _build_host_speed(speed: HostSpeed) -> dict[str, Any]:
    return {
        "reference_work_s": keep_finite(speed.reference_work_s),
        "elasticity": keep_finite(speed.elasticity),
        "elasticity_sigma": keep_finite(speed.elasticity_sigma),
    }


def _build_engine_comparison(comparison: Drift) -> dict[str, Any]:
    return {
        "engine": name_engine(comparison.engine),
        "against": name_engine(comparison.against),
        "cpu_per_request_ratio": keep_finite(comparison.cpu_per_request_ratio),
        "allowed_ratio": keep_finite(comparison.allowed_ratio),
        "marked": comparison.is_marked,
        "evidence": describe_engine_comparison(comparison),
    }


def _build_repetitions(repeatability: Repeatability) -> dict[str, Any]:
    return {
        "cpu_cores": repeatability.limits.cpu_cores,
        "memory_bytes": repeatability.limits.memory_bytes,
        "replicas": repeatability.limits.replicas,
        "variant": _name_variant(repeatability.limits),
        "cells": [clean_text(cell.cell.id) for cell in repeatability.cells],
        "spread_ratio": keep_finite(repeatability.spread_ratio),
    }


def _build_slo(slo: Slo) -> dict[str, Any]:
    """Return an SLO; an SLO for all requests has no `request_name`."""
    request = {"request_name": clean_text(slo.request_name)} if slo.request_name else {}
    return {"indicator": clean_text(slo.indicator), "at_most": slo.at_most} | request


def _build_cell(result: CellResult, cost: Cost | None) -> dict[str, Any]:
    violated, at_reference = result.monotonicity_violation, result.at_reference
    return (
        {
            "id": clean_text(result.cell.id),
            "cpu_cores": result.cell.limits.cpu_cores,
            "memory_bytes": result.cell.limits.memory_bytes,
            "status": result.status.value,
            "sustained_users": result.sustained_users,
            "broken_users": result.broken_users,
            "estimate_users": keep_finite(result.estimate_users),
            "estimate_low": keep_finite(result.estimate_low),
            "estimate_high": keep_finite(result.estimate_high),
            "precision_ratio": keep_finite(result.precision_ratio),
            "asked_precision_ratio": keep_finite(result.asked_precision_ratio),
            "reference_users": keep_finite(at_reference.users) if at_reference else None,
            "reference_low": keep_finite(at_reference.low) if at_reference else None,
            "reference_high": keep_finite(at_reference.high) if at_reference else None,
            "slowdown_ratio": keep_finite(at_reference.slowdown_ratio) if at_reference else None,
            "limiting_factor": result.limiting_factor.value if result.limiting_factor else None,
            "evidence": clean_text(explain_evidence(result.evidence)),
            "rps": keep_finite(result.rps),
            "p95_s": keep_finite(result.p95_s),
            "error_ratio": keep_finite(result.error_ratio),
            "cpu_used_cores": keep_finite(result.cpu_used_cores),
            "throttled_ratio": keep_finite(result.throttled_ratio),
            "memory_peak_bytes": result.memory_peak_bytes,
            "steps": len(result.steps),
            "load_s": round(keep_finite(result.load_s) or 0.0, 3),
            "attempts": 1 if result.first is None else 2,
            "breach": clean_text(violated.id) if violated else None,
            "remark": write_remark(result),
            **_build_price(cost),
            **_build_run(result),
        }
        | _build_soak(result.soak)
        | _build_task_errors(result)
        | _build_curve(result.curve)
        | {"stalls": [row for step in result.steps for row in _build_stalls(step)]}
    )


def _build_run(result: CellResult) -> dict[str, Any]:
    """Return how a cell was run beside its limits, in keys of the cell."""
    return {
        "replicas": result.cell.limits.replicas,
        "engine": clean_text(result.engine or "") or None,
        "variant": _name_variant(result.cell.limits),
    }


def _build_price(cost: Cost | None) -> dict[str, Any]:
    """Return what a cell costs, in keys of the cell; None without prices."""
    return {
        "price_hour": cost.hour if cost else None,
        "price_hour_per_100_users": cost.hour_per_100_users if cost else None,
        "on_price_front": cost.is_on_front if cost else None,
    }


def _build_task_errors(result: CellResult) -> dict[str, Any]:
    """Return the largest share of tasks that raised exceptions, in keys of the cell; None if none did."""
    tasks = find_worst_tasks(result.steps)
    error = tasks.error if tasks is not None and tasks.unexplained_count else None
    return {
        "task_error_ratio": keep_finite(tasks.unexplained_ratio) if tasks is not None else None,
        "task_error": clean_text(name_error(error)) if error is not None else None,
    }


def _build_soak(soak: Soak | None) -> dict[str, Any]:
    """Return what a cell's soak has shown, in keys of the cell; None without a soak."""
    step = soak.step if soak is not None else None
    return {
        "soak_verdict": soak.verdict.value if soak is not None else None,
        "soak_users": soak.users if soak is not None else None,
        "soak_window_s": round(keep_finite(step.window_s) or 0.0, 3) if step is not None else None,
        "soak_p95_s": keep_finite(step.latency.p95_s) if step is not None else None,
        "soak_memory_peak_bytes": step.target.memory_peak_bytes if step is not None else None,
    }


def _build_curve(curve: Curve | None) -> dict[str, Any]:
    """Return a cell's curve over its users, in keys of the cell."""
    shape = curve.shape if curve is not None else None
    return {
        "shape": shape.value if shape is not None else None,
        "knee_users": keep_finite(curve.knee_users) if curve is not None else None,
        "curve": [build_curve_point(point) for point in curve.points] if curve is not None else [],
    }


def _build_stalls(step: StepResult) -> Iterator[dict[str, Any]]:
    """Yield for what work waited in a step's window: of the target, which has no name, then of companions."""
    uses = [(None, step.target.stalls), *((use.name, use.stalls) for use in step.companions)]
    for name, stalls in uses:
        yield {
            "step": step.index,
            "users": step.users,
            "verdict": step.verdict.value,
            "companion": None if name is None else clean_text(name),
            "cpu_ratio": keep_finite(stalls.cpu_ratio),
            "memory_ratio": keep_finite(stalls.memory_ratio),
            "io_ratio": keep_finite(stalls.io_ratio),
            "limit_hits": stalls.limit_hits,
            "reread_per_s": keep_finite(stalls.reread_per_s),
        }


def build_curve_point(point: CurvePoint) -> dict[str, Any]:
    """Return a point of a curve as plain JSON values."""
    memory_bytes = keep_finite(point.memory_bytes)
    return {
        "users": round(point.users, 1),
        "rps": keep_finite(point.rps),
        "p50_s": keep_finite(point.p50_s),
        "p95_s": keep_finite(point.p95_s),
        "error_ratio": keep_finite(point.error_ratio),
        "cpu_cores": keep_finite(point.cpu_cores),
        "throttled_ratio": keep_finite(point.throttled_ratio),
        "memory_bytes": None if memory_bytes is None else round(memory_bytes),
        "on_ramp": point.is_on_ramp,
    }
