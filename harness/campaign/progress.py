"""Track the progress of a campaign's cells: replay stored facts, and judge new ones as they arrive."""

import operator
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace

from harness.analyse.result.capacity import (
    Attempt,
    build_cell_result,
    explain_lack_of_requests,
    explain_shared_errors,
    is_hopeless,
)
from harness.analyse.result.consistency import (
    Recheck,
    assess_drift,
    assess_repeatability,
    choose_drift_check,
    choose_second_attempt,
    flag_monotonicity_violations,
)
from harness.analyse.result.curve import add_curves
from harness.analyse.result.decision import add_asked_precision
from harness.analyse.result.deployment import add_deployment
from harness.analyse.result.growth import add_growth
from harness.analyse.result.host_speed import add_reference_capacities
from harness.analyse.result.remedies import add_remedies
from harness.analyse.result.request_costs import add_request_costs
from harness.analyse.result.sizing import add_sizing
from harness.analyse.result.soak import add_counting_soak, choose_soak
from harness.analyse.result.tuning import add_tunings
from harness.analyse.search.cell_order import choose_search_cell
from harness.analyse.search.demand import add_inferred_results, choose_next_cell
from harness.analyse.search.search import order_cells
from harness.analyse.step.baseline import Baseline, choose_baseline, choose_lighter_baseline, find_baseline
from harness.analyse.step.judge import judge_step, judge_steps
from harness.analyse.step.request_slices import measure_slices
from harness.analyse.step.step_curves import measure_curves
from harness.analyse.step.time_series import build_series
from harness.campaign.stored_trials import read_trials
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
    Step,
    StepCurves,
    StepFacts,
    StepResult,
    Verdict,
)
from harness.model.request_slices import RequestSlices
from harness.model.trials import Trials
from harness.store import CampaignFolder
from harness.store.folder import AttemptRecord


@dataclass(slots=True)
class RecheckFacts:
    """The container runs in which a cell was held once more after its search, with their judged steps."""

    runs: list[ContainerRun] = field(default_factory=list)
    steps: list[StepResult] = field(default_factory=list)


