"""Put into words what to take as users grow: a row for each size, what it costs, and what it stands on."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from harness.model import (
    Barrier,
    CampaignResult,
    Choice,
    Ground,
    Growth,
    GrowthOption,
    GrowthRow,
    Limits,
    Status,
)
from harness.model.campaign import ALIKE_RATIO
from harness.model.growth import MILLION
from harness.report.view import text
from harness.report.view.relative_cost import estimate_cost, format_relative_cost

GROUND_WORDS = {
    Ground.MEASURED: "measured",
    Ground.PREDICTED: "measured, headroom predicted",
    Ground.TIGHT: "measured, without the headroom",
    Ground.REASONED: "reasoned, not measured",
}
_MONTHS_BETWEEN_MARKS = 6
_IN_TIMES_FROM = 10


@dataclass(frozen=True, slots=True)
class GrowthRowView:
    """A row of the table. `users` are such as `401 – 800`; `cell_id` is that of the size that was measured.

    `month` is empty without a growth. `ground` is a value of `Ground`, and `known_by` says it in words.
    """

    users: str
    month: str
    size: str
    cost: str
    ground: str
    known_by: str
    cell_id: str
    until_users: int


@dataclass(frozen=True, slots=True)
class GrowthStep:
    """A part of the picture: what it costs to hold the users after `from_users`, up to `until_users`."""

    from_users: int
    until_users: int
    cost: float
    ground: str


@dataclass(frozen=True, slots=True)
class GrowthView:
    """What to take as users grow, for the page and for the terminal.

    `title` names the headroom, and the growth if there is one. `data` is what the page's script needs to
    choose a size by itself. `month_marks` are the users after every six months, with the months.
    """

    title: str
    users: int
    measured_users: int
    most_users: int
    cost_heading: str
    rows: tuple[GrowthRowView, ...]
    steps: tuple[GrowthStep, ...]
    month_marks: tuple[tuple[float, str], ...]
    notes: tuple[str, ...]
    data: dict[str, Any]


def build_growth_view(result: CampaignResult, growth: Growth | None = None) -> GrowthView | None:
    """Format a campaign's growth, or this one; None if no size is known to sustain any users."""
    growth = growth or result.growth
    if growth is None or not growth.options:
        return None
    compute_cost = _choose_cost(result)
    return GrowthView(
        title=_write_title(growth),
        users=growth.users,
        measured_users=growth.measured_users,
        most_users=growth.most_users,
        cost_heading="Price an hour" if result.costs else "Relative cost",
        rows=tuple(_build_row(row, growth, result) for row in growth.rows),
        steps=tuple(
            GrowthStep(row.from_users - 1, min(row.until_users, growth.most_users), cost, ground.value)
            for row in growth.steps
            if (cost := compute_cost(row.choice.option, row.choice.replicas)) is not None
            for ground in [row.choice.ground]
        ),
        month_marks=_place_months(growth),
        notes=_write_notes(result, growth),
        data=_build_data(result, growth, compute_cost),
    )


def _write_title(growth: Growth) -> str:
    parts = [_format_headroom(growth.headroom_ratio)] if growth.headroom_parts else []
    if growth.monthly_ratio:
        users = text.format_users(growth.users)
        parts.append(f"growing {_format_growth(growth.monthly_ratio)} a month from {users}")
    return f"As you grow, {', '.join(parts)}" if parts else "As you grow"


def _format_growth(monthly_ratio: float) -> str:
    """Return a growth: `by 8 %`, and from ten times as many on `12-fold`."""
    times = 1 + monthly_ratio
    if times < _IN_TIMES_FROM:
        return f"by {text.format_limit(monthly_ratio)}"
    return f"{text.format_count(round(times))}-fold"


def _format_headroom(headroom_ratio: float) -> str:
    return f"with {text.format_limit(headroom_ratio)} headroom"


def _build_row(row: GrowthRow, growth: Growth, result: CampaignResult) -> GrowthRowView:
    choice = row.choice
    known_by = _describe_ground(choice)
    if choice.instead is not None:
        known_by += f"; {name_choice(choice.instead)} would keep it (reasoned)"
    return GrowthRowView(
        users=_format_span(row),
        month=_describe_month(row, growth),
        size=name_choice(choice),
        cost=_format_cost(choice, result) or text.NO_DATA,
        ground=choice.ground.value,
        known_by=known_by,
        cell_id=text.clean_text(choice.option.result.cell.id),
        until_users=row.until_users,
    )


