"""Put into words which size a number of users needs, and whether a requirement is met."""

from harness.model import CellResult, Check, Sizing
from harness.model.trials import TrialCheck
from harness.report.view import cell_text, text
from harness.report.view.explanations import explain_evidence
from harness.report.view.margin import describe_certainty, describe_margin, describe_toss_up
from harness.report.view.trials import describe_trial_check


def describe_sizing(sizing: Sizing, hour_price: float | None = None, currency: str = "") -> tuple[str, ...]:
    """Return up to three lines: the recommended size, an interpolated size, and the undecided sizes.

    `hour_price` is the price of the recommended size per hour; None without prices.
    """
    price = "" if hour_price is None else text.format_money(hour_price, currency)
    needed = text.format_users(sizing.users)
    if sizing.needed != sizing.users:
        needed += f" and headroom ({text.format_count(sizing.needed)})"
    lines = [f"For {needed} {_recommend(sizing, price)}"]
    if sizing.interpolation is not None:
        interpolation = sizing.interpolation
        smaller, larger = _describe_result(interpolation.smaller), _describe_result(interpolation.larger)
        lines.append(
            f"Interpolated, not measured: {text.format_size(interpolation.limits)}, between "
            f"{smaller} and {larger}. Measure it before you buy it."
        )
    if sizing.undecided_sizes:
        sizes = ", ".join(text.format_size(limits) for limits in sizing.undecided_sizes[:5])
        lines.append(f"Without an answer: {sizes}.")
    return tuple(lines)


def _recommend(sizing: Sizing, price: str) -> str:
    """Return `take …` with the size, its soak and the next smaller size, or that no size is enough."""
    if sizing.recommended is None:
        best = (
            f"; the best is {_describe_result(sizing.best)}{_explain_limit(sizing.best)}"
            if sizing.best
            else ""
        )
        return f"no measured size is known to be enough{best}."
    next_smaller = (
        f" The next smaller size is {_describe_result(sizing.next_smaller)}"
        f"{_explain_limit(sizing.next_smaller)}{describe_toss_up(sizing)}."
        if sizing.next_smaller
        else ""
    )
    soak, held = sizing.recommended.soak, cell_text.describe_soak(sizing.recommended)
    if soak is not None:
        held = f" {'After' if soak.is_later else 'At the end of'} the campaign it was {held}."
    sure = (
        f" It is {describe_certainty(sizing.margin)} that another run sustains "
        f"{text.format_users(sizing.users)}."
        if sizing.margin is not None and cell_text.has_come_up_again(sizing.recommended)
        else ""
    )
    size, margin = _describe_result(sizing.recommended), describe_margin(sizing)
    return f"take {size}{_describe_cost(sizing, price)}.{sure}{margin}{held}{next_smaller}"


def _describe_cost(sizing: Sizing, price: str) -> str:
    """Return `, for 0.041 EUR an hour the cheapest`, with the smallest size; empty without a price.

    A size that is taken for want of one with the headroom is neither.
    """
    if not price:
        return ""
    if not sizing.keeps_headroom:
        return f", for {price} an hour"
    smallest, recommended = sizing.smallest, sizing.recommended
    if smallest is None or recommended is None or smallest.cell.limits == recommended.cell.limits:
        return f", for {price} an hour the cheapest, and the smallest"
    return f", for {price} an hour the cheapest; the smallest is {_describe_result(smallest)}"


def _describe_result(result: CellResult) -> str:
    """Return a size with its capacity, such as `0.5 CPU / 256 MiB, which sustains 250 (245–257) users`."""
    size = text.format_size(result.cell.limits)
    if result.sustained_users is None:
        return f"{size} ({cell_text.format_bracket(result)})"
    users = "user" if result.sustained_users == 1 and result.broken_users is None else "users"
    return f"{size}, which sustains {cell_text.describe_capacity(result)} {users}"


def _explain_limit(result: CellResult) -> str:
    evidence = text.clean_text(explain_evidence(result.evidence))
    return f" and stops there because {evidence}" if result.broken_users and evidence else ""


def describe_check(check: Check | TrialCheck) -> str:
    """Return whether a requirement is met, with the size or the trial that decides it.

    An example: `met: users >= 400 at cpus <= 1: 1 CPU / 256 MiB, which sustains at least 400 users`.
    """
    if isinstance(check, TrialCheck):
        return describe_trial_check(check)
    outcome = {True: "met", False: "NOT MET", None: "INCONCLUSIVE"}[check.is_met]
    size = (
        _describe_result(check.decided_by)
        if check.decided_by
        else "no measured size lies within these bounds"
    )
    return f"{outcome}: {text.clean_text(check.requirement.text)}: {size}"