@dataclass(slots=True)
class CellProgress:
    """What is known of a cell so far: its last attempt, its drift check and its soak, if it has them.

    `borrowed_baseline` is the lightest baseline of the cells before this one. Baselines of later cells are
    never borrowed, so that later cells change no verdict. Steps are judged by `baseline`: the borrowed one
    until the attempt has a step of its own. `facts` are dropped when the cell is done, to save memory.
    `extras` are what each step adds that no verdict needs, by its index.
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
    extras: dict[int, tuple[Series, StepCurves, RequestSlices | None]] = field(default_factory=dict)
    drift_check: RecheckFacts = field(default_factory=RecheckFacts)
    soak: RecheckFacts = field(default_factory=RecheckFacts)
    run_number: int = 0
    step_number: int = 0
    _built: tuple[tuple[object, ...], CellResult] | None = None

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
        """Add a container run, to the search or to a check at the end."""
        self.run_number = max(self.run_number, run.number)
        recheck = self._find_recheck(run.purpose)
        (self.runs if recheck is None else recheck.runs).append(run)

    def _find_recheck(self, purpose: Purpose) -> RecheckFacts | None:
        """Return the facts of the check with this purpose; None for the search."""
        return {Purpose.CONFIRM: self.drift_check, Purpose.SOAK: self.soak}.get(purpose)

    def is_last_try(self, step: Step) -> bool:
        """Return True if the last step with this purpose had as many users and was INVALID."""
        recheck = self._find_recheck(step.purpose)
        last = next(reversed(self.steps if recheck is None else recheck.steps), None)
        return last is not None and last.users == step.users and last.verdict is Verdict.INVALID

    def add_step(self, plan: Plan, facts: StepFacts, purpose: Purpose = Purpose.SEARCH) -> StepResult:
        """Add a step and return its result.

        A step of the search may give a lighter baseline, which can change the verdicts of earlier steps.
        A step of a check at the end is judged alone.
        """
        recheck = self._find_recheck(purpose)
        if recheck is None:
            self.add_steps(plan, [facts])
            return self.steps[-1]
        self.step_number = max(self.step_number, facts.index)
        result = judge_step(facts, plan.slos, self.baseline, self.cell.limits, plan.timing)
        recheck.steps.append(replace(result, slices=measure_slices(facts)))
        return recheck.steps[-1]

    def add_steps(self, plan: Plan, facts: Sequence[StepFacts]) -> None:
        """Add steps of the search and judge all of its steps together."""
        self.facts += facts
        self.step_number = max([self.step_number, *(each.index for each in facts)])
        self.baseline = choose_baseline(self.facts, self.borrowed_baseline, self.cell.limits)
        for each in facts:
            is_light = each.users <= plan.search.first_users
            curves = measure_curves(each, plan.slos, is_light=is_light)
            self.extras[each.index] = build_series(each), curves, measure_slices(each)
        results = judge_steps(self.facts, plan.slos, self.borrowed_baseline, self.cell.limits, plan.timing)
        self.steps = tuple(
            replace(result, series=series, curves=curves, slices=slices)
            for result in results
            for series, curves, slices in [self.extras[result.index]]
        )

    def start_attempt(self, borrowed_baseline: Baseline | None, engine: str | None) -> None:
        """Set the engine of an attempt that has no steps yet, and the baseline to borrow from other cells."""
        self.borrowed_baseline = self.baseline = borrowed_baseline
        self.engine = engine

    def start_soak(self, borrowed_baseline: Baseline | None, engine: str | None) -> None:
        """Set engine and baseline of a cell that was never measured, because its answer is inferred."""
        if not self.is_done and not self.soak.runs:
            self.start_attempt(borrowed_baseline, engine)

    def start_next_attempt(self, plan: Plan) -> None:
        """Start an empty attempt; store the result of the last one in `first_result` if it was finished."""
        if self.is_done:
            self.first_result = self.build_result(plan)
        self.attempt += 1
        self.runs, self.facts, self.steps, self.is_done = [], [], (), False

    def finish(self) -> Baseline | None:
        """Mark the cell as done and return the lightest baseline so far, for the cells after it."""
        lightest = choose_lighter_baseline(
            self.borrowed_baseline, find_baseline(self.facts, self.cell.limits)
        )
        self.is_done, self.facts = True, []
        return lightest

    def build_result(self, plan: Plan) -> CellResult:
        """Return the answer of the cell's search, as far as it is known.

        It is built only once for the same facts: every choice of a campaign asks for all answers.
        """
        facts = (plan, self.steps, *self.runs, self.is_done, self.first_result, self.engine)
        if self._built is None or not _are_same(self._built[0], facts):
            self._built = facts, self._build_result(plan)
        return self._built[1]

    def _build_result(self, plan: Plan) -> CellResult:
        skipped = plan.skipped.get(self.cell.id)
        attempt = replace(self._last_attempt, is_demand=plan.users_required is not None)
        result = build_cell_result(self.cell, plan.users_limit, plan.slos, attempt, skipped)
        return replace(result, first=self.first_result, engine=self.engine)

    def build_soaked_result(self, plan: Plan, trials: Trials) -> CellResult:
        """Return the cell's answer as far as it is known, with what its soak has shown, or one held later."""
        check = Recheck(self.build_result(plan), self.soak.runs, self.soak.steps)
        return add_counting_soak(plan, check, trials.soaks)