def _describe_ground(choice: Choice) -> str:
    """Return what a choice stands on; a size that was not held itself does not pretend that it was."""
    words = GROUND_WORDS[choice.ground]
    if choice.ground is Ground.REASONED or not choice.option.result.is_inferred_only:
        return words
    return words.replace("measured", "inferred from another size", 1)


def _format_span(row: GrowthRow) -> str:
    first, last = text.format_count(row.from_users), text.format_count(row.until_users)
    return f"{first} – {last}" if row.until_users > row.from_users else last


def _describe_month(row: GrowthRow, growth: Growth) -> str:
    """Return from which month on the row counts: `now`, `month 5`; a dash for less than today's users."""
    if row.from_month is None:
        return ""
    if row.until_users < growth.users:
        return text.NO_DATA
    return f"month {row.from_month}" if row.from_month else "now"


def name_choice(choice: Choice) -> str:
    """Return the size with its number of replicas and its name in the matrix."""
    return _name_size(choice.option, choice.replicas)


def _name_size(option: GrowthOption, replicas: int) -> str:
    cell = option.result.cell
    name = f" ({text.clean_text(cell.size_name)})" if cell.size_name else ""
    return text.format_size(replace(cell.limits, replicas=replicas)) + name


def describe_replicas(choice: Choice | None, result: CampaignResult) -> str:
    """Return how many replicas would be enough where no measured size is; empty if one is, or if unknown."""
    replicas = choice.instead if choice is not None and choice.ground is Ground.TIGHT else choice
    if replicas is None or replicas.ground is not Ground.REASONED:
        return ""
    cost = _format_cost(replicas, result)
    priced = f", for {cost} an hour," if cost and result.costs else ""
    return (
        f"Reasoned, not measured: {name_choice(replicas)}{priced} would hold up to "
        f"{text.format_users(replicas.until_users)}, if nothing that the replicas share is full before."
    )


def _format_cost(choice: Choice, result: CampaignResult) -> str:
    """Return the price an hour, or without prices the relative cost; empty if the size has no price."""
    cost = _choose_cost(result)(choice.option, choice.replicas)
    if cost is None:
        return ""
    if result.costs:
        return text.format_money(cost, result.price.currency if result.price else "")
    return format_relative_cost(cost)


def _get_cost_words(result: CampaignResult) -> tuple[str, str]:
    """Return what stands before and after a cost in a sentence."""
    return (", for ", " an hour") if result.costs else (", relative cost ", "")


def _choose_cost(result: CampaignResult) -> Callable[[GrowthOption, int], float | None]:
    """Return what computes the cost of so many replicas of a size: the price of an hour, or a relative cost.

    The latter is in multiples of the campaign's smallest size.
    """
    if result.costs:
        return lambda option, replicas: (
            None if option.replica_price is None else option.replica_price * replicas / (1000 * MILLION)
        )
    least = min((estimate_cost(each.cell.limits) for each in result.cells), default=1.0)
    return lambda option, replicas: (
        estimate_cost(replace(option.result.cell.limits, replicas=1)) / least * replicas
    )


def _place_months(growth: Growth) -> tuple[tuple[float, str], ...]:
    ratio = growth.monthly_ratio
    if not ratio:
        return ()
    most = math.log(growth.most_users / growth.users) / math.log1p(ratio)
    months = range(_MONTHS_BETWEEN_MARKS, int(min(most, 120)) + 1, _MONTHS_BETWEEN_MARKS)
    return tuple((growth.users * (1 + ratio) ** month, f"{month} months") for month in months)


