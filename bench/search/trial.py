"""One seeded trial: cells measured one after the other in simulated time, as a campaign does.

Everything that decides is the harness's own (`container_life`, `enough`, `judge_all`, `capacity`); only the
world is simulated and nothing is stored or drawn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench.simulation.model import USUAL, Service, ThinkTime, Noise
from bench.simulation.backends import SimulatedBackends
from harness.analyse.result.capacity import build_cell_result
from harness.analyse.search.search import choose_next_step, order_cells
from harness.analyse.step.baseline import choose_baseline, find_baseline, judge_steps
from harness.analyse.step.judge import is_verdict_settled
from harness.analyse.step.slo import Baseline
from harness.analyse.step.warmup import is_warm
from harness.measure.session import Backends, ContainerSession, open_session
from harness.measure.step import ProgressSample
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
    Step,
    StepFacts,
    StepResult,
    Target,
    Timing,
    Verdict,
)

ChooseStep = Callable[[Plan, Cell, Sequence[StepResult], Sequence[CellResult]], Step | None]

SLOS = (Slo("p95", 1.0), Slo("errors", 0.01), Slo("shortfall", 0.15))
"""The harness's defaults. In a shared queue the p95 breaks first: the truth is judged by it alone."""

_MAX_STEPS = 60


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to search.

    `fresh` restarts the target before every step, not only after one that failed; `smallest_first` measures
    the smallest size first. `answers` is what it reports: the fitted estimate, the middle of its bracket, or
    the highest load that held.
    """

    name: str
    choose_step: ChooseStep = choose_next_step
    search: Search = field(default_factory=lambda: Search(strategy="predict"))
    timing: Timing = field(default_factory=Timing)
    restarts_target: bool = False
    smallest_first: bool = False
    answer: Literal["estimate", "middle", "highest"] = "estimate"


@dataclass(frozen=True, slots=True)
class SimulatedScenario:
    """What the trials stand on: one service under every cell's limits, its host, its users."""

    service: Service = field(default_factory=Service)
    noise: Noise = USUAL
    think: ThinkTime = field(default_factory=ThinkTime)


def build_grid(cpus: Sequence[float], memories_mib: Sequence[int] = (512,)) -> tuple[Cell, ...]:
    return tuple(
        Cell(f"sim-c{cpu:.2f}-m{memory}", "sim", Limits(cpu, memory * MIB))
        for cpu in cpus
        for memory in memories_mib
    )


def build_plan(strategy: Strategy, cells: Sequence[Cell], users_limit: int = 400) -> Plan:
    return Plan(
        source=Path("matrix.yaml"),
        target=Target("sim", 8000, ImageSource("sim")),
        scenario=Scenario((Path("locustfile.py"),)),
        cells=tuple(cells),
        slos=SLOS,
        users_limit=users_limit,
        spawn_rate=40.0,
        timing=strategy.timing,
        search=strategy.search,
    )


def measure_matrix(
    strategy: Strategy, scenario: SimulatedScenario, cells: Sequence[Cell], seed: int, users_limit: int = 400
) -> tuple[CellResult, ...]:
    """All cells in the campaign's order, each with the answers before it as neighbours."""
    plan = build_plan(strategy, cells, users_limit)
    world = SimulatedBackends(scenario.service, scenario.noise, scenario.think, seed).world()
    results: list[CellResult] = []
    light: Baseline | None = None
    order = order_cells(plan.cells)
    for cell in reversed(order) if strategy.smallest_first else order:
        trial = CellTrial(world, plan, strategy, cell, results, light)
        results.append(trial.run())
        light = trial.light
    return tuple(results)


def measure_cell(strategy: Strategy, scenario: SimulatedScenario, cell: Cell, seed: int) -> CellResult:
    return measure_matrix(strategy, scenario, [cell], seed)[0]


class CellTrial:
    """A cell under measurement: what a campaign's progress keeps, without its folder."""

    def __init__(
        self,
        world: Backends,
        plan: Plan,
        strategy: Strategy,
        cell: Cell,
        neighbours: Sequence[CellResult],
        light: Baseline | None,
    ) -> None:
        self.light = light
        self._world = world
        self._plan = plan
        self._strategy = strategy
        self._cell = cell
        self._neighbours = neighbours
        self._lives: list[ContainerRun] = []
        self._facts: list[StepFacts] = []
        self._steps: tuple[StepResult, ...] = ()

    def run(self) -> CellResult:
        image = self._world.host.prepare(self._plan.target)
        step = self._ask()
        while step is not None:
            number = len(self._lives) + 1
            with open_session(self._world, self._plan, self._cell, image, number) as life:
                self._lives.append(ContainerRun(self._cell.id, number, "", life.target.ready_after_s))
                step = self._hold_steps(life, step)
        return build_cell_result(
            self._cell, self._plan.users_limit, self._plan.slos, self._lives, self._steps, done=True
        )

    def _ask(self) -> Step | None:
        if len(self._steps) > _MAX_STEPS:
            raise RuntimeError(f"{self._strategy.name} does not end: {[s.users for s in self._steps]}")
        return self._strategy.choose_step(self._plan, self._cell, self._steps, self._neighbours)

    def _hold_steps(self, life: ContainerSession, step: Step | None) -> Step | None:
        """Steps of one life; the one that needs another, or None when the search is done."""
        while step is not None:
            result = self._hold(life, step)
            step = self._ask()
            if result.verdict is not Verdict.PASS or self._strategy.restarts_target:
                break
        return step

    def _hold(self, life: ContainerSession, step: Step) -> StepResult:
        plan, light = self._plan, choose_baseline(self._facts, self.light)
        facts = life.hold(
            len(self._facts) + 1,
            step,
            plan.spawn_rate,
            settled=lambda so_far: is_verdict_settled(
                so_far, plan.slos, light, step.timing.drain_s, plan.search.precision_ratio
            ),
            observe=_ignore_progress,
            is_warm=is_warm,
        )
        self._facts.append(facts)
        self.light = _lighter(self.light, find_baseline([facts]))
        self._steps = judge_steps(self._facts, plan.slos, self.light)
        return self._steps[-1]


def _ignore_progress(pulse: ProgressSample) -> None:
    """Nobody watches."""


def _lighter(one: Baseline | None, other: Baseline | None) -> Baseline | None:
    if one is None or other is None:
        return one or other
    return other if other.users < one.users else one
