"""Recommend a size for a number of users, price the sizes, and check requirements.

Only measured sizes are recommended. If the CPU limits the smaller of two sizes, a size between them may be
interpolated, which is marked as such: throughput is proportional to the CPU quota (utilisation law). Of the
sizes of a price list none is: those that are sold are all there are.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.analyse.result.margin import find_margin, find_margins
from harness.model import (
    GIB,
    CampaignResult,
    Cell,
    CellResult,
    Check,
    Cost,
    Drift,
    Factor,
    Interpolation,
    Limits,
    Margin,
    Price,
    Requirement,
    Sizing,
    Slo,
    Status,
)
from harness.model.cell_evidence import BrokeInSoak
from harness.model.growth import count_needed_users

_Sizes = Mapping[Limits, CellResult]
_Rank = Callable[[Limits], tuple[float, Limits, float, str]]
"""Price, size without its variant, the capacity with a minus sign, and the name of the variant."""


_PRICE_DECIMALS = 12


def add_sizing(result: CampaignResult) -> CampaignResult:
    """Return the campaign with a size recommended for its users limit, and with the costs of all sizes."""
    return replace(
        result,
        sizing=recommend_size(
            result.cells,
            result.users_limit,
            result.headroom_ratio,
            result.price,
            result.slos,
            result.drift,
        ),
        costs=compute_costs(select_worst_repetitions(result.cells), result.price),
    )


def recommend_size(
    cells: Sequence[CellResult],
    users: int,
    headroom_ratio: float = 0.0,
    price: Price | None = None,
    slos: Sequence[Slo] = (),
    drift: Drift | None = None,
) -> Sizing:
    """Recommend the cheapest size that sustains the users with headroom; without prices the smallest.

    `Limits` orders sizes by the CPU of all replicas, then by their memory, then by their number. Of the
    variants of a size it is the one with the largest capacity. A size without a price is the dearest. A
    headroom of 0.3 is kept by a size that sustains 30 % more users. If that is more than were measured, its
    capacity is predicted (see `margin`). If none keeps it, it is the size with the largest capacity, or the
    cheapest of those that can't be told apart from it.
    """
    needed, sizes = count_needed_users(users, headroom_ratio), select_worst_repetitions(cells)
    margins = _find_margins(sizes, users, needed, slos, drift)
    rank, rank_size = _build_rank(sizes, margins, price), _build_rank(sizes, margins, None)
    keeping = [limits for limits in margins if _keeps(sizes[limits], margins[limits], needed)]
    recommended = min(keeping, key=rank, default=_find_roomiest(users, sizes, margins, rank))
    smallest = min(keeping, key=rank_size, default=recommended)
    sizing = Sizing(
        users=users,
        needed=needed,
        headroom_ratio=headroom_ratio,
        best=_find_best(sizes),
        interpolation=None if price and price.has_fixed_sizes else _interpolate(sizes, needed, smallest),
        undecided_sizes=_find_undecided(sizes, recommended, rank),
    )
    if recommended is None or smallest is None:
        return sizing
    just_enough = _find_just_enough(users, sizes, margins, recommended, rank)
    return replace(
        _add_recommended(sizing, sizes, margins, recommended, keeping, slos, drift),
        smallest=sizes[smallest],
        just_enough=sizes[just_enough] if just_enough else None,
        just_enough_margin=margins[just_enough] if just_enough else None,
    )


def _find_roomiest(
    users: int, sizes: _Sizes, margins: Mapping[Limits, Margin | None], rank: _Rank
) -> Limits | None:
    """Find the size with the largest capacity, or the first of those that can't be told apart from it.

    None if no size sustains the users.
    """
    most = max(margins, key=lambda limits: _get_capacity(margins[limits]), default=None)
    if most is None or (own := margins[most]) is None:
        return most
    alike = [each for each in margins if own.is_alike(margins[each]) and not _is_refuted(each, sizes, users)]
    return min([most, *alike], key=rank)


def _build_rank(sizes: _Sizes, margins: Mapping[Limits, Margin | None], price: Price | None) -> _Rank:
    """Return a function that ranks sizes by their prices; without prices by their limits."""

    def rank(limits: Limits) -> tuple[float, Limits, float, str]:
        hour_price = compute_hour_price(price, sizes[limits].cell)
        capacity = _get_capacity(margins.get(limits)) or sizes[limits].known_users
        cost = math.inf if hour_price is None else hour_price
        return cost, limits.drop_variant(), -capacity, limits.variant or ""

    return rank


def _add_recommended(
    sizing: Sizing,
    sizes: _Sizes,
    margins: Mapping[Limits, Margin | None],
    recommended: Limits,
    keeping: Sequence[Limits],
    slos: Sequence[Slo],
    drift: Drift | None,
) -> Sizing:
    """Return the sizing with the recommended size; `keeping` are the sizes that keep the headroom."""
    smaller, smaller_margin = _find_next_smaller(sizes, recommended), None
    is_open = smaller is not None and not isinstance(smaller.evidence, BrokeInSoak)
    if smaller is not None and is_open and smaller.status is Status.BRACKETED:
        smaller_margin = find_margin(smaller, sizing.users, sizing.needed, list(sizes.values()), slos, drift)
    return replace(
        sizing,
        recommended=sizes[recommended],
        next_smaller=smaller,
        next_smaller_margin=smaller_margin,
        all_sustain={each.drop_variant() for each in keeping} == {each.drop_variant() for each in sizes},
        keeps_headroom=bool(keeping),
        is_headroom_open=not keeping and _may_another_keep(sizes, margins, recommended),
        margin=margins[recommended],
    )


def _find_margins(
    sizes: _Sizes, users: int, needed: int, slos: Sequence[Slo], drift: Drift | None
) -> dict[Limits, Margin | None]:
    """Find what each size that sustains the users has to spare, the smallest first; None where unknown."""
    margins = find_margins([sizes[limits] for limits in sorted(sizes)], users, needed, slos, drift)
    return {
        limits: margin
        for limits, margin in zip(sorted(sizes), margins, strict=True)
        if sizes[limits].sustains(users)
    }


def _keeps(result: CellResult, margin: Margin | None, needed: int) -> bool:
    """Return True if a size sustains the users needed: as measured, or as predicted above all measured."""
    if result.sustains(needed):
        return True
    return margin is not None and margin.is_predicted and margin.capacity_users >= needed


def _may_another_keep(sizes: _Sizes, margins: Mapping[Limits, Margin | None], recommended: Limits) -> bool:
    """Return True if a size has no answer or an unknown margin, and the recommended one does not cover it."""
    return any(
        (result.is_undecided or (limits in margins and margins[limits] is None))
        and not recommended.covers(limits)
        for limits, result in sizes.items()
    )


def find_campaign_margin(campaign: CampaignResult, chosen: CellResult) -> Margin | None:
    """Return what a size has to spare at the campaign's users limit, from the same sizes as `recommend_size`.

    None if the size is not known to sustain any users, or if nothing tells it.
    """
    if not chosen.sustains(1):
        return None
    users = campaign.users_limit
    sizes = {**select_worst_repetitions(campaign.cells), chosen.cell.limits: chosen}
    others = [sizes[limits] for limits in sorted(sizes)]
    needed = count_needed_users(users, campaign.headroom_ratio)
    return find_margin(chosen, users, needed, others, campaign.slos, campaign.drift)


def _find_just_enough(
    users: int, sizes: _Sizes, margins: Mapping[Limits, Margin | None], recommended: Limits, rank: _Rank
) -> Limits | None:
    """Find the first size before the recommended one, which does not keep the headroom; None without one.

    One that a larger size refutes does not count.
    """
    unrefuted = [limits for limits in margins if not _is_refuted(limits, sizes, users)]
    before = [limits for limits in unrefuted if rank(limits) < rank(recommended)]
    return min(before, key=rank, default=None)


def _is_refuted(limits: Limits, sizes: _Sizes, users: int) -> bool:
    """Return True if a larger size breaks at these users, such as in its soak, so that this one would too."""
    return any(each.cell.limits.covers(limits) and each.breaks_at(users) for each in sizes.values())


def _get_capacity(margin: Margin | None) -> float:
    return 0.0 if margin is None or math.isnan(margin.capacity_users) else margin.capacity_users


def select_worst_repetitions(cells: Sequence[CellResult]) -> _Sizes:
    """Return for every size the result of the repetition that sustains the fewest users.

    An undecided repetition counts only if all repetitions of its size are undecided, or if it broke with
    users that another one sustained.
    """
    results_by_size: dict[Limits, list[CellResult]] = {}
    for result in cells:
        results_by_size.setdefault(result.cell.limits, []).append(result)
    return {limits: _find_worst(results) for limits, results in results_by_size.items()}


def _find_worst(repetitions: Sequence[CellResult]) -> CellResult:
    most_users = max(result.known_users for result in repetitions)

    def rank(result: CellResult) -> tuple[bool, int]:
        is_unknown = result.is_undecided and not (most_users and result.breaks_at(most_users))
        return is_unknown, result.known_users

    return min(repetitions, key=rank)


def _find_next_smaller(sizes: _Sizes, recommended: Limits) -> CellResult | None:
    """Find the next smaller size that is not undecided; None if there is none.

    A size that differs in the CPU alone is preferred, then one that differs in the memory alone. Of the
    variants of a size it is the one that sustains most users.
    """

    def rank(limits: Limits) -> tuple[Limits, int]:
        return limits.drop_variant(), sizes[limits].known_users

    smaller = [
        limits
        for limits in sorted(sizes, key=rank, reverse=True)
        if limits.drop_variant() < recommended.drop_variant() and not sizes[limits].is_undecided
    ]
    same_replicas = [limits for limits in smaller if limits.replicas == recommended.replicas]
    less_cpu = [limits for limits in same_replicas if limits.memory_bytes == recommended.memory_bytes]
    less_memory = [limits for limits in same_replicas if limits.cpu_cores == recommended.cpu_cores]
    next_smaller = next(iter(less_cpu or less_memory or smaller), None)
    return sizes[next_smaller] if next_smaller else None


def _find_best(sizes: _Sizes) -> CellResult | None:
    """Find the size that sustains the most users, and among equals the smallest one.

    If no size sustains a single user, it is the largest decided size. None if all sizes are undecided.
    """
    decided = [sizes[limits] for limits in sorted(sizes) if not sizes[limits].is_undecided]
    if any(result.known_users for result in decided):
        return max(decided, key=lambda result: result.known_users)
    return decided[-1] if decided else None


def _find_undecided(sizes: _Sizes, recommended: Limits | None, rank: _Rank) -> tuple[Limits, ...]:
    """Find the undecided sizes that would be recommended instead if they sustained the users."""
    undecided = [limits for limits in sorted(sizes) if sizes[limits].is_undecided]
    return tuple(limits for limits in undecided if recommended is None or rank(limits) < rank(recommended))


def _interpolate(sizes: _Sizes, needed: int, smallest: Limits | None) -> Interpolation | None:
    """Interpolate the smallest size between two neighbours of the same memory, replicas and variant.

    The CPU of each replica is rounded up to hundredths of a core. None unless the size is smaller than
    `smallest`, the smallest measured size that sustains the users. A size that sustains the users limit has
    no measured capacity, so nothing is interpolated below it.
    """
    columns: dict[tuple[int, int, str | None], list[CellResult]] = {}
    for size in sorted(sizes):
        columns.setdefault((size.memory_bytes, size.replicas, size.variant), []).append(sizes[size])
    candidates = [each for column in columns.values() for each in _interpolate_column(column, needed)]
    best = min(candidates, key=lambda candidate: candidate.limits, default=None)
    is_smaller = best is not None and (
        smallest is None or best.limits.drop_variant() < smallest.drop_variant()
    )
    return best if is_smaller else None


def _interpolate_column(column: Sequence[CellResult], needed: int) -> list[Interpolation]:
    interpolated = []
    for small, large in itertools.pairwise(column):
        low, high = small.known_users, large.known_users
        has_ends = large.status is Status.BRACKETED
        if small.limiting_factor is Factor.CPU and has_ends and 0 < low < needed <= high:
            less_cpu, more_cpu = small.cell.limits.cpu_cores, large.cell.limits.cpu_cores
            exact_cpu = less_cpu + (more_cpu - less_cpu) * (needed - low) / (high - low)
            cpu = math.ceil(round(100 * exact_cpu, 6)) / 100
            if cpu < more_cpu:
                interpolated.append(Interpolation(replace(large.cell.limits, cpu_cores=cpu), small, large))
    return interpolated


def check_requirement(cells: Sequence[CellResult], requirement: Requirement) -> Check:
    """Check whether some measured size within the requirement's limits sustains its users.

    An undecided size that broke with as many users or fewer does not. The limits hold for all replicas of a
    size together. Without a variant in them any variant counts.
    """
    max_limits = requirement.max_limits
    allowed = [
        result
        for result in cells
        if result.cell.limits.total_cores <= max_limits.total_cores
        and result.cell.limits.total_bytes <= max_limits.total_bytes
        and max_limits.variant in (None, result.cell.limits.variant)
    ]
    sizing = recommend_size(allowed, requirement.users)
    if sizing.recommended is not None:
        return Check(requirement, True, sizing.recommended)
    sizes = select_worst_repetitions(allowed)
    broken = [limits for limits in sorted(sizes) if sizes[limits].breaks_at(requirement.users)]
    decisive = sizing.best or (sizes[broken[-1]] if broken else None)
    is_inconclusive = (
        decisive is None
        or not set(sizing.undecided_sizes) <= set(broken)
        or _is_censored_below(allowed, requirement.users)
    )
    return Check(requirement, None if is_inconclusive else False, decisive)


def _is_censored_below(cells: Sequence[CellResult], users: int) -> bool:
    """Return True if some size sustained its users limit, and the limit was lower than `users`."""
    return any(result.status is Status.CENSORED and result.known_users < users for result in cells)


def compute_hour_price(price: Price | None, cell: Cell) -> float | None:
    """Return the price of an hour of all replicas of the cell's size; None if the size has no price.

    It is without the error of float arithmetic, so that sizes of one price are a tie.
    """
    if price is None:
        return None
    limits = cell.limits
    if cell.size_name is not None and cell.size_name in price.by_name:
        return round(price.by_name[cell.size_name] * limits.replicas, _PRICE_DECIMALS)
    if price.cpu_hour is None and price.gib_hour is None:
        return None
    memory_gib = limits.total_bytes / GIB
    hour = limits.total_cores * (price.cpu_hour or 0) + memory_gib * (price.gib_hour or 0)
    return round(hour, _PRICE_DECIMALS)


def compute_costs(sizes: Mapping[Limits, CellResult], price: Price | None) -> tuple[Cost, ...]:
    """Return the cost of every size with a price: the cheapest first, among equals the most users first."""
    hour_prices = {
        limits: hour_price
        for limits, result in sizes.items()
        if (hour_price := compute_hour_price(price, result.cell)) is not None
    }

    def rank(limits: Limits) -> tuple[float, int, Limits]:
        return hour_prices[limits], -sizes[limits].known_users, limits

    costs, most_users = [], 0
    for limits in sorted(hour_prices, key=rank):
        users = sizes[limits].known_users
        costs.append(
            Cost(
                limits=limits,
                hour=hour_prices[limits],
                users=users or None,
                hour_per_100_users=100 * hour_prices[limits] / users if users else None,
                is_at_most=sizes[limits].status in (Status.CENSORED, Status.INFERRED),
                is_on_front=users > most_users,
            )
        )
        most_users = max(most_users, users)
    return tuple(costs)
