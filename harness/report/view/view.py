"""The one view model: all that any report shows, formatted once. Foreign texts are inert here already."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import CampaignResult, CellResult, Cost, Limits, Sizing, Status
from harness.report.view import text
from harness.report.view.cells import CellView, cell_view, currency
from harness.report.view.checks import warnings
from harness.report.view.fact import Fact
from harness.report.view.grid import Grid, grid
from harness.report.view.trust import environment, trust


@dataclass(frozen=True, slots=True)
class View:
    """A campaign's answer as people read it."""

    campaign: str
    target: str
    scenario: str
    started_at: str
    state: str
    progress: str
    users_limit: int
    slos: tuple[str, ...]
    rt_limits: tuple[tuple[str, float], ...]
    sizing: Sizing
    cells: tuple[CellView, ...]
    grid: Grid
    warnings: tuple[str, ...]
    trust: tuple[Fact, ...]
    environment: tuple[Fact, ...]
    costs: tuple[Cost, ...]
    currency: str

    @property
    def is_running(self) -> bool:
        return self.state == "running"


def view(result: CampaignResult) -> View:
    costs = {cost.limits: cost for cost in result.costs}
    cells = tuple(
        cell_view(result, cell, costs.get(cell.cell.limits))
        for cells in _by_size(result.cells).values()
        for cell in cells
    )
    return View(
        campaign=text.inert(result.campaign),
        target=text.inert(result.target),
        scenario=text.inert(result.scenario),
        started_at=text.instant(result.started_at),
        state=text.inert(result.state),
        progress=_progress(result),
        users_limit=result.users_limit,
        slos=tuple(text.slo(slo) for slo in result.slos),
        rt_limits=tuple(
            (text.slo(slo), slo.at_most)
            for slo in result.slos
            if slo.request_name is None and text.is_response_time(slo.indicator)
        ),
        sizing=result.sizing,
        cells=cells,
        grid=grid(cells),
        warnings=warnings(result),
        trust=trust(result),
        environment=environment(result.environment),
        costs=result.costs,
        currency=currency(result),
    )


def _by_size(cells: Sequence[CellResult]) -> dict[Limits, tuple[CellResult, ...]]:
    sizes: dict[Limits, tuple[CellResult, ...]] = {}
    for cell in cells:
        sizes[cell.cell.limits] = (*sizes.get(cell.cell.limits, ()), cell)
    return sizes


def _progress(result: CampaignResult) -> str:
    """How far a campaign is that did not reach its end; empty for a complete one."""
    if result.state == "complete":
        return ""
    done = sum(cell.status is not Status.RUNNING for cell in result.cells)
    under_way = [cell for cell in result.cells if cell.status is Status.RUNNING and cell.steps]
    line = f"{done} of {len(result.cells)} sizes have their answer"
    if under_way:
        steps = len(under_way[0].steps)
        line += (
            f"; {text.size(under_way[0].cell.limits)} has {steps} {'step' if steps == 1 else 'steps'} so far"
        )
    return line
