"""Put into words whether sizes that are measured at once disturb each other."""

from harness.model.side_by_side import Difference, SideBySide
from harness.report.view import text
from harness.report.view.explanations import explain_judgement


def describe_side_by_side(check: SideBySide | None, lanes: int) -> str:
    """Return what the check of several sizes at once has shown, and what follows; None is no answer."""
    if check is None or not check.is_valid:
        reason = "" if check is None or check.problem is None else f" ({explain_judgement(check.problem)})"
        return (
            f"whether {lanes} sizes at once disturb each other could not be told{reason}, "
            "so they are measured one at a time"
        )
    changes = (
        f"CPU per request {_describe(check.cpu)}, p95 {_describe(check.p95)}, "
        f"throttled periods {_describe(check.throttling)}"
    )
    size = text.format_size(check.cell.limits)
    sizes = [text.format_size(other.limits) for other in check.others]
    beside = f"{len(sizes)} of the same" if set(sizes) == {size} else ", ".join(sizes)
    held = f"{size} at {text.format_users(check.users)} beside {beside}"
    if check.is_undisturbed:
        return f"{check.lanes} sizes are measured at once; they don't disturb each other ({held}: {changes})"
    return f"sizes disturb each other, so they are measured one at a time ({held}: {changes})"


def _describe(difference: Difference) -> str:
    """Return a text such as "+0.8 % (2 % may be chance)"."""
    change = text.format_change(difference.change) if difference.change is not None else "unknown"
    return f"{change} ({text.format_ratio(difference.allowed)} may be chance)"
