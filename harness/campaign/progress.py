"""From stored facts to answers: what a campaign knows when it goes on, and what is drawn or judged later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.analyse.result.capacity import capacity
from harness.analyse.result.consistency import (
    Confirmation,
    agreements,
    drift,
    next_confirmation,
    second_attempt,
    with_breaches,
)
from harness.analyse.result.sizing import decided
from harness.analyse.search.demand import with_inferred
from harness.analyse.search.order import measuring_order
from harness.analyse.step.baseline import judge_all, lighter, lightest, reference
from harness.analyse.step.judge import judge
from harness.analyse.step.slo import Light
from harness.analyse.step.time_series import series
from harness.model import (
    CampaignResult,
    Cell,
    CellResult,
    ContainerRun,
    Plan,
    Purpose,
    Series,
    Step,
    StepFacts,
    StepResult,
)
from harness.store import CampaignFolder
from harness.store.folder import CellStory


@dataclass(slots=True)
class CellProgress:
    """What is known of a cell so far: its last attempt, and what was held to confirm that.

    `elsewhere` is the lightest step of the cells before it, borrowed as a reference: never one of a later
    cell, so that what was judged stays judged. `facts` are let go of when the cell is done; `light` is then
    what they were judged by. `life_number` and `step_number` are the last ones, over all attempts.
    """

    cell: Cell
    elsewhere: Light | None = None
    lives: list[ContainerRun] = field(default_factory=list)
    facts: list[StepFacts] = field(default_factory=list)
    steps: tuple[StepResult, ...] = ()
    done: bool = False
    engine: str = ""
    attempt: int = 1
    first: CellResult | None = None
    light: Light | None = None
    series: dict[int, Series] = field(default_factory=dict)
    confirming_lives: list[ContainerRun] = field(default_factory=list)
    confirming_steps: list[StepResult] = field(default_factory=list)
    life_number: int = 0
    step_number: int = 0

    def next_life(self) -> int:
        """A number that no other container of this cell has: two engines may confirm it at once."""
        self.life_number += 1
        return self.life_number

    def next_step(self) -> int:
        self.step_number += 1
        return self.step_number

    def born(self, life: ContainerRun) -> None:
        self.life_number = max(self.life_number, life.number)
        (self.lives if life.purpose is Purpose.SEARCH else self.confirming_lives).append(life)

    def add(self, plan: Plan, facts: StepFacts, purpose: Purpose = Purpose.SEARCH) -> StepResult:
        """Judge all steps with the new one among them; its result. One that confirms stands by itself."""
        if purpose is Purpose.CONFIRM:
            self.step_number = max(self.step_number, facts.index)
            self.confirming_steps.append(judge(facts, plan.slos, self.light))
            return self.confirming_steps[-1]
        self.learn(plan, [facts])
        return self.steps[-1]

    def learn(self, plan: Plan, facts: Sequence[StepFacts]) -> None:
        """Further steps of the search, and all of them judged together."""
        self.facts += facts
        self.step_number = max([self.step_number, *(each.index for each in facts)])
        self.light = reference(self.facts, self.elsewhere)
        self.series |= {each.index: series(each) for each in facts}
        judged = judge_all(self.facts, plan.slos, self.elsewhere)
        self.steps = tuple(replace(step, series=self.series[step.index]) for step in judged)

    def begin(self, elsewhere: Light | None, engine: str = "") -> None:
        """Nothing is stored of this attempt yet: what it will be judged by until it has a step of its own."""
        self.elsewhere = self.light = elsewhere
        self.engine = engine

    def begin_again(self, plan: Plan) -> None:
        """Another attempt, from nothing; what one that came to an end found is kept beside it."""
        self.first, self.attempt = self.answer(plan) if self.done else self.first, self.attempt + 1
        self.lives, self.facts, self.steps, self.done = [], [], (), False

    def finish(self) -> Light | None:
        """The cell is done: its lightest step, for the cells after it."""
        light = lighter(self.elsewhere, lightest(self.facts))
        self.done, self.facts = True, []
        return light

    def answer(self, plan: Plan) -> CellResult:
        skipped = plan.skipped.get(self.cell.id)
        found = capacity(
            self.cell, plan.users_limit, plan.slos, self.lives, self.steps, done=self.done, skipped=skipped
        )
        return replace(found, first=self.first, engine=self.engine)


@dataclass(slots=True)
class Memory:
    """Every cell's progress, by its id, and the lightest step of the cells that are done, by their engine.

    What a campaign is called, when it began and where it ran is read once: it is drawn after every step.
    """

    cells: dict[str, CellProgress]
    light: dict[str, Light | None] = field(default_factory=dict)
    campaign: str = ""
    started_at: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)

    def results(self, plan: Plan) -> tuple[CellResult, ...]:
        """Every cell's answer, in the plan's order; for a demand, also what follows from others."""
        answers = {cell.id: self.cells[cell.id].answer(plan) for cell in plan.cells}
        if plan.users_required is not None:
            answers = with_inferred(answers, plan.users_required)
        return tuple(with_breaches(plan, answers).values())

    def again(self, plan: Plan) -> Cell | None:
        """The cell that is to be measured a second time, if any; one that is half-way comes first."""
        for progress in self.cells.values():
            if progress.attempt > 1 and not progress.done:
                return progress.cell
        return second_attempt(plan, {result.cell.id: result for result in self.results(plan)})

    def confirmation(self, plan: Plan, engine: str = "") -> tuple[Cell, Step] | None:
        """The step that is still to be held on an engine to see whether its host is what it was, or what the
        others' are.
        """
        results = {result.cell.id: result for result in self.results(plan)}
        in_order = [results[cell.id] for cell in measuring_order(plan.cells)]
        chosen = next((progress for progress in self.cells.values() if progress.confirming_lives), None)
        if chosen is not None:  # by an engine that was done first
            in_order = [results[chosen.cell.id]]
        held = self.confirmed(plan).get(engine)
        return next_confirmation(plan, in_order, held, is_shared=bool(engine))

    def confirmed(self, plan: Plan) -> dict[str, Confirmation]:
        """What was held again of the reference cell, by the engine that held it."""
        found: dict[str, Confirmation] = {}
        for progress in self.cells.values():
            for engine in dict.fromkeys(life.engine for life in progress.confirming_lives):
                lives = [life for life in progress.confirming_lives if life.engine == engine]
                numbers = {life.number for life in lives}
                steps = [step for step in progress.confirming_steps if step.life in numbers]
                found.setdefault(engine, Confirmation(progress.answer(plan), lives, steps))
        return found

    def whole(self, plan: Plan, state: str) -> CampaignResult:
        cells = self.results(plan)
        thinks = [step.think_s for cell in cells for step in cell.steps if step.think_s is not None]
        drifts = [drift(held) for held in self.confirmed(plan).values()]
        told = [each for each in drifts if each is not None]
        answer = CampaignResult(
            campaign=self.campaign,
            target=plan.target.name,
            state=state,
            started_at=self.started_at,
            users_limit=plan.users_limit,
            slos=plan.slos,
            cells=cells,
            scenario=", ".join(path.name for path in plan.scenario.locustfiles),
            think_s=sum(thinks) / len(thinks) if thinks else None,
            environment=self.environment,
            drift=next((each for each in told if each.engine == each.against), None),
            engines=tuple(dict.fromkeys(cell.engine for cell in cells if cell.engine)),
            others=tuple(each for each in told if each.engine != each.against),
            agreements=agreements(cells),
            price=plan.price,
        )
        return decided(answer)


def remember(plan: Plan, folder: CampaignFolder) -> Memory:
    """A campaign's progress as stored, its steps judged again from their facts, in the order of its log."""
    story = folder.story()
    cells = {cell.id: CellProgress(cell) for cell in plan.cells}
    memory = Memory(
        cells, campaign=folder.name, started_at=story.started_at, environment=folder.environment()
    )
    for (cell_id, attempt), told in story.attempts.items():
        if cell_id in cells:
            if attempt > 1:
                cells[cell_id].begin_again(plan)
            _remember_attempt(plan, folder, memory, cells[cell_id], told)
    return memory


def _remember_attempt(
    plan: Plan, folder: CampaignFolder, memory: Memory, progress: CellProgress, told: CellStory
) -> None:
    engine = next((life.engine for life in told.lives), "")
    progress.begin(memory.light.get(engine), engine)
    for life in (*told.lives, *told.confirming_lives):
        progress.born(life)
    progress.learn(plan, [folder.read_step(file) for file in told.step_files])
    for file in told.confirming_files:
        progress.add(plan, folder.read_step(file), Purpose.CONFIRM)
    if told.done:
        memory.light[engine] = progress.finish()


def judged_again(plan: Plan, folder: CampaignFolder) -> CampaignResult:
    """A stored campaign's answer under the plan's SLOs, without any load."""
    return remember(plan, folder).whole(plan, folder.story().ended or "interrupted")
