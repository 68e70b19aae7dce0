"""Estimate what a size sustains at one speed of the host, from windows that were held at several.

For a size that the CPU stops, users times CPU time per request (N·D) is the CPU time that one cycle of all
users needs, and N·D / cores = Z + R whatever the host's speed (see `prediction`). So the windows of a cell
agree on the N·D at which the SLO breaks, although they disagree on the users. Divided by the D at one speed
of the host, it gives the users at that speed.

D rises with overload as well as with a slow host. The host's part is known from the *pace*: the CPU time of a
fixed piece of work, which no load of the target changes. How closely D follows the pace differs between
targets, and is fitted over all windows of the campaign. A size that a whole core of its own stops, which it
keeps busy although it has more, is one that the CPU stops. Sizes that memory or their other concurrency stops
have no such estimate, and neither have engines on other hosts.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, quantiles

from harness.analyse.intervals import NORMAL_975
from harness.analyse.search.capacity_estimate import (
    LogNormalEstimate,
    combine_estimates,
    estimate_from_slow_share,
    find_percentile_slo,
)
from harness.analyse.search.capacity_fit import estimate_variance_ratio
from harness.analyse.search.limit_shape import compare_steepness
from harness.model import (
    CampaignResult,
    CellResult,
    Factor,
    HostSpeed,
    Limits,
    ReferenceCapacity,
    Slo,
    Status,
    StepResult,
    Verdict,
)
from harness.model.cell_evidence import BrokeInSoak
from harness.model.evidence import OwnConcurrency

_ELASTICITY = 0.85
_ELASTICITY_SIGMA = 0.2
"""The elasticity of D before any window is known. Four kinds of work in Python beside the pace's arithmetic,
for a quarter of an hour on a shared virtual machine: JSON 0.91, SQL 0.87, strings 0.87, a walk through memory
0.62. The windows of the bundled shop gave 0.64.
"""

_DEMAND_SIGMA = 0.03
"""The standard deviation of ln D between windows at one load and one pace; more requests don't reduce it."""

_BUSY_RATIO = 0.8
"""A window near the capacity of a size that the CPU stops uses at least this share of its CPU quota."""

_SIMILAR_LOAD_RATIO = 0.5
"""Windows of a cell with at least this share of its most users tell how D follows the pace."""


@dataclass(frozen=True, slots=True)
class _Window:
    """A window's logarithms of its CPU time per request and of its pace, and the variance of the first."""

    log_demand: float
    demand_variance: float
    log_pace: float


def add_reference_capacities(result: CampaignResult) -> CampaignResult:
    """Return the result with the host's speed, and with the capacity of cells at that speed."""
    speed = find_host_speed(result.cells)
    if speed is None:
        return result
    cells = tuple(
        replace(cell, at_reference=estimate_at_reference(cell, result.slos, speed)) for cell in result.cells
    )
    return replace(result, cells=cells, host_speed=speed)


def find_host_speed(cells: Iterable[CellResult]) -> HostSpeed | None:
    """Return the campaign's reference speed and elasticity; None if no valid window has a pace."""
    return _fit_speed([_select_known(cell.steps) for cell in cells])


def find_common_speed(
    base: Iterable[CellResult], head: Iterable[CellResult], *, is_same_image: bool
) -> HostSpeed | None:
    """Return the speed at which two campaigns are compared; None if no valid window has a pace.

    Both campaigns tell how D follows the pace. If they ran the same image, no change of D between them is the
    target's, so windows of one size in both are compared with each other. Otherwise only windows of one
    campaign are: a version that needs more CPU time must not be taken for a slower host.
    """
    groups: dict[tuple[Limits, bool], list[StepResult]] = {}
    for is_head, cells in ((False, base), (True, head)):
        for cell in cells:
            key = (cell.cell.limits, is_head and not is_same_image)
            groups.setdefault(key, []).extend(_select_known(cell.steps))
    return _fit_speed(list(groups.values()))


def _fit_speed(groups: Sequence[Sequence[StepResult]]) -> HostSpeed | None:
    """Fit the speed to steps whose D and pace are known; those of a group need the same D at one speed."""
    paces_s = [step.host.work_s or 0.0 for steps in groups for step in steps]
    if not paces_s:
        return None
    fastest_s = quantiles(paces_s, n=10, method="inclusive")[0] if len(paces_s) > 1 else paces_s[0]
    elasticity, sigma = _fit_elasticity([_list_windows(_select_similar_load(steps)) for steps in groups])
    return HostSpeed(fastest_s, elasticity, sigma)


