"""Fit what requests of each name cost: CPU time of slices = requests of each name · their cost + idle time.

A target at its CPU limit serves fewer requests in a slice whose requests happen to be expensive, and
expensive ones last longer. So numbers of requests depend on the costs, and least squares would be wrong: the
idle time alone would explain slices that all use the whole quota. Which name the requests have that start in
a slice depends on the scenario only, and how many users there are on the harness. So these are the
instruments (P. G. Wright, 1928; just identified): the share of each name among the requests that start in a
slice, less that in the ten slices around it, for the CPU time of the slices in which they are served; all
slices alike; and the reciprocal of the users. What lasts for longer than ten slices, such as a slower host,
is alike in all of these and leaves no trace. The CPU time of all slices together is met exactly. The
covariance is the sandwich over blocks of slices (H. White, *Econometrica* 48, 1980), which allows for slices
that resemble their neighbours.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from harness.analyse.student import find_t

Columns = NDArray[np.float64]
Numbers = NDArray[np.intp]

SLICES_AROUND = 10
"""The share of a name in a slice is compared with that in so many slices in a row that have requests."""

BLOCK_S = 10.0
"""Slices are taken to resemble each other for about so long."""

_LEAST_VARIATION = 0.1
"""Names whose shares vary together by less than this part of what chance alone makes can't be told apart."""

_FEWEST_SLICES_TOGETHER = 30
"""In fewer slices with requests, the requests served vary too much with the users and with chance. Then only
the shares of those that start tell which names come together.
"""

_LEAST_SCATTER = 0.1
"""The CPU time of a single request scatters by at least so much of that of an average one."""

_LEAST_PART = 0.05
_LEAST_LINK = 0.1
_FEWEST_USERS = 0.5
_LEAST_CONTRAST = 1.5
"""The idle time is told from requests if busy slices have so many times the requests of light ones."""

_MOST_IDLE_SIGMA = 0.05
"""The largest standard error of the idle time, as a share of all CPU time."""


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """Slices of several steps: columns of one length, and rows with a value for each name.

    `counts` are the requests served in a slice, `starts` those that started in it. `step` and `block` number
    the step and the block that a slice belongs to; slices of a step follow one another. `overlaps` is True
    where many requests are served in the next slice too. `weight` is how much a slice tells, relative to
    others.
    """

    cpu_s: Columns
    length_s: Columns
    users: Columns
    counts: Columns
    starts: Columns
    step: Numbers
    block: Numbers
    overlaps: NDArray[np.bool_]
    weight: Columns = field(default_factory=lambda: np.ones(1))

    def add_next(self, values: Columns) -> Columns:
        """Return the values of each slice, with those of the next one where requests last into that."""
        following = np.concatenate([values[1:], np.zeros_like(values[:1])])
        overlaps = self.overlaps if values.ndim == 1 else self.overlaps[:, None]
        return np.asarray(values + np.where(overlaps, following, 0.0))

    def join(self, groups: list[list[int]]) -> "Slices":
        """Return the slices with each group of names as one."""
        member = np.zeros((self.counts.shape[1], len(groups)))
        for column, group in enumerate(groups):
            member[group, column] = 1.0
        return replace(self, counts=self.counts @ member, starts=self.starts @ member)


@dataclass(frozen=True, slots=True, eq=False)
class CostFit:
    """The cost of each name's requests in CPU seconds with its 95 % interval, and the covariance of all.

    No cost is below 0. `half_s` is half of the interval before it was cut off at 0. `idle_cores` is None if
    the slices don't tell it.
    """

    cpu_s: Columns
    low_s: Columns
    high_s: Columns
    half_s: Columns
    covariance: Columns
    idle_cores: float | None


def fit_costs(slices: Slices) -> CostFit | None:
    """Return the fitted costs; None if there are fewer blocks of slices than are needed for so many names."""
    if _knows_idle(slices):
        fit = _fit(slices, has_idle=True)
        if fit is not None:
            return fit
    return _fit(slices, has_idle=False)


def _knows_idle(slices: Slices) -> bool:
    """Return True if some slices have far fewer users than others, and far fewer requests too."""
    is_light = slices.users <= float(slices.users.max()) / 2
    light_s, busy_s = float(slices.length_s[is_light].sum()), float(slices.length_s[~is_light].sum())
    if light_s < BLOCK_S or busy_s <= 0:
        return False
    requests = slices.counts.sum(axis=1)
    light_rps, busy_rps = requests[is_light].sum() / light_s, requests[~is_light].sum() / busy_s
    return bool(_LEAST_CONTRAST * light_rps <= busy_rps)