@dataclass(slots=True)
class CampaignProgress:
    """The progress of every cell by its id, and the lightest baseline of each engine's finished cells.

    The campaign's name, start and fingerprint are read only once. The reference cell is one of `references`.
    """

    cells: dict[str, CellProgress]
    references: Sequence[Cell] = ()
    baselines: dict[str | None, Baseline | None] = field(default_factory=dict)
    campaign: str = ""
    started_at: str = ""
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    trials: Trials = field(default_factory=Trials)

    def build_results(self, plan: Plan) -> tuple[CellResult, ...]:
        """Return every cell's answer, in the plan's order; for a demand, also the inferred answers."""
        built = [self.cells[cell.id].build_soaked_result(plan, self.trials) for cell in plan.cells]
        explained = explain_shared_errors(explain_lack_of_requests(built, plan.users_limit))
        results = {result.cell.id: result for result in explained}
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
            chosen = choose_search_cell(free, results)
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
        measured the reference cell first. None is due while a soak is, which may take its place.
        """
        check, is_shared = self._list_drift_checks(plan).get(engine), engine is not None
        due = choose_drift_check(plan, self._list_references(plan), check, is_shared=is_shared)
        soak = self.choose_soak(plan)
        if due is None or soak is None or self.cells[due[0].id].engine != engine:
            return due
        will_replace = (soak[0].id, soak[1].users) == (due[0].id, due[1].users)
        return None if will_replace else due

    def choose_soak(self, plan: Plan) -> tuple[Cell, Step] | None:
        """Return the cell of the recommended size and the step to hold at it; None if no soak is due."""
        return choose_soak(plan, self.build_results(plan))

    def _list_references(self, plan: Plan) -> list[CellResult]:
        """Return the searches' answers in the order of measuring, or only that of the reference cell.

        An earlier drift check has chosen the reference cell.
        """
        reference = next((each for each in self.cells.values() if each.drift_check.runs), None)
        cells = order_cells(self.references or plan.cells) if reference is None else [reference.cell]
        return [self.cells[cell.id].build_result(plan) for cell in cells]

    def _list_drift_checks(self, plan: Plan) -> dict[str | None, Recheck]:
        """Return the drift checks so far, by the engine that held them.

        A soak that passed is one too if it was held where the drift check would have been.
        """
        checks: dict[str | None, Recheck] = {}
        for progress in self.cells.values():
            for engine, check in _split_by_engine(progress.build_result(plan), progress.drift_check).items():
                checks.setdefault(engine, check)
        for progress in self.cells.values():
            for engine, check in _split_by_engine(progress.build_result(plan), progress.soak).items():
                if self._replaces_drift_check(plan, check, engine):
                    checks.setdefault(engine, check)
        return checks

    def _replaces_drift_check(self, plan: Plan, soak: Recheck, engine: str | None) -> bool:
        """Return True if the soak passed at the cell, and with the users, that a drift check would hold."""
        due = choose_drift_check(plan, self._list_references(plan), None, is_shared=engine is not None)
        last = soak.steps[-1] if soak.steps else None
        if due is None or last is None or last.verdict is not Verdict.PASS:
            return False
        return (soak.cell.cell.id, last.users) == (due[0].id, due[1].users)

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
            scenario=plan.scenario.title,
            think_s=sum(thinks_s) / len(thinks_s) if thinks_s else None,
            fingerprint=self.fingerprint,
            drift=next((drift for drift in drifts if drift.engine == drift.against), None),
            engines=tuple(dict.fromkeys(cell.engine for cell in cells if cell.engine is not None)),
            engine_comparisons=tuple(drift for drift in drifts if drift.engine != drift.against),
            repeatability=assess_repeatability(cells),
            price=plan.price,
            precision_ratio=plan.search.precision_ratio,
            soak_s=plan.search.soak_s,
            headroom_ratio=plan.headroom_ratio,
            trials=self.trials,
        )
        sized = add_sizing(add_remedies(add_reference_capacities(add_curves(result))))
        answer = add_deployment(add_asked_precision(sized, plan), plan.target)
        return add_request_costs(add_growth(add_tunings(answer)))


def _are_same(one: Sequence[object], other: Sequence[object]) -> bool:
    """Return True if both hold the same objects: equal ones may be long to compare."""
    return len(one) == len(other) and all(map(operator.is_, one, other))


def _split_by_engine(result: CellResult, facts: RecheckFacts) -> dict[str | None, Recheck]:
    """Return a cell's check at the end on each engine that held it."""
    checks = {}
    for engine in dict.fromkeys(run.engine for run in facts.runs):
        runs = [run for run in facts.runs if run.engine == engine]
        numbers = {run.number for run in runs}
        checks[engine] = Recheck(result, runs, [step for step in facts.steps if step.life in numbers])
    return checks


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
    for cell_id, cell in campaign.cells.items():
        cell.run_number, cell.step_number = log.last_numbers.get(cell_id, (0, 0))
    baselines = {cell_id: cell.baseline for cell_id, cell in campaign.cells.items()}
    campaign.trials = read_trials(plan, folder, log.trials, baselines)
    return campaign


def _replay_attempt(
    plan: Plan,
    folder: CampaignFolder,
    campaign: CampaignProgress,
    cell: CellProgress,
    record: AttemptRecord,
) -> None:
    runs = (*record.runs, *record.drift_check_runs, *record.soak_runs)
    engine = next((run.engine for run in runs), None)
    cell.start_attempt(campaign.baselines.get(engine), engine)
    for run in runs:
        cell.add_run(run)
    cell.add_steps(plan, [folder.read_step(file) for file in record.step_files])
    for purpose in (Purpose.CONFIRM, Purpose.SOAK):
        for file in record.get_step_files(purpose):
            cell.add_step(plan, folder.read_step(file), purpose)
    if record.is_done:
        campaign.baselines[engine] = cell.finish()


def rejudge(plan: Plan, folder: CampaignFolder) -> CampaignResult:
    """Return the answer of a stored campaign, judged by the plan's SLOs."""
    return replay(plan, folder).build_result(plan, folder.read_state())
