"""Tell what a request of each name costs at a size, from all windows and ramps of the campaign.

How many times as much one name costs as another is taken to be the same at all sizes of a variant, so their
steps are fitted together (see `cost_regression`). How much all of them cost is not: a size that has less
memory, or a host that is slower, needs more CPU time for everything. So the CPU time of each step is first
brought to the pace of the size's own steps, as in `host_speed`, and then that of each other size to the level
of the size. Steps that are INVALID, or in which the target died, stalled or was so short of memory that the
kernel used its CPU time, do not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from harness.analyse.result.cost_regression import (
    BLOCK_S,
    Columns,
    CostFit,
    Numbers,
    Slices,
    find_inseparable,
    fit_costs,
    weigh_steps,
)
from harness.analyse.step.memory_shortage import find_memory_shortage
from harness.model import CampaignResult, CellResult, HostSpeed, Limits, Rule, StepResult, Verdict
from harness.model.request_costs import CostKind, RequestCost, RequestCosts
from harness.model.request_slices import RequestSlices

FEWEST_REQUESTS = 20
"""Names with fewer requests are rare: they have one cost together."""

MOST_NAMES = 30
_SLICES_PER_NAME = 10
_BLOCKS_PER_NAME = 5
_LEVEL_ROUNDS = 5
_FEWEST_SLICES = 5

RESOLVED_RATIO = 0.25
"""A cost is resolved if half of its interval is at most this share of it, or of an average request's cost.

How far the levels of steps differ does not count: all costs share it, so the names can be told apart.
"""

_AT_ALL_USERS = 0.9
_LEVEL_SIGMA = 0.03
"""The standard deviation of the level of a single step: container runs on one host differ by so much."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A step with its slices, and the number of its size."""

    result: StepResult
    slices: RequestSlices
    size: int


@dataclass(frozen=True, slots=True)
class _Group:
    """Names that have one cost: their indexes."""

    names: list[int]
    kind: CostKind


def add_request_costs(result: CampaignResult) -> CampaignResult:
    """Return the campaign with what requests cost at the size to take, if there is one and its steps tell."""
    chosen = result.sizing.recommended
    if chosen is None:
        return result
    return replace(result, request_costs=assess_request_costs(result, chosen))


def assess_request_costs(campaign: CampaignResult, chosen: CellResult) -> RequestCosts | None:
    """Return what requests cost at a size; None if it has no valid step, or if its slices are too few."""
    steps = _list_steps(campaign, chosen)
    own = [step for step in steps if step.size == 0]
    names = tuple(dict.fromkeys(name for step in steps for name in step.slices.names))
    if not own or not names:
        return None
    slices = _build_slices(steps, names, campaign.host_speed)
    size = np.array([step.size for step in steps], dtype=np.intp)
    if len(slices.cpu_s) < _FEWEST_SLICES:
        return None
    groups = _group_names(slices)
    joined = slices.join([group.names for group in groups])
    fitted = _fit_levels(joined, size)
    if fitted is None:
        return None
    fit, levels = fitted
    costs = _Costs(
        names=names,
        groups=groups,
        fit=fit,
        level_variance=_measure_level_variance(levels, size),
        requests=slices.counts.sum(axis=0),
        load_s=float(slices.length_s.sum()),
        load=_measure_load(own, names),
    )
    return _build_costs(chosen, costs, len(slices.cpu_s))


def _list_steps(campaign: CampaignResult, chosen: CellResult) -> list[_Step]:
    """Return the valid steps of all sizes of the variant, soaks included; those of the chosen size are 0."""
    others = [
        each
        for each in campaign.cells
        if each.cell.id != chosen.cell.id and each.cell.limits.variant == chosen.cell.limits.variant
    ]
    return [
        _Step(step, step.slices, number)
        for number, cell in enumerate((chosen, *others))
        for step in (*cell.steps, cell.soak.step if cell.soak is not None else None)
        if step is not None and step.slices is not None and _is_valid(step, cell.cell.limits)
    ]


def _is_valid(step: StepResult, limits: Limits) -> bool:
    use = step.target
    shortage = find_memory_shortage(use.stalls, limits.memory_bytes, use.memory_peak_bytes, limits.replicas)
    is_judged = step.verdict is Verdict.PASS or step.rule in (Rule.SLO_BROKEN, Rule.MEMORY_GROWS)
    return is_judged and (shortage is None or not shortage.slows_requests)