def _write_notes(result: CampaignResult, growth: Growth) -> tuple[str, ...]:
    """Return what a reader must know of the table: how far it is measured, and what it takes for granted."""
    notes = [_describe_measured(growth)]
    if any(row.choice.ground is Ground.REASONED for row in growth.rows):
        notes.append(
            "Beyond the measurements, replicas of one size are counted: reasoned, not measured. Replicas "
            "behind a load balancer share the users only if nothing stops them that all of them use, such as "
            "a database, a lock or the load balancer, whose cost is left out. So a size that was measured is "
            "preferred, even if replicas would cost less. limits.replicas in the matrix measures them. A row "
            "of replicas has what the last of its users need: for fewer of them less may be enough, which "
            "`harness size` tells."
        )
    if growth.shared is not None:
        name, users = text.clean_text(growth.shared.name), text.format_users(growth.shared.users)
        notes.append(
            f"All replicas share {name}, which is expected to use all of its CPU at about {users} "
            "(headroom included): no replicas are counted beyond."
        )
    notes += _explain_barriers(growth)
    notes += _name_unknown_sizes(result)
    notes += _suggest_higher_limit(result, growth)
    return tuple(notes)


def _describe_measured(growth: Growth) -> str:
    if not growth.measured_users:
        return f"No size that was measured is enough for any users{_mention_headroom(growth)}."
    measured = text.format_users(growth.measured_users)
    return f"Up to {measured} a size that was measured is enough{_mention_headroom(growth)}."


def _mention_headroom(growth: Growth) -> str:
    return f", {_format_headroom(growth.headroom_ratio)}" if growth.headroom_parts else ""


def _explain_barriers(growth: Growth) -> list[str]:
    reasons = {
        Barrier.SHARED: "what stops them is a dependency, which all replicas share",
        Barrier.SCALING: "their replicas together sustained much less than as many single ones",
    }
    notes = []
    for barrier, reason in reasons.items():
        sizes = [_name_size(each, 1) for each in growth.options if each.barrier is barrier]
        if sizes:
            notes.append(f"More replicas are not counted for {text.list_first(sizes)}: {reason}.")
    return notes


def _name_unknown_sizes(result: CampaignResult) -> list[str]:
    """Return which sizes are left out although they may do for some users: what they sustain is unknown."""
    sizes = [
        text.format_size(each.cell.limits)
        for each in result.cells
        if each.is_undecided or (each.status is Status.INFERRED and each.sustained_users is None)
    ]
    return [f"Left out, because what they sustain is not known: {text.list_first(sizes)}."] if sizes else []


def _suggest_higher_limit(result: CampaignResult, growth: Growth) -> list[str]:
    """Return that a size may hold more than was tried, if it is one that ends the measured part."""
    limit = result.users_limit
    is_open = any(
        each.users >= limit and each.result.status is Status.CENSORED and each.room_users > limit
        for each in growth.options
    )
    if not is_open:
        return []
    were = f"{text.format_users(limit)} {'was' if limit == 1 else 'were'}"
    return [f"No more than {were} tried: a higher users.limit may show that one size holds more."]


def _build_data(
    result: CampaignResult, growth: Growth, compute_cost: Callable[[GrowthOption, int], float | None]
) -> dict[str, Any]:
    """Return what the page's script chooses by: whole numbers as in `analyse.result.growth`, and names."""
    cells = _list_cells(result)
    shared = growth.shared
    return {
        "users": growth.users,
        "headroom": growth.headroom_parts,
        "most": growth.most_users,
        "alike": ALIKE_RATIO,
        "shared": None if shared is None else {"name": text.clean_text(shared.name), "users": shared.users},
        "costWords": _get_cost_words(result),
        "currency": text.clean_text(result.price.currency) if result.costs and result.price else "",
        "isPriced": bool(result.costs),
        "options": [
            {
                "cells": cells[each.result.cell.limits],
                "size": text.format_size(replace(each.result.cell.limits, replicas=1)),
                "name": text.clean_text(each.result.cell.size_name or ""),
                "replicas": each.result.cell.limits.replicas,
                "users": each.users,
                "room": each.room_users,
                "capacity": each.capacity_users,
                "price": each.replica_price,
                "cores": each.replica_cores,
                "memory": each.result.cell.limits.memory_bytes,
                "cost": compute_cost(each, 1),
                "multiplies": each.barrier is None,
                "inferred": each.result.is_inferred_only,
            }
            for each in growth.options
        ],
    }


def _list_cells(result: CampaignResult) -> dict[Limits, list[str]]:
    cells: dict[Limits, list[str]] = {}
    for each in result.cells:
        cells.setdefault(each.cell.limits, []).append(text.clean_text(each.cell.id))
    return cells
