"""The sentence that a buyer reads first."""

from harness.model import CellResult, Factor, Limits, Status
from harness.report.view import cell_text, text
from harness.report.view.view import View

REMEDIES = {
    Factor.CPU: "measure sizes with more CPU",
    Factor.MEMORY: "measure sizes with more memory",
    Factor.TARGET: "a larger size alone will not help, its own concurrency has to grow",
    Factor.ERRORS: "find the errors before buying a larger size",
    Factor.DEPENDENCY: "give its dependency more",
    Factor.GENERATOR: "give the generator more, then measure again",
    Factor.HOST: "measure on another host",
}


def sentence(view: View) -> str:
    """Which size to take for the users asked for, how it did, and what keeps the next smaller one from it."""
    sizing = view.sizing
    if sizing.take is not None:
        text = _everything(view, sizing.take) if sizing.all_sustain else _take(view, sizing.take)
    elif sizing.best is not None:
        text = _nothing(view, sizing.best)
    else:
        text = (
            "No size has an answer yet." if view.is_running else "No size has an answer that can be trusted."
        )
    return _begun(_so_far(view), text) + _unknown(sizing.open_sizes, decided=sizing.take is not None)


def _begun(prefix: str, text: str) -> str:
    return f"{prefix}{text[0].lower()}{text[1:]}" if prefix else text


def _so_far(view: View) -> str:
    if view.state == "complete" or view.sizing.best is None:
        return ""
    return "So far: " if view.is_running else "As far as it was measured before it was interrupted: "


def _take(view: View, take: CellResult) -> str:
    users, neighbour = view.users_limit, view.sizing.below
    how = f"For {users} users take {text.size(take.cell.limits)}: it sustained all {users}{_how(take)}"
    how += _cheapest(view, take)
    if neighbour is None:
        return f"{how}; it is the smallest size with an answer."
    return f"{how}; the next smaller size, {text.size(neighbour.cell.limits)}, {_stops(neighbour)}."


def _cheapest(view: View, take: CellResult) -> str:
    """`, for 0.041 EUR an hour the cheapest that does`; without prices nothing."""
    price = _price(view)
    if not price:
        return ""
    smallest = view.sizing.smallest
    other = (
        f" (the smallest is {text.size(smallest.cell.limits)})"
        if smallest is not None and smallest.cell.limits != take.cell.limits
        else ""
    )
    return f", for {price} an hour the cheapest that does{other}"


def _price(view: View) -> str:
    """Of the size to take, an hour; empty without prices."""
    return next((cell.price for cell in view.cells if cell.is_taken), "")


def _how(result: CellResult) -> str:
    """` with p95 0.21 s and 61 % of its CPU`, as far as it was measured."""
    used = text.share(result.cpu_used_cores, result.cell.limits.all_cores)
    parts = [
        f"p95 {text.seconds(result.p95_s)}" if text.known(result.p95_s) is not None else "",
        f"{text.percent(used)} of its CPU" if used is not None else "",
    ]
    said = " and ".join(part for part in parts if part)
    return f" with {said}" if said else ""


def _stops(result: CellResult) -> str:
    """What a size does instead of sustaining the users, and why."""
    evidence = text.inert(result.evidence).rstrip(".")
    because = f" because {evidence}" if evidence else ""
    match result.status:
        case Status.FAILED:
            return f"could not be brought up{': ' + evidence if evidence else ''}"
        case Status.NONE:
            return f"does not even sustain {text.count(result.broken_users)} users{because}"
        case _ if result.sustained_users is None:
            return f"sustains fewer than {text.count(result.broken_users)}{because}"
        case _ if result.broken_users is None:
            return f"sustains {cell_text.capacity(result)}{because}"
        case _:
            return f"sustains {cell_text.capacity(result)} and stops there{because}"


def _everything(view: View, take: CellResult) -> str:
    users, size = view.users_limit, text.size(take.cell.limits)
    if len(view.grid.sizes) == 1:
        enough = f"For {users} users {size} is enough: it sustained all {users}{_how(take)}"
        return f"{enough}; measure smaller sizes."
    price = _price(view)
    which = f"cheapest, {size} for {price} an hour," if price else f"smallest, {size},"
    return f"All of these sizes sustain {users} users; the {which} did so{_how(take)}: measure smaller ones."


def _nothing(view: View, best: CellResult) -> str:
    users, is_final = view.users_limit, not view.sizing.open_sizes
    subject = "None of these sizes" if is_final else "None of the sizes with an answer"
    remedy = REMEDIES.get(best.limiting_factor, "") if best.limiting_factor and is_final else ""
    hint = f"; {remedy}." if remedy else "."
    if not best.sustained_users:
        return (
            f"{subject} sustains {users} users, nor any number that was measured: "
            f"the largest, {text.size(best.cell.limits)}, {_stops(best)}{hint}"
        )
    return f"{subject} sustains {users} users: the best, {text.size(best.cell.limits)}, {_stops(best)}{hint}"


def _unknown(unknown: tuple[Limits, ...], *, decided: bool) -> str:
    """Honesty about the sizes that might have been a better answer."""
    if not unknown:
        return ""
    shown = ", ".join(text.size(limits) for limits in unknown[:3])
    more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
    if decided:
        return f" Smaller, but without an answer: {shown}{more}."
    return f" Without an answer: {shown}{more}."
