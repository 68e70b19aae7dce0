"""Write what is known of campaigns as metrics of Prometheus: names, units and types by its conventions.

https://prometheus.io/docs/practices/naming/. All numbers are in base units. Series without data are left out.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from harness.model import CampaignState, Limits, Status
from harness.model.live import LiveCampaign, LiveStep
from harness.model.metrics import CampaignFigures
from harness.report.view.text import clean_text, format_size


class _Gauge(NamedTuple):
    """A gauge: its labels, and what it means."""

    labels: tuple[str, ...]
    meaning: str


_CAMPAIGN, _CELL = ("campaign",), ("campaign", "cell")

SIZE_FIELDS: Mapping[str, tuple[str, str]] = {
    "harness_size_cpu_limit_cores": ("cpu_cores", "CPU limit of each container of the size."),
    "harness_size_memory_limit_bytes": ("memory_bytes", "Memory limit of each container of the size."),
    "harness_size_replicas": ("replicas", "Number of containers of the size."),
    "harness_size_sustained_users": ("sustained_users", "Highest number of users that passed."),
    "harness_size_broken_users": ("broken_users", "Lowest number of users that failed."),
    "harness_size_capacity_users": ("estimate_users", "Capacity, fitted to all windows."),
    "harness_size_capacity_low_users": ("estimate_low", "Lower end of the capacity's 95 % interval."),
    "harness_size_capacity_high_users": ("estimate_high", "Upper end of the capacity's 95 % interval."),
    "harness_size_precision_ratio": ("precision_ratio", "Precision that was reached."),
    "harness_size_requests_per_second": ("rps", "Good answers per second at the sustained users."),
    "harness_size_response_time_p95_seconds": ("p95_s", "Response time (p95) at the sustained users."),
    "harness_size_error_ratio": ("error_ratio", "Share of failed requests at the sustained users."),
    "harness_size_cpu_used_cores": ("cpu_used_cores", "CPU used by all containers at the sustained users."),
    "harness_size_throttled_ratio": ("throttled_ratio", "Share of throttled periods at the sustained users."),
    "harness_size_memory_peak_bytes": ("memory_peak_bytes", "Memory peak at the sustained users."),
    "harness_size_load_seconds": ("load_s", "How long there was load."),
}
"""Each number of a size: its field of `cells` in summary.json, and what it means."""

STEP_FIELDS: Mapping[str, tuple[str, str]] = {
    "harness_step_elapsed_seconds": ("at_s", "Since the users of the step in progress began to arrive."),
    "harness_step_active_users": ("users", "Active users of the step in progress."),
    "harness_step_requests_in_flight": ("in_flight", "Requests without an answer yet."),
    "harness_step_requests_per_second": ("rps", "Good answers per second, of the last ten seconds."),
    "harness_step_errors_per_second": ("errors_ps", "Failed requests per second, of the last ten seconds."),
    "harness_step_response_time_p50_seconds": ("p50_s", "Median response time of the last ten seconds."),
    "harness_step_response_time_p95_seconds": ("p95_s", "Response time (p95) of the last ten seconds."),
    "harness_step_cpu_used_cores": ("cpu_cores", "CPU used by all containers in the last five seconds."),
    "harness_step_memory_used_bytes": ("memory_bytes", "Memory used now, of the fullest container."),
}
"""Each number of the step in progress: its field of `LivePoint`, and what it means."""

_GAUGES: Mapping[str, _Gauge] = {
    "harness_campaign_read_success": _Gauge(_CAMPAIGN, "1 if the campaign's folder could be read."),
    "harness_campaign_info": _Gauge((*_CAMPAIGN, "target"), "The campaign."),
    "harness_campaign_state": _Gauge((*_CAMPAIGN, "state"), "1 for the state that the campaign is in."),
    "harness_campaign_start_time_seconds": _Gauge(_CAMPAIGN, "When it started, since the epoch."),
    "harness_campaign_limit_users": _Gauge(_CAMPAIGN, "No more users than this are tried."),
    "harness_size_info": _Gauge((*_CELL, "size", "variant", "engine", "limiting_factor"), "The size."),
    "harness_size_status": _Gauge((*_CELL, "status"), "1 for what is known of the size's capacity."),
    "harness_size_recommended": _Gauge(_CELL, "1 for the size to take for the campaign's users."),
    **{name: _Gauge(_CELL, meaning) for name, (_, meaning) in SIZE_FIELDS.items()},
    "harness_step_info": _Gauge((*_CELL, "purpose", "phase"), "The step in progress."),
    "harness_step_wanted_users": _Gauge(_CELL, "Users that the step in progress holds."),
    **{name: _Gauge(_CELL, meaning) for name, (_, meaning) in STEP_FIELDS.items()},
}

METRICS: Mapping[str, tuple[str, ...]] = {name: gauge.labels for name, gauge in _GAUGES.items()}
"""The labels of every metric that may be exposed; docs/observability.md lists the same."""


class _Sample(NamedTuple):
    """One sample: the name of its metric, the values of its labels, and its value."""

    name: str
    labels: tuple[str, ...]
    value: float


def build_metrics(campaigns: Iterable[CampaignFigures]) -> Iterator[Metric]:
    """Yield the metrics of campaigns that have different names, each with the samples of all of them."""
    families = {
        name: GaugeMetricFamily(name, gauge.meaning, labels=gauge.labels) for name, gauge in _GAUGES.items()
    }
    for figures in campaigns:
        for name, labels, value in _list_samples(figures):
            families[name].add_metric([clean_text(label) for label in labels], value)
    yield from (family for family in families.values() if family.samples)


def _list_samples(figures: CampaignFigures) -> Iterator[_Sample]:
    key = (figures.campaign,)
    yield _Sample("harness_campaign_read_success", key, 0.0 if figures.problem else 1.0)
    if figures.problem:
        return
    if figures.state is not None:
        for state in CampaignState:
            yield _Sample("harness_campaign_state", (*key, state), float(state is figures.state))
    with suppress(ValueError):  # an empty text, or a damaged one
        started_s = datetime.fromisoformat(figures.started_at).timestamp()
        yield _Sample("harness_campaign_start_time_seconds", key, started_s)
    summary = _add_running_sizes(figures.summary, figures.live)
    if summary:
        yield _Sample("harness_campaign_info", (*key, _get_text(summary, "target")), 1.0)
    if (limit := _get_number(summary, "users_limit")) is not None:
        yield _Sample("harness_campaign_limit_users", key, limit)
    yield from _list_size_samples(figures.campaign, summary)
    for cell_id, step in figures.steps.items():
        yield from _list_step_samples((figures.campaign, cell_id), step)


def _add_running_sizes(summary: Mapping[str, Any], live: LiveCampaign | None) -> Mapping[str, Any]:
    """Return summary.json with the sizes of a running campaign that it does not have yet.

    The two sizes of a comparison have no status: nobody searches their capacity.
    """
    if live is None:
        return summary
    known = {cell["id"] for cell in _list_cells(summary)}
    running = [
        {
            "id": size.id,
            **asdict(size.limits),
            **({"status": size.status.value} if live.comparison is None else {}),
            "sustained_users": size.sustained_users,
            "broken_users": size.broken_users,
        }
        for size in live.sizes
        if size.id not in known
    ]
    start = {"target": live.target, "users_limit": live.users_limit}
    return {**start, **summary, "cells": [*_list_cells(summary), *running]}


def _list_step_samples(key: tuple[str, str], step: LiveStep) -> Iterator[_Sample]:
    head, last = step.head, step.last
    begin = "starting" if head.users is None else "ramp"
    phase = begin if last is None else last.phase
    yield _Sample("harness_step_info", (*key, head.purpose, phase), 1.0)
    if head.users is not None:
        yield _Sample("harness_step_wanted_users", key, float(head.users))
    if last is not None:
        values = asdict(last)
        for name, (field, _) in STEP_FIELDS.items():
            if (value := _get_number(values, field)) is not None:
                yield _Sample(name, key, value)


def _list_size_samples(campaign: str, summary: Mapping[str, Any]) -> Iterator[_Sample]:
    take = summary.get("take")
    recommended = take.get("cell") if isinstance(take, Mapping) else None
    for cell in _list_cells(summary):
        key = (campaign, cell["id"])
        yield _Sample("harness_size_info", (*key, *_describe_cell(cell)), 1.0)
        if "status" in cell:
            for status in Status:
                yield _Sample("harness_size_status", (*key, status), float(cell["status"] == status))
            yield _Sample("harness_size_recommended", key, float(cell["id"] == recommended))
        for name, (field, _) in SIZE_FIELDS.items():
            if (value := _get_number(cell, field)) is not None:
                yield _Sample(name, key, value)


def _list_cells(summary: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the cells, each of another id."""
    cells = summary.get("cells")
    if not isinstance(cells, list):
        return ()
    named = [cell for cell in cells if isinstance(cell, Mapping) and isinstance(cell.get("id"), str)]
    return tuple({clean_text(cell["id"]): cell for cell in named}.values())


def _describe_cell(cell: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return size, variant, engine and limiting factor; empty where there is none."""
    cores, memory_bytes = _get_number(cell, "cpu_cores"), _get_number(cell, "memory_bytes")
    size = ""
    if cores is not None and memory_bytes is not None:
        size = format_size(Limits(cores, int(memory_bytes), int(_get_number(cell, "replicas") or 1)))
    return size, _get_text(cell, "variant"), _get_text(cell, "engine"), _get_text(cell, "limiting_factor")


def _get_text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _get_number(values: Mapping[str, Any], key: str) -> float | None:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e300:
        return None
    return float(value) if math.isfinite(value) else None
