"""Put a size's answer into words, ready to be placed in a table, a matrix or a list."""

from dataclasses import dataclass, field, replace

from harness.model import CampaignResult, CellResult, Cost, Limits, Status, Verdict
from harness.report.view import cell_text, text
from harness.report.view.checks import format_spread
from harness.report.view.curves import describe_shape, find_other_slo
from harness.report.view.explanations import explain_evidence
from harness.report.view.memory import describe_memory
from harness.report.view.speed import describe_slowdown, format_reference
from harness.report.view.steps import StepView, build_step_view
from harness.report.view.variant_text import describe_variant


@dataclass(frozen=True, slots=True)
class CellView:
    """A cell with its answer in words; an unknown number is a dash.

    `name` is the size's name in the matrix and its repetition. `why` is the limiting factor and its evidence.
    `reference` is the capacity with the host at its best, and `slowdown` says why it differs from the
    bracket; both are empty if that is unknown, and `slowdown` also if they differ little. `shape` is what the
    curve does at its upper end. `slo_time_s` is the response time that the first SLO on all requests limits,
    if that is another one than the p95. `heat` is 1 … 9 by sustained users, 0 if it sustains none, None if
    unknown. Prices are empty without a cost. `result` keeps the numbers for charts and sorting.
    """

    id: str
    size: str
    name: str
    status: str
    bracket: str
    heat: int | None
    sustains_limit: bool
    is_recommended: bool
    factor: str
    evidence: str
    why: str
    estimate: str
    precision: str
    reference: str
    slowdown: str
    rps: str
    p95: str
    slo_time_s: float | None
    error_ratio: str
    cpu_used: str
    cpu_share: str
    throttled: str
    memory_peak: str
    memory_share: str
    memory_trend: str
    ready_after: str
    load: str
    remark: str
    spread: str
    shape: str
    price: str
    price_per_100: str
    is_on_front: bool
    steps: tuple[StepView, ...]
    result: CellResult = field(repr=False)

    @property
    def symbol(self) -> str:
        """The symbol of the status; empty for a bracketed size."""
        return cell_text.STATUS_SYMBOLS[self.result.status]

    @property
    def variant(self) -> str:
        """The name of the cell's variant; empty without variants."""
        return text.clean_text(self.result.cell.limits.variant or "")

    @property
    def sets(self) -> str:
        """What the variant sets at this size; empty without variants."""
        variant = self.result.cell.variant
        return describe_variant(variant) if variant is not None else ""


def build_cell_view(campaign: CampaignResult, result: CellResult, cost: Cost | None) -> CellView:
    """Format a cell's numbers and explain its answer; `cost` is None without prices."""
    limits, numbers = result.cell.limits, _drop_untrusted_numbers(result)
    return CellView(
        id=text.clean_text(result.cell.id),
        size=text.format_size(limits),
        name=_label_cell(result),
        status=result.status.value,
        bracket=cell_text.format_bracket(result),
        heat=_compute_heat(result, campaign.users_limit),
        sustains_limit=result.sustains(campaign.users_limit),
        is_recommended=_is_recommended(campaign, limits),
        factor=cell_text.name_factor(result),
        evidence=text.clean_text(explain_evidence(result.evidence)),
        why=cell_text.explain_result(result),
        estimate=cell_text.format_estimated_users(result),
        precision=cell_text.format_precision(result),
        reference=format_reference(result),
        slowdown=describe_slowdown(result),
        rps=text.format_rate(numbers.rps),
        p95=text.format_seconds(numbers.p95_s),
        slo_time_s=_find_slo_time(campaign, result),
        error_ratio=text.format_ratio(numbers.error_ratio),
        cpu_used=text.format_cores(numbers.cpu_used_cores),
        cpu_share=text.format_ratio(text.compute_share(numbers.cpu_used_cores, limits.total_cores)),
        throttled=text.format_ratio(numbers.throttled_ratio),
        memory_peak=text.format_mebibytes(numbers.memory_peak_bytes),
        memory_share=text.format_ratio(text.compute_share(numbers.memory_peak_bytes, limits.memory_bytes)),
        memory_trend=describe_memory(result),
        ready_after=text.format_seconds(result.ready_after_s),
        load=text.format_duration(result.load_s),
        remark=cell_text.write_remark(result),
        spread=format_spread(campaign, result),
        shape=describe_shape(result),
        price=text.format_money(cost.hour, format_currency(campaign)) if cost else "",
        price_per_100=_format_price_per_100(cost, format_currency(campaign)) if cost else "",
        is_on_front=cost is not None and cost.is_on_front,
        steps=_build_step_views(result),
        result=numbers,
    )


def _find_slo_time(campaign: CampaignResult, result: CellResult) -> float | None:
    name, step = find_other_slo(campaign.slos), cell_text.find_sustained_step(result)
    if not name or step is None or result.status is Status.INVALID:
        return None
    return cell_text.collect_response_times(step).get(name)


def _is_recommended(campaign: CampaignResult, limits: Limits) -> bool:
    recommended = campaign.sizing.recommended
    return recommended is not None and recommended.cell.limits == limits


def _build_step_views(result: CellResult) -> tuple[StepView, ...]:
    return tuple(
        build_step_view(step, is_superseded=step.index in result.superseded_steps)
        for step in sorted(result.steps, key=lambda step: step.index)
    )


def format_currency(campaign: CampaignResult) -> str:
    """Return the currency of all prices; empty without a price."""
    return text.clean_text(campaign.price.currency) if campaign.price else ""


def _format_price_per_100(cost: Cost, currency: str) -> str:
    sign = "≤ " if cost.is_at_most and cost.users else ""
    return sign + text.format_money(cost.hour_per_100_users, currency)


def _drop_untrusted_numbers(result: CellResult) -> CellResult:
    """Return the result, but an INVALID one without its numbers.

    They may be those of a lighter step, and a reader would take them for the answer.
    """
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


def _label_cell(result: CellResult) -> str:
    """Return the size's name in the matrix and, from the second on, its repetition; empty without both."""
    name = text.clean_text(result.cell.size_name) if result.cell.size_name else ""
    repetition = f"run {result.cell.repetition}" if result.cell.repetition > 1 else ""
    return ", ".join(part for part in (name, repetition) if part)


def _compute_heat(result: CellResult, users_limit: int) -> int | None:
    if result.status is Status.NONE:
        return 0
    if result.is_undecided or result.status is Status.FAILED or result.sustained_users is None:
        return None
    return max(1, min(9, round(9 * result.sustained_users / max(users_limit, 1))))


def select_decisive_steps(cell: CellView) -> tuple[StepView, ...]:
    """Return the steps at the bracket's ends: the last PASS and the last FAIL that count there."""
    ends = (
        (cell.result.sustained_users, Verdict.PASS.value),
        (cell.result.broken_users, Verdict.FAIL.value),
    )
    counted = [step for step in reversed(cell.steps) if step.result in cell.result.usable_steps]
    steps = (next((step for step in counted if (step.users, step.verdict) == end), None) for end in ends)
    return tuple(step for step in steps if step is not None)
