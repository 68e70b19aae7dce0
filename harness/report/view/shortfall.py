"""Put into words that a throughput shortfall stopped a size, or why none was judged."""

from harness.model import CellResult, IndicatorKind, StepResult
from harness.model.light_load import NoShortfall, ShortfallGap
from harness.report.view.explanations import explain_judgement
from harness.report.view.text import clean_text, format_count, format_ratio, format_users

_NAMES_AT_MOST = 3


def describe_shortfall(result: CellResult) -> str:
    """Return that the throughput shortfall stopped a cell, or why it was not judged; empty otherwise."""
    return _name_broken_shortfall(result) or explain_missing_shortfall(result)


def _name_broken_shortfall(result: CellResult) -> str:
    for step in reversed(result.steps):
        slo = step.judgement.broken_slo if step.users == result.broken_users else None
        if slo is not None and slo.kind is IndicatorKind.SHORTFALL:
            broken = explain_judgement(step.judgement)
            held = format_users(step.users)
            return f"stopped at {held} by {broken}: users make fewer requests than at light load"
    return ""


def explain_missing_shortfall(result: CellResult) -> str:
    """Return why the step at the sustained users has no throughput shortfall; empty if it has one.

    An example: `the throughput shortfall is not judged: …, so response times decide`.
    """
    steps = (step for step in reversed(result.steps) if step.users == result.sustained_users)
    gap = _find_gap(next(steps, None))
    return "" if gap is None else f"the throughput shortfall is not judged: {explain_gap(gap)}"


def _find_gap(step: StepResult | None) -> ShortfallGap | None:
    return None if step is None else step.shortfall_gap


def explain_gap(gap: ShortfallGap) -> str:
    """Return why a step has no throughput shortfall."""
    waits = f"{format_ratio(gap.wait_ratio)} of the time"
    match gap.reason:
        case NoShortfall.NO_PACE:
            who = "a single user waits" if gap.users == 1 else f"{format_count(gap.users)} users wait"
            return f"{who} for {waits} and hardly thinks, so response times alone decide"
        case NoShortfall.NOT_LIGHT:
            return f"no step was light to compare with ({format_count(gap.users)} users wait for {waits})"
        case NoShortfall.UNSEEN:
            names = ", ".join(clean_text(name) for name in gap.names[:_NAMES_AT_MOST])
            more = ", …" if len(gap.names) > _NAMES_AT_MOST else ""
            return f"{names}{more} was never asked for at light load, so there is nothing to compare with"
