"""summary.json: the contract that scripts may rely on; `summary.schema.json` beside this file says it too."""

from typing import Any

from harness.model import Agreement, CampaignResult, CellResult, Cost, Drift, Slo, Status
from harness.report.view.cell_text import remark
from harness.report.view.checks import drift_sentence, likeness
from harness.report.view.text import inert, known

FORMAT = 1


def summary_json(result: CampaignResult) -> dict[str, Any]:
    """The answer as plain JSON values. A cell that is not done is left out: there is no word for it."""
    costs = {cost.limits: cost for cost in result.costs}
    return {
        "format": FORMAT,
        "campaign": inert(result.campaign),
        "target": inert(result.target),
        "state": result.state,
        "users_limit": result.users_limit,
        "slos": [_slo(slo) for slo in result.slos],
        "cells": [
            _cell(cell, costs.get(cell.cell.limits))
            for cell in result.cells
            if cell.status is not Status.RUNNING
        ],
        "drift": _drift(result.drift) if result.drift else None,
        "repetitions": [_agreement(each) for each in result.agreements],
        "currency": inert(result.price.currency) if result.price else None,
        "engines": [_likeness(each) for each in result.others],
    }


def _drift(drift: Drift) -> dict[str, Any]:
    return {
        "cell": inert(drift.cell.id),
        "users": drift.users,
        "verdict": drift.verdict.value,
        "drift_ratio": known(drift.cpu_per_request_ratio),
        "rps_ratio": known(drift.rps_ratio),
        "p95_ratio": known(drift.p95_ratio),
        "allowed_ratio": known(drift.allowed_ratio),
        "marked": drift.is_marked,
        "evidence": drift_sentence(drift),
    }


def _likeness(other: Drift) -> dict[str, Any]:
    return {
        "engine": inert(other.engine),
        "against": inert(other.against),
        "cpu_per_request_ratio": known(other.cpu_per_request_ratio),
        "allowed_ratio": known(other.allowed_ratio),
        "marked": other.is_marked,
        "evidence": likeness(other),
    }


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "cpu_cores": agreement.limits.cpu_cores,
        "memory_bytes": agreement.limits.memory_bytes,
        "replicas": agreement.limits.replicas,
        "cells": [inert(cell.cell.id) for cell in agreement.cells],
        "spread_ratio": known(agreement.spread_ratio),
    }


def _slo(slo: Slo) -> dict[str, Any]:
    """`request_name` is there only where the SLO is for one request name."""
    named = {"request_name": inert(slo.request_name)} if slo.request_name else {}
    return {"indicator": inert(slo.indicator), "at_most": slo.at_most} | named


def _cell(result: CellResult, cost: Cost | None) -> dict[str, Any]:
    return {
        "id": inert(result.cell.id),
        "cpu_cores": result.cell.limits.cpu_cores,
        "memory_bytes": result.cell.limits.memory_bytes,
        "status": result.status.value,
        "sustained_users": result.sustained_users,
        "broken_users": result.broken_users,
        "estimate_users": known(result.estimate_users),
        "estimate_low": known(result.estimate_low),
        "estimate_high": known(result.estimate_high),
        "limiting_factor": result.limiting_factor.value if result.limiting_factor else None,
        "evidence": inert(result.evidence),
        "rps": known(result.rps),
        "p95_s": known(result.p95_s),
        "error_ratio": known(result.error_ratio),
        "cpu_used_cores": known(result.cpu_used_cores),
        "throttled_ratio": known(result.throttled_ratio),
        "memory_peak_bytes": result.memory_peak_bytes,
        "steps": len(result.steps),
        "load_s": round(known(result.load_s) or 0.0, 3),
        "attempts": 1 if result.first is None else 2,
        "breach": inert(result.breach.id) if result.breach else None,
        "remark": remark(result),
        "price_hour": cost.hour if cost else None,
        "price_hour_per_100_users": cost.hour_per_100_users if cost else None,
        "on_price_front": cost.on_front if cost else None,
        "replicas": result.cell.limits.replicas,
        "engine": inert(result.engine) or None,
    }
