"""Put into words which size a number of users needs, and whether a requirement is met."""

from harness.model import CellResult, Check, Sizing
from harness.report.view import cell_text, text
from harness.report.view.explanations import explain_evidence


def describe_sizing(sizing: Sizing, hour_price: float | None = None, currency: str = "") -> tuple[str, ...]:
    """Return the answer with its evidence, an interpolated size, and the undecided sizes, a line each.

    `hour_price` is the price of the size to take.
    """
    hour = "" if hour_price is None else text.format_money(hour_price, currency)
    needed = f"{text.format_count(sizing.users)} users"
    if sizing.needed != sizing.users:
        needed += f" and headroom ({text.format_count(sizing.needed)})"
    lines = [f"For {needed} {_describe_answer(sizing, hour)}"]
    if sizing.interpolation is not None:
        between = sizing.interpolation
        smaller, larger = _describe_result(between.smaller), _describe_result(between.larger)
        lines.append(
            f"Interpolated, not measured: {text.format_size(between.limits)}, between "
            f"{smaller} and {larger}. Measure it before you buy it."
        )
    if sizing.undecided_sizes:
        sizes = ", ".join(text.format_size(limits) for limits in sizing.undecided_sizes[:5])
        lines.append(f"Without an answer: {sizes}.")
    return tuple(lines)


def _describe_answer(sizing: Sizing, hour: str) -> str:
    if sizing.recommended is None:
        best = (
            f"; the best is {_describe_result(sizing.best)}{_explain_limit(sizing.best)}"
            if sizing.best
            else ""
        )
        return f"no measured size is known to be enough{best}."
    below = (
        f" The next below, {_describe_result(sizing.next_smaller)}{_explain_limit(sizing.next_smaller)}."
        if sizing.next_smaller
        else ""
    )
    return f"take {_describe_result(sizing.recommended)}{_describe_cost(sizing, hour)}.{below}"


def _describe_cost(sizing: Sizing, hour: str) -> str:
    """Return `, for 0.041 EUR an hour the cheapest`, and the smallest size if that is another one."""
    if not hour:
        return ""
    smallest, take = sizing.smallest, sizing.recommended
    if smallest is None or take is None or smallest.cell.limits == take.cell.limits:
        return f", for {hour} an hour the cheapest, and the smallest"
    return f", for {hour} an hour the cheapest; the smallest is {_describe_result(smallest)}"


def _describe_result(result: CellResult) -> str:
    """Return such as "0.5 CPU / 256 MiB, which sustains 250 (245–257) users"."""
    size = text.format_size(result.cell.limits)
    if result.sustained_users is None:
        return f"{size} ({cell_text.format_bracket(result)})"
    return f"{size}, which sustains {cell_text.describe_capacity(result)} users"


def _explain_limit(result: CellResult) -> str:
    return (
        f" and stops there because {text.clean_text(explain_evidence(result.evidence))}"
        if result.broken_users
        else ""
    )


def describe_check(check: Check) -> str:
    """Return `met: users >= 400 at cpus <= 1: 1 CPU / 256 MiB, which sustains at least 400 users`."""
    outcome = {True: "met", False: "NOT MET", None: "INCONCLUSIVE"}[check.is_met]
    size = (
        _describe_result(check.decided_by)
        if check.decided_by
        else "no measured size lies within these bounds"
    )
    return f"{outcome}: {text.clean_text(check.requirement.text)}: {size}"
