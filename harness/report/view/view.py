"""Build the view of a campaign: all that any report shows, formatted once, without harmful characters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.model import CampaignResult, CampaignState, CellResult, Cost, Limits, Sizing, Status
from harness.model.deployment import Deployment
from harness.report.view import text
from harness.report.view.cells import CellView, build_cell_view, format_currency
from harness.report.view.checks import Fact, write_warnings
from harness.report.view.curves import find_other_slo, find_p95_limit, list_rt_limits
from harness.report.view.grid import Grid, build_grid
from harness.report.view.growth import GrowthView, build_growth_view
from harness.report.view.machine import build_machine_facts
from harness.report.view.relative_cost import compare_costs
from harness.report.view.request_costs import RequestCostsView, build_request_costs_view
from harness.report.view.trials import TrialView, build_trial_views
from harness.report.view.trust import build_trust_facts
from harness.report.view.variants import (
    VariantView,
    build_variant_views,
    select_best_variants,
    write_tunings,
)


@dataclass(frozen=True, slots=True)
class View:
    """A campaign's answer as people read it.

    `rt_limits` are the SLOs on the response time of all requests, each with its limit in seconds, and
    `p95_limit_s` is that of the p95; None without one. `other_slo` is the first one's indicator if none
    of them is the p95, otherwise empty. `progress` is empty for a complete campaign, `currency` without
    prices. `relative_costs` are empty with prices. With `variants` the `grid` has each size with the best
    one, and `tunings` say what that is worth. `price_source` says whose list prices they are.
    `deployment` is that of the size to take. `growth` is None if no size is known to sustain any users,
    and `request_costs` if nothing tells them. `trials` were held after the campaign.
    """

    campaign: str
    target: str
    scenario: str
    started_at: str
    state: CampaignState
    progress: str
    users_limit: int
    slos: tuple[str, ...]
    rt_limits: tuple[tuple[str, float], ...]
    p95_limit_s: float | None
    other_slo: str
    sizing: Sizing
    cells: tuple[CellView, ...]
    grid: Grid
    variants: tuple[VariantView, ...]
    tunings: tuple[str, ...]
    warnings: tuple[str, ...]
    trust: tuple[Fact, ...]
    fingerprint: tuple[Fact, ...]
    costs: tuple[Cost, ...]
    relative_costs: Mapping[Limits, str]
    currency: str
    price_source: str = ""
    deployment: Deployment | None = None
    growth: GrowthView | None = None
    trials: tuple[TrialView, ...] = ()
    request_costs: RequestCostsView | None = None

    @property
    def is_running(self) -> bool:
        """True while the campaign runs."""
        return self.state is CampaignState.RUNNING


def build_view(result: CampaignResult) -> View:
    """Format a campaign's result; cells of the same size follow one another."""
    costs = {cost.limits: cost for cost in result.costs}
    cells = tuple(
        build_cell_view(result, cell, costs.get(cell.cell.limits))
        for cells in _group_by_size(result.cells).values()
        for cell in cells
    )
    return View(
        campaign=text.clean_text(result.campaign),
        target=text.clean_text(result.target),
        scenario=text.clean_text(result.scenario),
        started_at=text.format_timestamp(result.started_at),
        state=result.state,
        progress=_describe_progress(result),
        users_limit=result.users_limit,
        slos=tuple(text.format_slo(slo) for slo in result.slos),
        rt_limits=list_rt_limits(result.slos),
        p95_limit_s=find_p95_limit(result.slos),
        other_slo=text.clean_text(find_other_slo(result.slos)),
        sizing=result.sizing,
        cells=cells,
        grid=build_grid(select_best_variants(cells, result.tunings)),
        variants=build_variant_views(cells),
        tunings=write_tunings(result.tunings),
        warnings=write_warnings(result),
        trust=build_trust_facts(result),
        fingerprint=build_machine_facts(result.fingerprint.to_json()),
        costs=result.costs,
        relative_costs={} if result.costs else compare_costs(result.cells),
        currency=format_currency(result),
        price_source=text.clean_text(result.price.source) if result.price else "",
        deployment=result.deployment,
        growth=build_growth_view(result),
        trials=build_trial_views(result.trials),
        request_costs=build_request_costs_view(result.request_costs) if result.request_costs else None,
    )


def _group_by_size(cells: Sequence[CellResult]) -> dict[Limits, tuple[CellResult, ...]]:
    sizes: dict[Limits, tuple[CellResult, ...]] = {}
    for cell in cells:
        sizes[cell.cell.limits] = (*sizes.get(cell.cell.limits, ()), cell)
    return sizes


def _describe_progress(result: CampaignResult) -> str:
    """Return how many sizes of an unfinished campaign have an answer; empty for a complete one."""
    if result.state is CampaignState.COMPLETE:
        return ""
    done = sum(cell.status is not Status.RUNNING for cell in result.cells)
    if result.cells and done == len(result.cells):
        return "every size has its answer; the checks at the end are left"
    progress = f"{done} of {len(result.cells)} sizes have their answer"
    current = next((cell for cell in result.cells if cell.status is Status.RUNNING and cell.steps), None)
    if current is None:
        return progress
    size, steps = text.format_size(current.cell.limits), text.format_things(len(current.steps), "step")
    return f"{progress}; {size} has {steps} so far"
