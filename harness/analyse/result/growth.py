"""Choose a size for any number of users: as measured, and beyond the measurements by replicas.

A size that was measured is chosen as in `sizing`. Where none is enough, replicas of a size are counted: each
carries as many users as one that was measured. This is reasoned, not measured: replicas behind a load
balancer share the users only if nothing that they share fills up.

`harness/report/html/templates/growth.js` has the same rule for the page. All numbers that decide are whole,
so that both agree exactly.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from harness.analyse.result.margin import find_margins
from harness.analyse.result.sizing import compute_hour_price, select_worst_repetitions
from harness.analyse.search.known_capacities import find_capacity_users
from harness.model import (
    Barrier,
    CampaignResult,
    CellResult,
    Choice,
    Factor,
    Ground,
    Growth,
    GrowthOption,
    GrowthRow,
    Limits,
    Margin,
    SharedPart,
    Slo,
    Status,
    StepResult,
    Verdict,
)
from harness.model.campaign import ALIKE_RATIO
from harness.model.growth import count_needed_users, shrink_by_headroom

_BEYOND = 4
"""The table ends at so many times the users that were measured or that are there."""

_MONTHS_AHEAD = 24
_MOST_BEYOND = 100
_TABLE_ROWS_BEYOND = 10
_FINE_RATIO = 1.01
_SCALING_RATIO = 0.8
"""Replicas that sustain less than this share of as many single ones share something that fills up."""

_MOST_CAPACITY = 1e12


def add_growth(result: CampaignResult, monthly_ratio: float | None = None) -> CampaignResult:
    """Return the campaign with what to take as its users grow, from its users limit on."""
    return replace(
        result,
        growth=assess_growth(result, result.users_limit, result.headroom_ratio, monthly_ratio),
    )


def assess_growth(
    result: CampaignResult, users: int, headroom_ratio: float, monthly_ratio: float | None = None
) -> Growth:
    """Return what to take as users grow; a table from `users` on if there is no users limit so high."""
    growth = Growth(
        users=users,
        headroom_ratio=headroom_ratio,
        options=_list_options(result),
        shared=find_shared_part(result.cells),
        monthly_ratio=monthly_ratio,
    )
    if not growth.options:
        return growth
    measured = max(count_held_users(option, headroom_ratio) for option in growth.options)
    most = _find_most_users(max(measured, users), users, monthly_ratio)
    first = 1 if users <= max(measured, result.users_limit) else users
    growth = replace(growth, measured_users=measured, most_users=most)
    table_ratio = (most / max(measured, first)) ** (1 / _TABLE_ROWS_BEYOND)
    return replace(
        growth,
        rows=_list_rows(growth, first, most, table_ratio),
        steps=_list_rows(growth, first, most, _FINE_RATIO),
    )


def _find_most_users(reach: int, users: int, monthly_ratio: float | None) -> int:
    """Return the users at which a table ends: some times those of today, and those in two years."""
    later = 0.0
    if monthly_ratio is not None:
        later = min(users * (1 + monthly_ratio) ** _MONTHS_AHEAD, float(_MOST_BEYOND * reach))
    return max(_BEYOND * reach, math.ceil(later))


def choose_size(growth: Growth, users: int, headroom_ratio: float) -> Choice | None:
    """Return the cheapest size that holds the users with the headroom; None if nothing is known to.

    If no measured size keeps the headroom, it is the cheapest of those that can't be told apart from the one
    with the largest capacity, as in `sizing`. If none sustains the users, it is a number of replicas.
    """
    for option in growth.options:
        held = count_held_users(option, headroom_ratio)
        if users <= held:
            needed = count_needed_users(users, headroom_ratio)
            ground = Ground.MEASURED if needed <= option.users else Ground.PREDICTED
            return Choice(ground, option, option.result.cell.limits.replicas, held)
    reasoned = _choose_replicas(growth, users, headroom_ratio)
    sustaining = [option for option in growth.options if users <= option.users]
    if not sustaining:
        return reasoned
    least_users = ALIKE_RATIO * max(option.capacity_users for option in sustaining)
    roomiest = next(option for option in sustaining if option.capacity_users >= least_users)
    replicas = roomiest.result.cell.limits.replicas
    return Choice(Ground.TIGHT, roomiest, replicas, roomiest.users, instead=reasoned)


def count_held_users(option: GrowthOption, headroom_ratio: float) -> int:
    """Return the most users that a size holds with the headroom: no more than it sustained."""
    return min(option.users, shrink_by_headroom(option.room_users, headroom_ratio))


def _choose_replicas(growth: Growth, users: int, headroom_ratio: float) -> Choice | None:
    """Return the cheapest number of replicas of one size that would hold the users; None if none is known to.

    A companion that all of them share must not be full.
    """
    shared = growth.shared
    if shared is not None and count_needed_users(users, headroom_ratio) > shared.users:
        return None
    candidates = []
    for option in growth.options:
        held, measured = count_held_users(option, headroom_ratio), option.result.cell.limits.replicas
        if option.barrier is None and held > 0:
            replicas = -(-users * measured // held)
            until = replicas * held // measured
            candidates.append((_rank_replicas(option, replicas), option, replicas, until))
    if not candidates:
        return None
    _, option, replicas, until = min(candidates, key=lambda candidate: candidate[0])
    if shared is not None:
        until = min(until, shrink_by_headroom(shared.users, headroom_ratio))
    return Choice(Ground.REASONED, option, replicas, until)


def _rank_replicas(option: GrowthOption, replicas: int) -> tuple[float, int, int, int]:
    """Return what orders replicas from the cheapest on: price, cores, memory, number.

    Prices and cores are in billionths, so that all are whole; a size without a price is dearer than all.
    """
    price = option.replica_price
    return (
        math.inf if price is None else price * replicas,
        option.replica_cores * replicas,
        option.result.cell.limits.memory_bytes * replicas,
        replicas,
    )


def _list_rows(growth: Growth, first: int, last: int, ratio: float) -> tuple[GrowthRow, ...]:
    """Return what to take from `first` to `last` users, or to those at which a shared companion is full.

    Each row has what its last users need. A row of replicas spans at least as many users as `ratio` says.
    """
    if growth.shared is not None:
        full = shrink_by_headroom(growth.shared.users, growth.headroom_ratio)
        last = min(last, max(full, *(option.users for option in growth.options)))
    rows: list[GrowthRow] = []
    users = first
    while users <= last:
        choice = choose_size(growth, users, growth.headroom_ratio)
        if choice is None:
            break
        end = choice.until_users
        if choice.ground is Ground.REASONED:
            end = max(end, min(last, int((users - 1) * ratio)))
        choice = choose_size(growth, end, growth.headroom_ratio) or choice
        rows.append(GrowthRow(users, choice.until_users, choice, count_months(growth, users)))
        users = choice.until_users + 1
    return tuple(rows)


def _list_options(result: CampaignResult) -> tuple[GrowthOption, ...]:
    """Return every size that sustains some users, in the order in which `sizing` prefers them."""
    worst = sorted(select_worst_repetitions(result.cells).values(), key=lambda each: each.cell.limits)
    capacities, families = _find_capacities(worst, result.slos), _group_by_replica(worst)
    options = [
        GrowthOption(
            result=each,
            hour_price=compute_hour_price(result.price, each.cell),
            users=each.sustained_users or 0,
            capacity_users=0.0 if math.isnan(capacity) else min(capacity, _MOST_CAPACITY),
            is_predicted=each.status is not Status.BRACKETED and capacity > 0,
            barrier=_find_barrier(each, families[replace(each.cell.limits, replicas=1)]),
        )
        for each, capacity in zip(worst, capacities, strict=True)
        if each.sustains(1)
    ]
    return tuple(sorted(options, key=_rank_option))


def _find_capacities(results: Sequence[CellResult], slos: Sequence[Slo]) -> list[float]:
    """Return what each size is expected to sustain: measured in a bracket, else predicted; 0 if unknown.

    Of a bracket that does not tell the capacity, the lower end counts.
    """
    is_open = [each.sustains(1) and each.status is not Status.BRACKETED for each in results]
    users = min(
        (each.sustained_users or 1 for each, is_one in zip(results, is_open, strict=True) if is_one),
        default=None,
    )
    margins: Sequence[Margin | None] = [None] * len(results)
    if users is not None:
        margins = find_margins(results, users, users, slos)
    return [
        (margin.capacity_users if margin is not None else 0.0)
        if is_one
        else find_capacity_users(each) or each.sustained_users or 0.0
        for each, is_one, margin in zip(results, is_open, margins, strict=True)
    ]


def _rank_option(option: GrowthOption) -> tuple[float, Limits, float, str]:
    """Return what orders sizes as `sizing` does: of the variants of a size the most capacity comes first."""
    limits = option.result.cell.limits
    price = math.inf if option.hour_price is None else option.hour_price
    return price, limits.drop_variant(), -(option.capacity_users or option.users), limits.variant or ""


def _group_by_replica(sizes: Sequence[CellResult]) -> dict[Limits, list[CellResult]]:
    """Return the sizes by their single replica."""
    families: dict[Limits, list[CellResult]] = {}
    for each in sizes:
        families.setdefault(replace(each.cell.limits, replicas=1), []).append(each)
    return families


def _find_barrier(result: CellResult, family: Sequence[CellResult]) -> Barrier | None:
    """Return why nothing is to be said of more replicas of a size; None if nothing speaks against them.

    `family` are the sizes whose single replicas are alike, with this one.
    """
    if result.limiting_factor is Factor.DEPENDENCY:
        return Barrier.SHARED
    known = [each for each in family if each.sustains(1)]
    replicas = result.cell.limits.replicas
    if any(each.cell.limits.replicas > replicas for each in known):
        return Barrier.MEASURED_MORE
    fewer = [each for each in known if each.cell.limits.replicas < replicas]
    before = max(fewer, key=lambda each: each.cell.limits.replicas, default=None)
    if before is None or result.status is not Status.BRACKETED:
        return None
    each_before = (before.sustained_users or 0) / before.cell.limits.replicas
    each_now = (result.sustained_users or 0) / replicas
    return Barrier.SCALING if each_now < _SCALING_RATIO * each_before else None


def find_shared_part(results: Sequence[CellResult]) -> SharedPart | None:
    """Return the companion that is full first, by the CPU it used at the most users of any step that passed.

    None without companions, or without their counters.
    """
    passed = [step for result in results for step in result.steps if step.verdict is Verdict.PASS]
    busiest = max((step for step in passed if step.companions), key=lambda step: step.users, default=None)
    parts = [] if busiest is None else _list_shared_parts(busiest)
    return min(parts, key=lambda part: part.users, default=None)


def _list_shared_parts(step: StepResult) -> list[SharedPart]:
    parts = []
    for use in step.companions:
        used, limit = use.cpu_used_cores, use.limits.total_cores
        if used is not None and 0 < used < math.inf and 0 < limit < math.inf:
            parts.append(SharedPart(use.name, max(step.users, int(min(step.users * limit / used, 1e9)))))
    return parts


def count_months(growth: Growth, users: int) -> int | None:
    """Return after how many whole months there are so many users: 0 for no more than today's.

    None without a growth.
    """
    if growth.monthly_ratio is None or growth.monthly_ratio <= 0:
        return None
    if users <= growth.users:
        return 0
    return math.ceil(round(math.log(users / growth.users) / math.log1p(growth.monthly_ratio), 9))
