"""What sizes cost, and which of them nobody would be sorry to have bought."""

from collections.abc import Mapping

from harness.model import GIB, Cell, CellResult, Cost, Limits, Price, Status


def hour_price(price: Price | None, cell: Cell) -> float | None:
    """What a cell's size costs an hour; None where nothing says so."""
    if price is None:
        return None
    if cell.size_name is not None and cell.size_name in price.by_name:
        return price.by_name[cell.size_name] * cell.limits.replicas
    if price.cpu_hour is None and price.gib_hour is None:
        return None
    limits = cell.limits
    return limits.all_cores * (price.cpu_hour or 0) + limits.all_bytes / GIB * (price.gib_hour or 0)


def costs(sizes: Mapping[Limits, CellResult], price: Price | None) -> tuple[Cost, ...]:
    """Every size that has a price, the cheapest first; among equals the one that sustains most."""
    hours = {
        limits: hour
        for limits, result in sizes.items()
        if (hour := hour_price(price, result.cell)) is not None
    }
    found, most = [], 0
    for limits in sorted(hours, key=lambda each: (hours[each], -users_of(sizes[each]), each)):
        users = users_of(sizes[limits])
        found.append(
            Cost(
                limits=limits,
                hour=hours[limits],
                users=users or None,
                hour_per_100_users=100 * hours[limits] / users if users else None,
                is_at_most=sizes[limits].status in (Status.CENSORED, Status.INFERRED),
                on_front=users > most,
            )
        )
        most = max(most, users)
    return tuple(found)


def users_of(result: CellResult) -> int:
    """What it is known to sustain; 0 where that is nothing, or nobody knows."""
    return result.sustained_users or 0 if result.sustains(1) else 0
