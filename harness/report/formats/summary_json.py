"""Build summary.json, a contract for scripts that harness/report/summary.schema.json describes."""

from typing import Any

from harness.model import CampaignResult, CellResult, Cost, Drift, Repeatability, Slo, Status
from harness.report.view.cell_text import write_remark
from harness.report.view.checks import describe_drift, describe_engine_comparison
from harness.report.view.explanations import explain_evidence
from harness.report.view.text import clean_text, finite_or_none

_FORMAT = 1


def build_summary(result: CampaignResult) -> dict[str, Any]:
    """Return the answer as plain JSON values, without the cells that are not done."""
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
        "engines": [_build_engine_comparison(each) for each in result.engine_comparisons],
    }


def _build_drift(drift: Drift) -> dict[str, Any]:
    return {
        "cell": clean_text(drift.cell.id),
        "users": drift.users,
        "verdict": drift.verdict.value,
        "drift_ratio": finite_or_none(drift.cpu_per_request_ratio),
        "rps_ratio": finite_or_none(drift.rps_ratio),
        "p95_ratio": finite_or_none(drift.p95_ratio),
        "allowed_ratio": finite_or_none(drift.allowed_ratio),
        "marked": drift.is_marked,
        "evidence": describe_drift(drift),
    }


def _build_engine_comparison(other: Drift) -> dict[str, Any]:
    return {
        "engine": clean_text(other.engine or ""),
        "against": clean_text(other.against or ""),
        "cpu_per_request_ratio": finite_or_none(other.cpu_per_request_ratio),
        "allowed_ratio": finite_or_none(other.allowed_ratio),
        "marked": other.is_marked,
        "evidence": describe_engine_comparison(other),
    }


def _build_repetitions(repeatability: Repeatability) -> dict[str, Any]:
    return {
        "cpu_cores": repeatability.limits.cpu_cores,
        "memory_bytes": repeatability.limits.memory_bytes,
        "replicas": repeatability.limits.replicas,
        "cells": [clean_text(cell.cell.id) for cell in repeatability.cells],
        "spread_ratio": finite_or_none(repeatability.spread_ratio),
    }


def _build_slo(slo: Slo) -> dict[str, Any]:
    """Return an SLO; `request_name` is there only if the SLO is for one request name."""
    request = {"request_name": clean_text(slo.request_name)} if slo.request_name else {}
    return {"indicator": clean_text(slo.indicator), "at_most": slo.at_most} | request


def _build_cell(result: CellResult, cost: Cost | None) -> dict[str, Any]:
    violated = result.monotonicity_violation
    return {
        "id": clean_text(result.cell.id),
        "cpu_cores": result.cell.limits.cpu_cores,
        "memory_bytes": result.cell.limits.memory_bytes,
        "status": result.status.value,
        "sustained_users": result.sustained_users,
        "broken_users": result.broken_users,
        "estimate_users": finite_or_none(result.estimate_users),
        "estimate_low": finite_or_none(result.estimate_low),
        "estimate_high": finite_or_none(result.estimate_high),
        "limiting_factor": result.limiting_factor.value if result.limiting_factor else None,
        "evidence": clean_text(explain_evidence(result.evidence)),
        "rps": finite_or_none(result.rps),
        "p95_s": finite_or_none(result.p95_s),
        "error_ratio": finite_or_none(result.error_ratio),
        "cpu_used_cores": finite_or_none(result.cpu_used_cores),
        "throttled_ratio": finite_or_none(result.throttled_ratio),
        "memory_peak_bytes": result.memory_peak_bytes,
        "steps": len(result.steps),
        "load_s": round(finite_or_none(result.load_s) or 0.0, 3),
        "attempts": 1 if result.first is None else 2,
        "breach": clean_text(violated.id) if violated else None,
        "remark": write_remark(result),
        "price_hour": cost.hour if cost else None,
        "price_hour_per_100_users": cost.hour_per_100_users if cost else None,
        "on_price_front": cost.is_on_front if cost else None,
        "replicas": result.cell.limits.replicas,
        "engine": clean_text(result.engine or "") or None,
    }
