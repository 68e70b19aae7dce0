"""Run one seeded trial: measure cells one after the other in simulated time, as a campaign does.

All decisions are made by the harness's own code (`CellProgress`, `hold_step`, `is_verdict_settled`). Only the
target and its users are simulated. Nothing is stored, and no report is written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from bench.search.ground_truth import DEFAULT_SLOS
from bench.simulation.backends import simulate_backends
from bench.simulation.model import USUAL, Noise, Service, ThinkTime
from harness.analyse.result.decision import choose_precise_step
from harness.analyse.search.cell_order import choose_search_cell
from harness.analyse.search.search import order_cells
from harness.analyse.search.step_timing import fit_step, slow_first_ramp, starts_above_curve
from harness.analyse.step.warmup import may_be_cold
from harness.campaign.progress import CellProgress
from harness.campaign.step_spec import build_step_spec
from harness.measure.session import Backends, ContainerSession, open_session
from harness.measure.step import ProgressSample, hold_step
from harness.model import (
    MIB,
    Cell,
    CellResult,
    ContainerRun,
    ImageSource,
    Limits,
    Plan,
    Scenario,
    Search,
    Slo,
    Status,
    Step,
    StepResult,
    Target,
    Timing,
    Verdict,
)

ChooseStep = Callable[[Plan, Cell, Sequence[StepResult], Sequence[CellResult]], Step | None]
"""Choose a cell's next step from its own steps and its neighbours' results; None ends the search."""

MAX_STEPS = 60
"""A strategy that has not ended after so many steps is stopped, and its answer does not count."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to search.

    `restarts_target`: every step has a fresh target, not only the step after a failure. `smallest_first`: the
    cells are measured in the reverse of the campaign's order. `answer` is what the strategy reports: the
    fitted estimate, the middle of its bracket, or the highest pass.
    """

    name: str
    choose_step: ChooseStep = choose_precise_step
    search: Search = field(default_factory=Search)
    timing: Timing = field(default_factory=Timing)
    restarts_target: bool = False
    smallest_first: bool = False
    answer: Literal["estimate", "middle", "highest"] = "estimate"


@dataclass(frozen=True, slots=True)
class SimulatedScenario:
    """What a trial simulates (a service, the noise of its host, its users' think times), and its SLOs.

    `variants` are services by the names of variants, for cells that have one.
    """

    service: Service = field(default_factory=Service)
    noise: Noise = USUAL
    think: ThinkTime = field(default_factory=ThinkTime)
    slos: tuple[Slo, ...] = DEFAULT_SLOS
    users_limit: int = 400
    variants: tuple[tuple[str, Service], ...] = ()


def build_grid(cpus: Sequence[float], memories_mib: Sequence[int] = (512,)) -> tuple[Cell, ...]:
    """Build a cell for every pair of CPU cores and memory."""
    return tuple(
        Cell(f"sim-c{cpu:.2f}-m{memory}", "sim", Limits(cpu, memory * MIB))
        for cpu in cpus
        for memory in memories_mib
    )


def build_plan(strategy: Strategy, cells: Sequence[Cell], scenario: SimulatedScenario | None = None) -> Plan:
    """Build the plan by which the strategy measures the cells; its drain is that of a loaded matrix."""
    scenario = scenario or SimulatedScenario()
    drain_s = max([1.0, *(slo.at_most for slo in scenario.slos if slo.is_response_time)])
    return Plan(
        source=Path("matrix.yaml"),
        target=Target("sim", 8000, ImageSource("sim")),
        scenario=Scenario((Path("locustfile.py"),)),
        cells=tuple(cells),
        slos=scenario.slos,
        users_limit=scenario.users_limit,
        spawn_rate=40.0,
        timing=replace(strategy.timing, drain_s=drain_s),
        search=strategy.search,
    )


def measure_matrix(
    strategy: Strategy, scenario: SimulatedScenario, cells: Sequence[Cell], seed: int
) -> tuple[CellResult, ...]:
    """Measure all cells and return their results in the order of measuring.

    Each cell has the results before it as neighbours. The same seed gives the same results.
    """
    plan = build_plan(strategy, cells, scenario)
    backends = simulate_backends(
        scenario.service, scenario.noise, scenario.think, seed, dict(scenario.variants)
    )
    results: list[CellResult] = []
    baseline = None
    while (cell := _choose_cell(plan, strategy, results)) is not None:
        progress = CellProgress(cell)
        progress.start_attempt(baseline, None)
        _CellTrial(backends, plan, strategy, progress, results).run()
        baseline = progress.finish()
        results.append(progress.build_result(plan))
    return tuple(results)


def _choose_cell(plan: Plan, strategy: Strategy, results: Sequence[CellResult]) -> Cell | None:
    """Return the cell to measure next; None when all are done."""
    done = {result.cell.id: result for result in results}
    if strategy.smallest_first:
        return next((cell for cell in reversed(order_cells(plan.cells)) if cell.id not in done), None)
    waiting = {cell.id: CellResult(cell, Status.RUNNING) for cell in plan.cells}
    return choose_search_cell(plan.cells, {**waiting, **done})


def measure_cell(strategy: Strategy, scenario: SimulatedScenario, cell: Cell, seed: int) -> CellResult:
    """Measure a single cell without neighbours."""
    return measure_matrix(strategy, scenario, [cell], seed)[0]


class _CellTrial:
    """The measurement of one cell, in as many container runs as its strategy needs."""

    def __init__(
        self,
        backends: Backends,
        plan: Plan,
        strategy: Strategy,
        progress: CellProgress,
        neighbours: Sequence[CellResult],
    ) -> None:
        self._backends = backends
        self._plan = plan
        self._strategy = strategy
        self._progress = progress
        self._neighbours = neighbours

    def run(self) -> None:
        """Hold steps until the strategy chooses no more, or for `MAX_STEPS` steps."""
        plan, cell = self._plan, self._progress.cell
        image = self._backends.host.prepare(plan.target)
        step = self._choose_step()
        while step is not None:
            number = self._progress.take_run_number()
            with open_session(
                self._backends, plan.target, plan.scenario, plan.load, cell, image, number
            ) as session:
                self._progress.add_run(ContainerRun(cell.id, number, "", session.target.ready_after_s))
                step = self._hold_steps(session, step)

    def _choose_step(self) -> Step | None:
        progress = self._progress
        if len(progress.steps) >= MAX_STEPS:
            return None
        return self._strategy.choose_step(self._plan, progress.cell, progress.steps, self._neighbours)

    def _hold_steps(self, session: ContainerSession, step: Step | None) -> Step | None:
        """Hold steps in one container run; return the first step of the next run, None if none is needed."""
        passed_users = 0
        while step is not None:
            result = self._hold_step(session, step, is_fresh=may_be_cold(step.users, passed_users))
            passed_users, step = max(passed_users, step.users), self._choose_step()
            if result.verdict is not Verdict.PASS or self._strategy.restarts_target:
                break
            if step is not None and starts_above_curve(self._fit_step(step), result.users):
                break
        return step

    def _fit_step(self, step: Step) -> Step:
        own = self._progress.steps
        others = [other for result in self._neighbours for other in result.steps]
        return slow_first_ramp(self._plan, fit_step(self._plan, step, [*own, *others]), own)

    def _hold_step(self, session: ContainerSession, step: Step, *, is_fresh: bool) -> StepResult:
        progress = self._progress
        number = progress.take_step_number()
        spec = build_step_spec(
            self._plan,
            self._fit_step(step),
            number,
            progress.baseline,
            progress.cell.limits,
            _ignore_progress,
            is_fresh=is_fresh,
        )
        return progress.add_step(self._plan, hold_step(session, spec))


def _ignore_progress(sample: ProgressSample) -> None:
    pass
