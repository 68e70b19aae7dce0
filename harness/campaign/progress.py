"""Track the progress of a campaign's cells: replay stored facts, and judge new ones as they arrive."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace

from harness.analyse.result.capacity import Attempt, build_cell_result, is_hopeless
from harness.analyse.result.consistency import (
    DriftCheck,
    assess_drift,
    assess_repeatability,
    choose_drift_check,
    choose_second_attempt,
    flag_monotonicity_violations,
)
from harness.analyse.result.host_speed import add_reference_capacities
from harness.analyse.result.sizing import add_sizing
from harness.analyse.search.demand import add_inferred_results, choose_next_cell
from harness.analyse.search.search import order_cells
from harness.analyse.step.baseline import Baseline, choose_baseline, choose_lighter_baseline, find_baseline
from harness.analyse.step.judge import judge_step, judge_steps
from harness.analyse.step.time_series import build_series
from harness.model import (
    CampaignResult,
    CampaignState,
    Cell,
    CellResult,
    ContainerRun,
    Fingerprint,
    Plan,
    Purpose,
    Series,
    Status,
    Step,
    StepFacts,
    StepResult,
)
from harness.store import CampaignFolder
from harness.store.folder import AttemptRecord


@dataclass(slots=True)
class CellProgress:
    """What is known of a cell so far: its last attempt, and its drift check if it is the reference cell.

    `borrowed_baseline` is the lightest baseline of the cells before this one. Baselines of later cells are
    never borrowed, so that later cells change no verdict. Steps are judged by `baseline`: the borrowed one
    until the attempt has a step of its own. `facts` are dropped when the cell is done, to save memory.
    `run_number` and `step_number` are the last numbers used, over all attempts. `engine` is the name of the
    engine that runs the last attempt; None if the campaign has only one. `first_result` is the result of the
    first attempt once a second one has started.
    """

    cell: Cell
    borrowed_baseline: Baseline | None = None
    runs: list[ContainerRun] = field(default_factory=list)
    facts: list[StepFacts] = field(default_factory=list)
    steps: tuple[StepResult, ...] = ()
    is_done: bool = False
    engine: str | None = None
    attempt: int = 1
    first_result: CellResult | None = None
    baseline: Baseline | None = None
    series: dict[int, Series] = field(default_factory=dict)
    drift_check_runs: list[ContainerRun] = field(default_factory=list)
    drift_check_steps: list[StepResult] = field(default_factory=list)
    run_number: int = 0
    step_number: int = 0

    @property
    def is_hopeless(self) -> bool:
        """True if another container run would not help the search."""
        return is_hopeless(self._last_attempt)

    @property
    def _last_attempt(self) -> Attempt:
        return Attempt(self.runs, self.steps, self.is_done)

    def take_run_number(self) -> int:
        """Return a number that no other container run of this cell has, not even on another engine."""
        self.run_number += 1
        return self.run_number

    def take_step_number(self) -> int:
        """Return a number that no other step of this cell has."""
        self.step_number += 1
        return self.step_number

    def add_run(self, run: ContainerRun) -> None:
        """Add a container run, to the search or to the drift check."""
        self.run_number = max(self.run_number, run.number)
        (self.runs if run.purpose is Purpose.SEARCH else self.drift_check_runs).append(run)

    def add_step(self, plan: Plan, facts: StepFacts, purpose: Purpose = Purpose.SEARCH) -> StepResult:
        """Add a step and return its result.

        A step of the search may give a lighter baseline, which can change the verdicts of earlier steps.
        A step of the drift check is judged alone.
        """
        if purpose is Purpose.CONFIRM:
            self.step_number = max(self.step_number, facts.index)
            self.drift_check_steps.append(
                judge_step(facts, plan.slos, self.baseline, self.cell.limits, plan.timing)
            )
            return self.drift_check_steps[-1]
        self.add_steps(plan, [facts])
        return self.steps[-1]

    def add_steps(self, plan: Plan, facts: Sequence[StepFacts]) -> None:
        """Add steps of the search and judge all of its steps together."""
        self.facts += facts
        self.step_number = max([self.step_number, *(each.index for each in facts)])
        self.baseline = choose_baseline(self.facts, self.borrowed_baseline)
        self.series |= {each.index: build_series(each) for each in facts}
        results = judge_steps(self.facts, plan.slos, self.borrowed_baseline, self.cell.limits, plan.timing)
        self.steps = tuple(replace(result, series=self.series[result.index]) for result in results)

    def start_attempt(self, borrowed_baseline: Baseline | None, engine: str | None) -> None:
        """Set the engine of an attempt that has no steps yet, and the baseline to borrow from other cells."""
        self.borrowed_baseline = self.baseline = borrowed_baseline
        self.engine = engine

    def start_next_attempt(self, plan: Plan) -> None:
        """Start an empty attempt; store the result of the last one in `first_result` if it was finished."""
        if self.is_done:
            self.first_result = self.build_result(plan)
        self.attempt += 1
        self.runs, self.facts, self.steps, self.is_done = [], [], (), False

    def finish(self) -> Baseline | None:
        """Mark the cell as done and return the lightest baseline so far, for the cells after it."""
        lightest = choose_lighter_baseline(self.borrowed_baseline, find_baseline(self.facts))
        self.is_done, self.facts = True, []
        return lightest

    def build_result(self, plan: Plan) -> CellResult:
        """Return the cell's answer as far as it is known."""
        skipped = plan.skipped.get(self.cell.id)
        attempt = replace(self._last_attempt, is_demand=plan.users_required is not None)
        result = build_cell_result(self.cell, plan.users_limit, plan.slos, attempt, skipped)
        return replace(result, first=self.first_result, engine=self.engine)