def _fit(slices: Slices, *, has_idle: bool) -> CostFit | None:
    """Return the fitted costs; None also if an idle time that is fitted turns out to be too uncertain."""
    names = slices.counts.shape[1]
    shares = centre_shares(slices) * slices.weight[:, None]
    equations = _build_equations(slices, shares, list(range(names)), has_idle=has_idle)
    free = equations.solve()
    blocks = len(np.unique(slices.block))
    degrees = blocks - names - has_idle
    if free is None or degrees < 1:
        return None
    covariance = equations.compute_covariance(free, slices.block) * (blocks / degrees)
    most_cores = _MOST_IDLE_SIGMA * float(slices.cpu_s.sum() / slices.length_s.sum())
    if has_idle and covariance[names, names] > most_cores**2:
        return None
    half_s = find_t(0.95, degrees) * np.sqrt(np.diag(covariance))[:names]
    cost_s, idle_cores = _fit_without_negative(slices, shares, has_idle=has_idle)
    return CostFit(
        cpu_s=cost_s,
        low_s=np.maximum(cost_s - half_s, 0.0),
        high_s=cost_s + half_s,
        half_s=half_s,
        covariance=covariance[:names, :names],
        idle_cores=idle_cores if has_idle else None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Equations:
    """The equations Zᵀ(y - Xb) = 0, one for each unknown.

    `shares` are the instruments for `y_served` and `x_served`, those of the slices in which the requests are
    served, and `totals` those for `y` and `x`.
    """

    shares: Columns
    totals: Columns
    x: Columns
    y: Columns
    x_served: Columns
    y_served: Columns

    @property
    def matrix(self) -> Columns:
        return np.vstack([self.shares.T @ self.x_served, self.totals.T @ self.x])

    def solve(self) -> Columns | None:
        """Return the solution; None if the instruments don't tell all of it."""
        right = np.concatenate([self.shares.T @ self.y_served, self.totals.T @ self.y])
        try:
            solution = np.asarray(np.linalg.solve(self.matrix, right))
        except np.linalg.LinAlgError:
            return None
        return solution if np.isfinite(solution).all() else None

    def compute_covariance(self, solution: Columns, block: Numbers) -> Columns:
        """Return the sandwich covariance of a solution, without a correction for few blocks."""
        served, single = self.y_served - self.x_served @ solution, self.y - self.x @ solution
        contributions = np.column_stack([self.shares * served[:, None], self.totals * single[:, None]])
        moments = np.zeros((int(block.max()) + 1, contributions.shape[1]))
        np.add.at(moments, block, contributions)
        bread = np.linalg.inv(self.matrix)
        return np.asarray(bread @ (moments.T @ moments) @ bread.T)


def _build_equations(slices: Slices, shares: Columns, kept: list[int], *, has_idle: bool) -> _Equations:
    """Return the equations for the names that have a cost, by the weighted centred shares of all.

    The share of the most frequent name is left out, because shares add up to 1.
    """
    most = int(np.argmax(slices.counts[:, kept].sum(axis=0)))
    x = slices.counts[:, kept]
    totals = np.ones((len(slices.cpu_s), 1))
    if has_idle:
        x = np.column_stack([x, slices.length_s])
        totals = np.column_stack([totals, slices.length_s / np.maximum(slices.users, _FEWEST_USERS)])
    return _Equations(
        shares=np.delete(shares[:, kept], most, axis=1),
        totals=totals,
        x=x,
        y=slices.cpu_s,
        x_served=slices.add_next(x),
        y_served=slices.add_next(slices.cpu_s),
    )


def centre_shares(slices: Slices) -> Columns:
    """Return the share of each name among the requests that start in a slice, less that in those around it.

    It is 0 in a slice without requests, and in the last one of a step if requests last into the next one.
    """
    starts = _select_starts(slices)
    total = starts.sum(axis=1, keepdims=True)
    around = _number_surroundings(slices.step, total[:, 0] > 0)
    nearby = np.zeros((int(around.max()) + 1, starts.shape[1]))
    np.add.at(nearby, around, starts)
    usual = nearby / np.maximum(nearby.sum(axis=1, keepdims=True), 1.0)
    return np.asarray(np.where(total > 0, starts / np.maximum(total, 1.0) - usual[around], 0.0))


def weigh_steps(slices: Slices, fit: CostFit) -> Slices:
    """Return the slices weighted by how little of their step's CPU time their requests leave unexplained.

    What is left varies by V in a slice of n requests, and the weight is in proportion to n / V. The V / n of
    a step with few slices is drawn to that of all, and is at least that of the least scatter.
    """
    explained_s = slices.counts @ fit.cpu_s + slices.length_s * (fit.idle_cores or 0.0)
    rest_s = slices.add_next(slices.cpu_s - explained_s)
    requests = slices.starts.sum(axis=1)
    around = _number_surroundings(slices.step, requests > 0)
    rest_s = rest_s - (np.bincount(around, weights=rest_s) / np.bincount(around))[around]
    squares = np.bincount(slices.step, weights=rest_s**2)
    of_step = np.bincount(slices.step, weights=requests)
    count = np.bincount(slices.step)
    usual = squares.sum() / max(of_step.sum(), 1.0)
    variance = (count * squares / np.maximum(of_step, 1.0) + SLICES_AROUND * usual) / (count + SLICES_AROUND)
    average_s = float(slices.counts.sum(axis=0) @ fit.cpu_s) / max(float(slices.counts.sum()), 1.0)
    weight = 1 / np.maximum(variance, max((_LEAST_SCATTER * average_s) ** 2, 1e-18))
    return replace(slices, weight=(weight / weight.max())[slices.step])


def _select_starts(slices: Slices) -> Columns:
    """Return the requests that started in each slice; none where the slice in which they end is missing."""
    is_followed = np.append(slices.step[1:] == slices.step[:-1], np.array([False]))
    return np.where((is_followed | ~slices.overlaps)[:, None], slices.starts, 0.0)


def _number_surroundings(step: Numbers, has_requests: NDArray[np.bool_]) -> Numbers:
    """Return the number of each slice's surroundings: ten slices of a step that have requests, in a row.

    The last ones of a step may be fewer.
    """
    before: Numbers = np.cumsum(has_requests) - has_requests
    position: Numbers = before - before[np.searchsorted(step, step)]
    _, number = np.unique(step * len(step) + position // SLICES_AROUND, return_inverse=True)
    return np.asarray(number, dtype=np.intp)


def _fit_without_negative(slices: Slices, shares: Columns, *, has_idle: bool) -> tuple[Columns, float]:
    """Return the cost of each name, and the idle cores, none of which is negative.

    What explains the most negative CPU time is set to 0 and left out, until nothing does.
    """
    costs = np.zeros(slices.counts.shape[1])
    kept = list(range(len(costs)))
    while kept:
        equations = _build_equations(slices, shares, kept, has_idle=has_idle)
        solution = equations.solve()
        if solution is None:
            break
        explained_s = solution * equations.x.sum(axis=0)
        worst = int(np.argmin(explained_s))
        if explained_s[worst] >= 0:
            costs[kept] = solution[: len(kept)]
            return costs, float(solution[-1]) if has_idle else 0.0
        if worst == len(kept):
            has_idle = False
        else:
            kept = [name for position, name in enumerate(kept) if position != worst]
    return costs, 0.0


def find_inseparable(slices: Slices) -> list[list[int]]:
    """Return the groups of names whose numbers follow from one another; empty if all can be told apart.

    If each request's name is chosen by chance alone, the shares of those that start in a slice vary as those
    of a multinomial sample, and the requests served in this slice and the next vary with them by as much.
    Where a combination of names (a principal component of this covariance, in units of what chance makes)
    varies by less than a tenth of that, these names are a group: they come within one slice or two. With
    few slices, the shares alone have to vary as little.
    """
    names = slices.counts.shape[1]
    slices = replace(slices, overlaps=np.full_like(slices.overlaps, True))
    shares = centre_shares(slices)
    has_requests = _select_starts(slices).sum(axis=1) > 0
    used = int(has_requests.sum())
    surroundings = len(np.unique(_number_surroundings(slices.step, has_requests)[has_requests]))
    if names < 2:
        return []
    ratios = np.maximum(slices.starts.sum(axis=0) / max(float(slices.starts.sum()), 1.0), 1e-9)
    scale = 1 / np.sqrt(ratios * max(1, used - surroundings))
    served = slices.add_next(slices.counts)
    if used < _FEWEST_SLICES_TOGETHER:
        served = shares * slices.starts.sum(axis=1, keepdims=True)
    covariance = shares.T @ served * np.outer(scale, scale)
    root = np.sqrt(ratios)[:, None]
    basis = np.linalg.qr(np.column_stack([root, np.eye(names)]))[0][:, 1:names]
    values, vectors = np.linalg.eigh(basis.T @ (covariance + covariance.T) @ basis / 2)
    projection = np.zeros((names, names))
    for value, vector in zip(values, (basis @ vectors).T, strict=True):
        if value <= _LEAST_VARIATION:
            projection += np.outer(vector, vector)
    return _group_linked(projection)


def _group_linked(projection: Columns) -> list[list[int]]:
    """Return the names that are linked by a projection on what does not vary, in groups of at least two."""
    parts = np.diag(projection)
    open_names = [int(index) for index in np.flatnonzero(parts > _LEAST_PART)]
    groups: list[list[int]] = []
    while open_names:
        group = [open_names.pop(0)]
        for name in group:
            links = [
                other
                for other in open_names
                if abs(projection[name, other]) > _LEAST_LINK * np.sqrt(parts[name] * parts[other])
            ]
            group += links
            open_names = [other for other in open_names if other not in links]
        groups.append(group)
    return _pair_single(groups, projection)


def _pair_single(groups: list[list[int]], projection: Columns) -> list[list[int]]:
    """Return the groups, with each name that is alone in the group of the name that it is linked to most."""
    joined = [group for group in groups if len(group) > 1]
    for (name,) in (group for group in groups if len(group) == 1):
        if any(name in group for group in joined):
            continue
        links = np.abs(projection[name])
        links[name] = -1.0
        other = int(np.argmax(links))
        home = next((group for group in joined if other in group), None)
        if home is None:
            joined.append([name, other])
        else:
            home.append(name)
    return joined
