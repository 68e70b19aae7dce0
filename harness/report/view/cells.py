"""A size's answer in words, ready to be placed in a table, a matrix or a list."""

from dataclasses import dataclass, field, replace

from harness.model import CampaignResult, CellResult, Cost, Status, Verdict
from harness.report.view import cell_text, text
from harness.report.view.checks import spread
from harness.report.view.steps import StepView, step_view


@dataclass(frozen=True, slots=True)
class CellView:
    """One size, ready to be placed. `heat` is 1 … 9 by sustained users, 0 where none, None where unknown."""

    id: str
    size: str
    name: str
    status: str
    symbol: str
    bracket: str
    heat: int | None
    sustains_limit: bool
    is_taken: bool
    factor: str
    evidence: str
    why: str
    estimate: str
    rps: str
    p95: str
    error_ratio: str
    cpu_used: str
    cpu_share: str
    throttled: str
    memory_peak: str
    memory_share: str
    ready_after: str
    load: str
    remark: str
    spread: str
    price: str
    price_per_100: str
    on_front: bool
    steps: tuple[StepView, ...]
    result: CellResult = field(repr=False)


def cell_view(campaign: CampaignResult, result: CellResult, cost: Cost | None) -> CellView:
    limits, shown, taken = result.cell.limits, _trusted(result), campaign.sizing.take
    users_limit = campaign.users_limit
    return CellView(
        id=text.inert(result.cell.id),
        size=text.size(limits),
        name=_name(result),
        status=result.status.value,
        symbol=cell_text.SYMBOLS[result.status],
        bracket=cell_text.bracket(result),
        heat=_heat(result, users_limit),
        sustains_limit=result.sustains(users_limit),
        is_taken=taken is not None and taken.cell.limits == limits,
        factor=cell_text.factor(result),
        evidence=text.inert(result.evidence),
        why=cell_text.why(result),
        estimate=cell_text.capacity(result)
        if text.known(result.estimate_users) is not None
        else text.NO_DATA,
        rps=text.rate(shown.rps),
        p95=text.seconds(shown.p95_s),
        error_ratio=text.percent(shown.error_ratio),
        cpu_used=text.cores(shown.cpu_used_cores),
        cpu_share=text.percent(text.share(shown.cpu_used_cores, limits.all_cores)),
        throttled=text.percent(shown.throttled_ratio),
        memory_peak=text.mebibytes(shown.memory_peak_bytes),
        memory_share=text.percent(text.share(shown.memory_peak_bytes, limits.memory_bytes)),
        ready_after=text.seconds(result.ready_after_s),
        load=text.duration(result.load_s),
        remark=cell_text.remark(result),
        spread=spread(campaign, result),
        price=text.money(cost.hour, currency(campaign)) if cost else "",
        price_per_100=_per_100(cost, currency(campaign)) if cost else "",
        on_front=cost is not None and cost.on_front,
        steps=tuple(step_view(step) for step in sorted(result.steps, key=lambda step: step.index)),
        result=shown,
    )


def currency(campaign: CampaignResult) -> str:
    return text.inert(campaign.price.currency) if campaign.price else ""


def _per_100(cost: Cost, currency: str) -> str:
    most = "≤ " if cost.is_at_most and cost.users else ""
    return most + text.money(cost.hour_per_100_users, currency)


def _trusted(result: CellResult) -> CellResult:
    """An INVALID cell has no numbers to compare: those of a lighter step would pass for its answer."""
    if result.status is not Status.INVALID:
        return result
    return replace(
        result,
        rps=None,
        p95_s=None,
        error_ratio=None,
        cpu_used_cores=None,
        throttled_ratio=None,
        memory_peak_bytes=None,
    )


def _name(result: CellResult) -> str:
    """What the matrix calls this size, and which repetition it is: empty for a plain one."""
    named = text.inert(result.cell.size_name) if result.cell.size_name else ""
    repeated = f"run {result.cell.repetition}" if result.cell.repetition > 1 else ""
    return ", ".join(part for part in (named, repeated) if part)


def _heat(result: CellResult, users_limit: int) -> int | None:
    if result.status is Status.NONE:
        return 0
    if result.is_open or result.status is Status.FAILED or result.sustained_users is None:
        return None
    return max(1, min(9, round(9 * result.sustained_users / max(users_limit, 1))))


def decisive(cell: CellView) -> tuple[StepView, ...]:
    """The steps at the bracket's ends: last PASS at `sustained_users`, last FAIL at `broken_users`."""
    ends = (
        (cell.result.sustained_users, Verdict.PASS.value),
        (cell.result.broken_users, Verdict.FAIL.value),
    )
    found = (
        next((step for step in reversed(cell.steps) if (step.users, step.verdict) == end), None)
        for end in ends
    )
    return tuple(step for step in found if step is not None)
