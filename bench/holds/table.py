"""Format what became of the certified users as a Markdown table, and count those that passed again."""

from collections.abc import Sequence

from bench.holds.campaign import Certificate, HeldCampaign, Hold
from harness.model import MIB, StepFacts
from harness.report.view import text
from harness.report.view.explanations import explain_judgement, name_rule

_COLUMNS = ("size", "certified", "became", "held", "p95", "RPS", "memory", "rise", "why")
_ALIGNMENT = "|:--|--:|:--|--:|--:|--:|--:|--:|:--|"


def format_table(campaign: HeldCampaign, holds: Sequence[tuple[Certificate, Hold | None]]) -> str:
    """Return a row for each of the holds (see `HeldCampaign.read_holds`), and a sentence that counts them."""
    rows = [_format_row(*pair) for pair in holds]
    at_full = sum(_has_survived(hold) and each in campaign.certificates for each, hold in holds)
    at_sure = len({each.cell.id for each, hold in holds if _has_survived(hold)})
    count = len(campaign.certificates)
    return "\n".join(
        [
            _format_line(_COLUMNS),
            _ALIGNMENT,
            *map(_format_line, rows),
            "",
            f"{at_full} of {count} sizes survive {campaign.window_s / 60:g} min at the users that they "
            f"sustained, {at_sure} of {count} at those less the precision that they report "
            f"({campaign.folder.name}).",
        ]
    )


def _has_survived(hold: Hold | None) -> bool:
    return hold is not None and hold.has_survived


def compute_memory_rise(facts: StepFacts) -> tuple[float, float] | None:
    """Return the target's working set at the window's end in bytes, and its rise in bytes per second.

    The rise is the slope of the least-squares line through the samples of the window's second half. A step
    that ended early is read to its end. None with fewer than two samples.
    """
    if facts.window_from_s is None:
        return None
    to_s = facts.window_to_s or facts.ended_s
    half_s = (facts.window_from_s + to_s) / 2
    points = [(each.at_s, each.working_set_bytes) for each in facts.target if half_s <= each.at_s <= to_s]
    if len(points) < 2:
        return None
    mean_s, mean_bytes = (sum(column) / len(points) for column in zip(*points, strict=True))
    slope = sum((at_s - mean_s) * (size - mean_bytes) for at_s, size in points)
    return points[-1][1], slope / sum((at_s - mean_s) ** 2 for at_s, _ in points)


def _format_row(certificate: Certificate, hold: Hold | None) -> Sequence[str]:
    size, users = text.format_size(certificate.cell.limits), f"{certificate.users} users"
    if hold is None:
        return size, users, "not held", *(text.NO_DATA,) * (len(_COLUMNS) - 3)
    result, rise = hold.result, compute_memory_rise(hold.facts)
    return (
        size,
        users,
        f"{result.verdict} ({text.clean_text(name_rule(result.judgement))})",
        text.format_duration(_compute_held_s(hold.facts)),
        text.format_seconds(result.latency.p95_s),
        text.format_rate(result.rps),
        text.format_mebibytes(rise[0] if rise else result.target.memory_peak_bytes),
        f"{60 * rise[1] / MIB:+.2f} MiB/min" if rise else text.NO_DATA,
        text.clean_text(explain_judgement(result.judgement)).replace("|", "/"),
    )


def _compute_held_s(facts: StepFacts) -> float | None:
    """Return how long the window lasted; None if the step ended before it."""
    if facts.window_from_s is None:
        return None
    return (facts.window_to_s or facts.ended_s) - facts.window_from_s


def _format_line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"
