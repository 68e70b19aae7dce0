"""Compare base and head of a change in pairs of windows, at one size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.campaign.ab import AbRequest, adapt_targets, run_ab
from harness.cli.ab import AbLines
from harness.cli.console import say, show_report_path, write_index
from harness.errors import UsageError
from harness.model import CampaignResult, CellResult, Limits, Plan, Status, Target
from harness.model.ab import AbAnswer, Side
from harness.plan.ab import plan_ab
from harness.plan.schema.variants import UNCHANGED


@dataclass(frozen=True, slots=True)
class PairsAsked:
    """What is asked of the pairs: the size (None: the size to take), how long, and which change counts."""

    size: str | None
    within_s: float
    least_ratio: float


def check_size(plan: Plan, asked: PairsAsked) -> None:
    """Raise UsageError if the matrix has no such size, before anything is measured."""
    if asked.size is not None:
        plan_ab(plan, asked.size, UNCHANGED, UNCHANGED)


def compare_in_pairs(
    plan: Plan, base: Plan, names: Mapping[Side, str], asked: PairsAsked, head: CampaignResult, results: Path
) -> AbAnswer:
    """Hold base and head in turn, and return the answer.

    `plan` is that of the head, `head` its campaign. `names` are those of the two commits.

    Raises:
        UsageError: no size of the matrix can be compared.
        BackendError: the engine or the generator failed, or the base does not bear the users.
    """
    limits = None if asked.size is not None else choose_limits(head.cells, head.sizing.recommended)
    variant = (limits.variant if limits is not None else None) or UNCHANGED
    size = asked.size if limits is None else _find_id(plan, limits)
    sides = plan_ab(plan, size, variant, variant)
    targets = _take_targets(sides, base)
    say("base and head of the change, in turn:")
    request = AbRequest(
        names[Side.BASE], names[Side.HEAD], within_s=asked.within_s, least_ratio=asked.least_ratio
    )
    answer, folder = run_ab(sides, request, results, AbLines(), fresh=True, targets=targets)
    write_index(results)
    show_report_path(folder.path / "ab.html")
    return answer


def choose_limits(cells: Sequence[CellResult], recommended: CellResult | None) -> Limits:
    """Return the size to take; without one that which sustains most; if none sustains a user, the largest.

    Raises UsageError if every size was skipped.
    """
    if recommended is not None:
        return recommended.cell.limits
    held = sorted(
        (each for each in cells if each.status is not Status.SKIPPED), key=lambda each: each.cell.limits
    )
    if not held:
        raise UsageError("no size of the matrix was measured", "add sizes that this host can measure")
    most = max(held, key=lambda each: each.sustained_users or 0)
    return (most if most.sustained_users else held[-1]).cell.limits


def _find_id(plan: Plan, limits: Limits) -> str:
    return next(cell.id for cell in plan.cells if cell.limits == limits)


def _take_targets(sides: Plan, base: Plan) -> Mapping[Side, Target]:
    """Return the target of each side: the head's own, and that of the base with what the variant sets."""
    cells = {Side(cell.limits.variant or ""): cell for cell in sides.cells}
    return {**adapt_targets(sides), Side.BASE: cells[Side.BASE].adapt_target(base.target)}