@dataclass(slots=True)
class CampaignProgress:
    """The progress of every cell by its id, and the lightest baseline of each engine's finished cells.

    The campaign's name, start and fingerprint are read only once: reports are written after most steps.
    """

    cells: dict[str, CellProgress]
    baselines: dict[str | None, Baseline | None] = field(default_factory=dict)
    campaign: str = ""
    started_at: str = ""
    fingerprint: Fingerprint = field(default_factory=Fingerprint)

    def build_results(self, plan: Plan) -> tuple[CellResult, ...]:
        """Return every cell's answer, in the plan's order; for a demand, also the inferred answers."""
        results = {cell.id: self.cells[cell.id].build_result(plan) for cell in plan.cells}
        if plan.users_required is not None:
            results = add_inferred_results(results, plan.users_required)
        return tuple(flag_monotonicity_violations(plan, results).values())

    def choose_cell(self, plan: Plan, claimed: Set[str]) -> Cell | None:
        """Return the next cell to measure whose id is not in `claimed`; None if there is none at the moment.

        Cells are chosen in the order that helps the search; for a demand, only cells that it still needs.
        When no cell is claimed, a cell that sustains less than a smaller one is chosen a second time.
        """
        results = {result.cell.id: result for result in self.build_results(plan)}
        free = [cell for cell in plan.cells if cell.id not in claimed]
        if plan.users_required is not None:
            chosen = choose_next_cell(free, results, plan.users_required)
        else:
            order = order_cells(free)
            chosen = next((cell for cell in order if results[cell.id].status is Status.RUNNING), None)
        if chosen is not None or claimed:
            return chosen
        return self._choose_retry(plan)

    def _choose_retry(self, plan: Plan) -> Cell | None:
        """Return the cell to measure a second time, an unfinished one first; None if there is none."""
        for progress in self.cells.values():
            if progress.attempt > 1 and not progress.is_done:
                return progress.cell
        return choose_second_attempt(plan, {result.cell.id: result for result in self.build_results(plan)})

    def choose_drift_check(self, plan: Plan, engine: str | None = None) -> tuple[Cell, Step] | None:
        """Return the reference cell and the step to hold on this engine; None if no drift check is due.

        The step shows whether the host has changed, or whether this engine is as fast as the one that
        measured the reference cell first.
        """
        results = {result.cell.id: result for result in self.build_results(plan)}
        candidates = [results[cell.id] for cell in order_cells(plan.cells)]
        reference = next((progress for progress in self.cells.values() if progress.drift_check_runs), None)
        if reference is not None:  # an earlier drift check has chosen it
            candidates = [results[reference.cell.id]]
        check = self._list_drift_checks(plan).get(engine)
        return choose_drift_check(plan, candidates, check, is_shared=engine is not None)

    def _list_drift_checks(self, plan: Plan) -> dict[str | None, DriftCheck]:
        """Return the drift checks so far, by the engine that held them."""
        checks: dict[str | None, DriftCheck] = {}
        for progress in self.cells.values():
            for engine in dict.fromkeys(run.engine for run in progress.drift_check_runs):
                runs = [run for run in progress.drift_check_runs if run.engine == engine]
                numbers = {run.number for run in runs}
                steps = [step for step in progress.drift_check_steps if step.life in numbers]
                checks.setdefault(engine, DriftCheck(progress.build_result(plan), runs, steps))
        return checks

    def build_result(self, plan: Plan, state: CampaignState) -> CampaignResult:
        """Return the campaign's answer as far as it is known."""
        cells = self.build_results(plan)
        thinks_s = [step.think_s for cell in cells for step in cell.steps if step.think_s is not None]
        drifts = [drift for check in self._list_drift_checks(plan).values() if (drift := assess_drift(check))]
        result = CampaignResult(
            campaign=self.campaign,
            target=plan.target.name,
            state=state,
            started_at=self.started_at,
            users_limit=plan.users_limit,
            slos=plan.slos,
            cells=cells,
            scenario=", ".join(path.name for path in plan.scenario.locustfiles),
            think_s=sum(thinks_s) / len(thinks_s) if thinks_s else None,
            fingerprint=self.fingerprint,
            drift=next((drift for drift in drifts if drift.engine == drift.against), None),
            engines=tuple(dict.fromkeys(cell.engine for cell in cells if cell.engine is not None)),
            engine_comparisons=tuple(drift for drift in drifts if drift.engine != drift.against),
            repeatability=assess_repeatability(cells),
            price=plan.price,
            precision_ratio=plan.search.precision_ratio,
        )
        return add_sizing(add_reference_capacities(result))