def _build_slices(steps: Sequence[_Step], names: tuple[str | None, ...], speed: HostSpeed | None) -> Slices:
    """Return the slices of all steps below one another, at the mean pace of the chosen size's steps."""
    rates = _find_slowdowns(steps, speed)
    numbers = np.concatenate([np.full(len(s.slices.cpu_s), n) for n, s in enumerate(steps)]).astype(np.intp)
    length_s = np.concatenate([step.slices.length_s for step in steps])
    return Slices(
        cpu_s=np.concatenate([step.slices.cpu_s for step in steps]) / rates[numbers],
        length_s=length_s,
        users=np.concatenate([step.slices.users for step in steps]),
        counts=np.concatenate([_spread(s.slices.counts, s.slices.names, names) for s in steps]),
        starts=np.concatenate([_spread(s.slices.starts, s.slices.names, names) for s in steps]),
        step=numbers,
        block=_number_blocks(numbers, length_s),
        overlaps=np.array([step.slices.overlaps for step in steps])[numbers],
    )


def _spread(
    rows: Sequence[Sequence[float]], own: Sequence[str | None], names: tuple[str | None, ...]
) -> Columns:
    """Return the rows of a step with a column for each name of the campaign."""
    spread = np.zeros((len(rows), len(names)))
    spread[:, [names.index(name) for name in own]] = rows
    return spread


def _find_slowdowns(steps: Sequence[_Step], speed: HostSpeed | None) -> Columns:
    """Return for each step how much more CPU time a request takes than in the chosen size's steps."""
    own_s = [step.result.host.work_s for step in steps if step.size == 0 and step.result.host.work_s]
    if speed is None or not own_s:
        return np.ones(len(steps))
    usual_s = fmean(own_s)
    return np.array([((step.result.host.work_s or usual_s) / usual_s) ** speed.elasticity for step in steps])


def _number_blocks(step: Numbers, length_s: Columns) -> Numbers:
    """Return the number of each slice's block: slices of one step that together last for some seconds."""
    blocks, number, since_s = [], -1, 0.0
    for row, seconds in enumerate(length_s):
        if row == 0 or step[row] != step[row - 1] or since_s >= BLOCK_S:
            number, since_s = number + 1, 0.0
        since_s += float(seconds)
        blocks.append(number)
    return np.array(blocks, dtype=np.intp)


def _group_names(slices: Slices) -> list[_Group]:
    """Return the names in groups that the slices can tell apart."""
    groups = _separate_rare(slices)
    while linked := find_inseparable(slices.join([group.names for group in groups])):
        together = [
            _Group([name for index in link for name in groups[index].names], CostKind.TOGETHER)
            for link in linked
        ]
        used = {index for link in linked for index in link}
        groups = [group for index, group in enumerate(groups) if index not in used] + together
    return groups