def estimate_at_reference(
    cell: CellResult, slos: Sequence[Slo], speed: HostSpeed
) -> ReferenceCapacity | None:
    """Return what a bracketed cell that the CPU stops sustains at the reference speed; None for any other.

    None too if the cell broke only in its soak, which its windows don't explain.
    """
    if isinstance(cell.evidence, BrokeInSoak):
        return None
    cores = _find_stopping_cores(cell)
    if cores is None or cell.status is not Status.BRACKETED:
        return None
    steps = [step for step in _select_known(cell.steps) if _is_busy(step, cores)]
    if not steps:
        return None
    windows = _list_windows(steps)
    around = math.sqrt((cell.sustained_users or 1) * (cell.broken_users or 1))
    steepness = compare_steepness(steps, around, estimate_variance_ratio(steps))
    by_shares = _fit_capacity(steps, windows, find_percentile_slo(slos), steepness)
    fitted = _choose_sharper(_read_estimate(cell), by_shares)
    if fitted is None:
        return None
    log_slowdown = fmean(window.log_pace for window in windows) - math.log(speed.reference_work_s)
    users = fitted.users * math.exp(speed.elasticity * log_slowdown)
    width = math.exp(NORMAL_975 * math.hypot(fitted.sigma, speed.elasticity_sigma * log_slowdown))
    return ReferenceCapacity(
        users=users,
        low=users / width,
        high=users * width,
        slowdown_ratio=users / fitted.users - 1,
        work_s=speed.reference_work_s * math.exp(log_slowdown),
        fitted_users=fitted.users,
        fitted_sigma=fitted.sigma,
    )


def _find_stopping_cores(cell: CellResult) -> float | None:
    """Return the cores that stop a cell: its quota, or those that its threads keep busy; None if none do."""
    limits, evidence = cell.cell.limits, cell.evidence
    if cell.limiting_factor is Factor.CPU:
        return limits.total_cores
    if isinstance(evidence, OwnConcurrency) and evidence.busy_cores is not None:
        return float(evidence.busy_cores * limits.replicas)
    return None


def _fit_capacity(
    steps: Sequence[StepResult], windows: Sequence[_Window], slo: Slo | None, steepness: float
) -> LogNormalEstimate | None:
    """Return the capacity in users at the mean D of these windows; None without slow shares.

    Each window estimates the N·D at which the SLO breaks. An error of D is multiplied first and divided
    afterwards, so it adds nothing to the standard deviation.
    """
    estimates = [
        LogNormalEstimate(estimate.users * math.exp(window.log_demand), estimate.sigma)
        for step, window in zip(steps, windows, strict=True)
        if (estimate := estimate_from_slow_share(step, slo, steepness)) is not None
    ]
    work = combine_estimates(estimates)
    if work is None:
        return None
    return replace(work, users=work.users / math.exp(fmean(window.log_demand for window in windows)))


def _choose_sharper(
    estimate: LogNormalEstimate | None, fitted: LogNormalEstimate | None
) -> LogNormalEstimate | None:
    """Return the more certain one of a cell's estimate and the capacity fitted to its slow shares.

    Slow shares alone tell little of a cell that broke by another SLO.
    """
    known = [each for each in (estimate, fitted) if each is not None]
    return min(known, key=lambda each: each.sigma, default=None)


def _read_estimate(cell: CellResult) -> LogNormalEstimate | None:
    """Return the estimate of a cell, whose interval is one of 95 %; None without one."""
    users, low, high = cell.estimate_users, cell.estimate_low, cell.estimate_high
    if users is None or low is None or high is None:
        return None
    return LogNormalEstimate(users, math.hypot(math.log(high / low) / (2 * NORMAL_975), _DEMAND_SIGMA))


def _fit_elasticity(groups: Iterable[Sequence[_Window]]) -> tuple[float, float]:
    """Return how ln D follows the ln of the pace within cells, and its standard deviation.

    It is the mean of the posterior: linear regression with one intercept for each cell, and the usual
    elasticity as a normal prior.
    """
    precision = _ELASTICITY_SIGMA**-2
    moment = precision * _ELASTICITY
    for windows in groups:
        weights = [1 / window.demand_variance for window in windows]
        paces = _centre([window.log_pace for window in windows], weights)
        demands = _centre([window.log_demand for window in windows], weights)
        precision += sum(w * p * p for w, p in zip(weights, paces, strict=True))
        moment += sum(w * p * d for w, p, d in zip(weights, paces, demands, strict=True))
    return min(max(moment / precision, 0.0), 1.0), precision**-0.5


def _centre(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the values less their weighted mean."""
    mean = fmean(values, weights) if values else 0.0
    return [value - mean for value in values]


def _select_known(steps: Iterable[StepResult]) -> list[StepResult]:
    """Return the valid steps whose CPU time per request and pace are known."""
    return [
        step
        for step in steps
        if step.verdict is not Verdict.INVALID and step.target.cpu_per_request_s and step.host.work_s
    ]


def _select_similar_load(steps: Sequence[StepResult]) -> list[StepResult]:
    most = max((step.users for step in steps), default=0)
    return [step for step in steps if step.users >= _SIMILAR_LOAD_RATIO * most]


def _is_busy(step: StepResult, cores: float) -> bool:
    return (step.target.cpu_cores or 0.0) >= _BUSY_RATIO * cores


def _list_windows(steps: Iterable[StepResult]) -> list[_Window]:
    return [
        _Window(
            math.log(step.target.cpu_per_request_s or 1.0),
            _DEMAND_SIGMA**2 + 1 / max(step.requests, 1),
            math.log(step.host.work_s or 1.0),
        )
        for step in steps
    ]