def replay(plan: Plan, folder: CampaignFolder) -> CampaignProgress:
    """Return the progress of a stored campaign. Its steps are judged from their facts, in the log's order."""
    log = folder.read_log()
    campaign = CampaignProgress(
        {cell.id: CellProgress(cell) for cell in plan.cells},
        campaign=folder.name,
        started_at=log.started_at,
        fingerprint=folder.read_fingerprint(),
    )
    for (cell_id, attempt), record in log.attempts.items():
        if cell_id in campaign.cells:
            if attempt > 1:
                campaign.cells[cell_id].start_next_attempt(plan)
            _replay_attempt(plan, folder, campaign, campaign.cells[cell_id], record)
    return campaign


def _replay_attempt(
    plan: Plan,
    folder: CampaignFolder,
    campaign: CampaignProgress,
    cell: CellProgress,
    record: AttemptRecord,
) -> None:
    engine = next((run.engine for run in record.runs), None)
    cell.start_attempt(campaign.baselines.get(engine), engine)
    for run in (*record.runs, *record.drift_check_runs):
        cell.add_run(run)
    cell.add_steps(plan, [folder.read_step(file) for file in record.step_files])
    for file in record.drift_check_files:
        cell.add_step(plan, folder.read_step(file), Purpose.CONFIRM)
    if record.is_done:
        campaign.baselines[engine] = cell.finish()


def rejudge(plan: Plan, folder: CampaignFolder) -> CampaignResult:
    """Return the answer of a stored campaign, judged by the plan's SLOs."""
    return replay(plan, folder).build_result(plan, folder.read_log().state or CampaignState.INTERRUPTED)