def _separate_rare(slices: Slices) -> list[_Group]:
    """Return a group for each name, and one for those that are too rare."""
    requests = slices.counts.sum(axis=0)
    blocks = int(slices.block.max()) + 1
    room = min(MOST_NAMES, len(slices.cpu_s) // _SLICES_PER_NAME, blocks // _BLOCKS_PER_NAME)
    order = np.argsort(-requests, kind="stable")
    frequent = [int(name) for name in order if requests[name] >= FEWEST_REQUESTS][: max(1, room)]
    frequent = frequent or [int(order[0])]
    rare = [int(name) for name in order if int(name) not in frequent]
    groups = [_Group([name], CostKind.NAME) for name in frequent]
    return [*groups, _Group(rare, CostKind.RARE if len(rare) > 1 else CostKind.NAME)] if rare else groups


def _fit_levels(slices: Slices, size: Numbers) -> tuple[CostFit, Columns] | None:
    """Return the costs at the level of the first size, and the CPU time of each step over the fitted one."""
    level = np.ones(int(size.max()) + 1)
    fitted = None
    for _ in range(_LEVEL_ROUNDS):
        scaled = replace(slices, cpu_s=slices.cpu_s / level[size[slices.step]])
        fit = fit_costs(scaled)
        if fit is None:
            return None
        used_s, fitted_s = _compare_steps(scaled, fit)
        fitted = fit, np.column_stack([used_s, fitted_s])
        ratios = np.array(
            [_divide(used_s[size == each].sum(), fitted_s[size == each].sum()) for each in range(len(level))]
        )
        level = level * ratios / ratios[0]
        slices = replace(slices, weight=weigh_steps(scaled, fit).weight)
    return fitted


def _compare_steps(slices: Slices, fit: CostFit) -> tuple[Columns, Columns]:
    """Return for each step the CPU time of its requests, as counted and as fitted."""
    used_s = slices.cpu_s - slices.length_s * (fit.idle_cores or 0.0)
    fitted_s = slices.counts @ fit.cpu_s
    steps = int(slices.step.max()) + 1
    return (
        np.bincount(slices.step, weights=used_s, minlength=steps).astype(np.float64),
        np.bincount(slices.step, weights=fitted_s, minlength=steps).astype(np.float64),
    )


def _divide(used_s: float, fitted_s: float) -> float:
    return used_s / fitted_s if used_s > 0 and fitted_s > 0 else 1.0


def _measure_level_variance(levels: Columns, size: Numbers) -> float:
    """Return the variance of the level of the first size, by how much the steps of all sizes differ."""
    used_s, fitted_s = levels[:, 0], np.maximum(levels[:, 1], 1e-9)
    weights = fitted_s / fitted_s.sum()
    spread = float(np.sum(weights * (used_s / fitted_s - 1) ** 2))
    count = len(used_s)
    variance = spread * count / (count - 1) if count > 1 else _LEVEL_SIGMA**2
    own = fitted_s[size == 0]
    return variance * float(np.sum(own**2) / np.sum(own) ** 2)


@dataclass(frozen=True, slots=True, eq=False)
class _Load:
    """What a size carried at its most users that passed: requests a second by name."""

    users: int
    rates: Columns


def _measure_load(own: Sequence[_Step], names: tuple[str | None, ...]) -> _Load:
    """Return the load at the most users that passed, while all of them were there; else that of all steps."""
    passed = [step for step in own if step.result.verdict is Verdict.PASS]
    steps = sorted(passed or own, key=lambda step: step.result.users)
    users = steps[-1].result.users
    counts, length_s = np.zeros(len(names)), 0.0
    for step in steps:
        if step.result.users != users:
            continue
        column = [names.index(name) for name in step.slices.names]
        for row, there, seconds in zip(
            step.slices.counts, step.slices.users, step.slices.length_s, strict=True
        ):
            if there >= _AT_ALL_USERS * users:
                counts[column] += row
                length_s += seconds
    return _Load(users, counts / max(length_s, 1e-9))


@dataclass(frozen=True, slots=True, eq=False)
class _Costs:
    """A fit of groups of names, and what its rows are made from.

    `level_variance` is that of the level of the size, which all costs share. `requests` told the costs.
    """

    names: tuple[str | None, ...]
    groups: Sequence[_Group]
    fit: CostFit
    level_variance: float
    requests: Columns
    load_s: float
    load: _Load

    @property
    def covariance(self) -> Columns:
        """The covariance of the costs with that of the level."""
        level = self.level_variance * np.outer(self.fit.cpu_s, self.fit.cpu_s)
        return np.asarray(self.fit.covariance + level)

    @property
    def widening(self) -> Columns:
        """How many times as long each interval is because the level is uncertain."""
        variance, fitted = np.diag(self.covariance), np.diag(self.fit.covariance)
        return np.asarray(np.sqrt(np.where(fitted > 0, variance / np.maximum(fitted, 1e-30), 1.0)))

    @property
    def group_rates(self) -> Columns:
        """The requests of each group in a second."""
        return np.array([self.load.rates[group.names].sum() for group in self.groups])

    @property
    def cores(self) -> float:
        """The cores that the load uses, as fitted."""
        return float(self.group_rates @ self.fit.cpu_s) + (self.fit.idle_cores or 0.0)


def _build_costs(chosen: CellResult, costs: _Costs, slices: int) -> RequestCosts | None:
    rates, cores = costs.group_rates, costs.cores
    if rates.sum() <= 0 or cores <= 0:
        return None
    mean_s = float(rates @ costs.fit.cpu_s / rates.sum())
    rows = [_build_row(costs, index, mean_s) for index in range(len(costs.groups))]
    order = sorted(range(len(rows)), key=lambda index: (-rows[index].cpu_ratio, -rows[index].request_ratio))
    return RequestCosts(
        result=chosen,
        users=costs.load.users,
        rows=tuple(rows[index] for index in order),
        mean_s=mean_s,
        idle_cores=costs.fit.idle_cores,
        idle_ratio=(costs.fit.idle_cores or 0.0) / cores,
        load_s=costs.load_s,
        slices=slices,
        covariance=tuple(tuple(row) for row in costs.covariance[np.ix_(order, order)].tolist()),
    )


def _build_row(costs: _Costs, index: int, mean_s: float) -> RequestCost:
    group, fit, load = costs.groups[index], costs.fit, costs.load
    cpu_s, widen = float(fit.cpu_s[index]), float(costs.widening[index])
    half_s, allowed_s = float(fit.half_s[index]), RESOLVED_RATIO * max(cpu_s, mean_s)
    is_resolved = half_s <= allowed_s
    needed_s = costs.load_s * (half_s / allowed_s) ** 2 if allowed_s > 0 else None
    ratios = load.rates / load.rates.sum()
    return RequestCost(
        kind=group.kind,
        names=tuple(costs.names[name] for name in group.names),
        name_ratios=tuple(float(ratios[name]) for name in group.names),
        requests=round(float(costs.requests[group.names].sum())),
        cpu_s=cpu_s,
        low_s=max(0.0, cpu_s - (cpu_s - float(fit.low_s[index])) * widen),
        high_s=cpu_s + (float(fit.high_s[index]) - cpu_s) * widen,
        cpu_ratio=min(1.0, float(costs.group_rates[index]) * cpu_s / costs.cores),
        is_resolved=is_resolved,
        needed_s=None if is_resolved else needed_s,
    )
