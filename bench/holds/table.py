"""Format what became of the certified users as a Markdown table, and count those that passed again."""

from collections.abc import Iterable, Sequence

from bench.holds.campaign import Certificate, HeldCampaign, Hold
from harness.model import MIB, StepFacts
from harness.report.view import text
from harness.report.view.explanations import explain_judgement, name_rule

_COLUMNS = ("size", "certified", "became", "held", "p95", "RPS", "memory", "rise", "host", "why")
_ALIGNMENT = "|:--|--:|:--|--:|--:|--:|--:|--:|--:|:--|"


def format_table(campaign: HeldCampaign, holds: Sequence[tuple[Certificate, Hold | None]]) -> str:
    """Return a row for each of the holds (see `HeldCampaign.read_holds`), and a sentence that counts them.

    The column `host` says by how much more CPU time a fixed piece of work needed than when the users passed.
    """
    survivors = [certificate for certificate, hold in holds if hold is not None and hold.has_survived]
    count = len(campaign.certificates)
    sure = _count_sizes(survivors)
    at_speed = _count_sizes(each for each in survivors if not each.is_sure)
    at_full = _count_sizes(each for each in survivors if not (each.is_sure or each.is_slowed))
    return "\n".join(
        [
            _format_line(_COLUMNS),
            _ALIGNMENT,
            *(_format_line(_format_row(*pair)) for pair in holds),
            "",
            f"{at_full} of {count} sizes survive {campaign.window_s / 60:g} min at the users that they "
            f"sustained, {at_speed} of {count} at those or, on a host that had become slower, at fewer in "
            f"proportion, {sure} of {count} at those less the precision that they report "
            f"({campaign.folder.name}).",
        ]
    )


def _count_sizes(certificates: Iterable[Certificate]) -> int:
    return len({each.cell.id for each in certificates})


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
    pace_ratio = certificate.compare_pace(result.host.work_s)
    return (
        size,
        users,
        f"{result.verdict} ({text.clean_text(name_rule(result.judgement))})",
        _describe_held(hold),
        text.format_seconds(result.latency.p95_s),
        text.format_rate(result.rps),
        text.format_mebibytes(rise[0] if rise else result.target.memory_peak_bytes),
        f"{60 * rise[1] / MIB:+.2f} MiB/min" if rise else text.NO_DATA,
        text.NO_DATA if pace_ratio is None else f"{100 * pace_ratio:+.0f} %",
        text.clean_text(explain_judgement(result.judgement)).replace("|", "/"),
    )


def _describe_held(hold: Hold) -> str:
    """Return how long the window lasted, and how much of it was judged if it was disturbed."""
    held, left_out_s = text.format_duration(_compute_held_s(hold.facts)), hold.result.host.left_out_s
    return f"{text.format_duration(hold.result.window_s)} of {held}" if left_out_s > 0 else held


def _compute_held_s(facts: StepFacts) -> float | None:
    """Return how long the window lasted; None if the step ended before it."""
    if facts.window_from_s is None:
        return None
    return (facts.window_to_s or facts.ended_s) - facts.window_from_s


def _format_line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"
