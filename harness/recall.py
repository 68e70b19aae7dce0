"""From stored facts to answers: what a campaign knows when it goes on, and what is drawn or judged later."""

from dataclasses import dataclass, field

from harness.analyse.capacity import capacity
from harness.analyse.cell import judge_all, lighter, lightest
from harness.analyse.frontier import with_inferred
from harness.analyse.slo import Light
from harness.model import CampaignResult, Cell, CellResult, Life, Plan, StepFacts, StepResult
from harness.store import CampaignFolder
from harness.store.folder import CellStory


@dataclass(slots=True)
class CellProgress:
    """What is known of a cell so far.

    `elsewhere` is the lightest step of the cells before it, borrowed as a reference: never one of a later
    cell, so that what was judged stays judged. `facts` are let go of when the cell is done.
    """

    cell: Cell
    elsewhere: Light | None = None
    lives: list[Life] = field(default_factory=list)
    facts: list[StepFacts] = field(default_factory=list)
    steps: tuple[StepResult, ...] = ()
    done: bool = False

    def add(self, plan: Plan, facts: StepFacts) -> StepResult:
        """Judge all steps with the new one among them; its result."""
        self.facts.append(facts)
        self.steps = judge_all(self.facts, plan.slos, self.elsewhere)
        return self.steps[-1]

    def finish(self) -> Light | None:
        """The cell is done: its lightest step, for the cells after it."""
        light = lighter(self.elsewhere, lightest(self.facts))
        self.done, self.facts = True, []
        return light

    def answer(self, plan: Plan) -> CellResult:
        skipped = plan.skipped.get(self.cell.id)
        return capacity(
            self.cell, plan.users_limit, plan.slos, self.lives, self.steps, done=self.done, skipped=skipped
        )


@dataclass(slots=True)
class Memory:
    """Every cell's progress, by its id, and the lightest step of the cells that are done."""

    cells: dict[str, CellProgress]
    light: Light | None = None

    def results(self, plan: Plan) -> tuple[CellResult, ...]:
        """Every cell's answer, in the plan's order; for a demand, also what follows from others."""
        answers = {cell.id: self.cells[cell.id].answer(plan) for cell in plan.cells}
        if plan.users_required is not None:
            answers = with_inferred(answers, plan.users_required)
        return tuple(answers.values())


def remember(plan: Plan, folder: CampaignFolder) -> Memory:
    """A campaign's progress as stored, its steps judged again from their facts, in the order of its log."""
    story = folder.story()
    memory = Memory({cell.id: CellProgress(cell) for cell in plan.cells})
    for cell_id, told in story.cells.items():
        if cell_id in memory.cells:
            _remember_cell(plan, folder, memory, memory.cells[cell_id], told)
    return memory


def _remember_cell(
    plan: Plan, folder: CampaignFolder, memory: Memory, progress: CellProgress, told: CellStory
) -> None:
    progress.elsewhere = memory.light
    progress.lives = list(told.lives)
    progress.facts = [folder.read_step(file) for file in told.step_files]
    progress.steps = judge_all(progress.facts, plan.slos, progress.elsewhere)
    if told.done:
        memory.light = progress.finish()


def judged_again(plan: Plan, folder: CampaignFolder) -> CampaignResult:
    """A stored campaign's answer under the plan's SLOs, without any load."""
    state = folder.story().ended or "interrupted"
    return whole(plan, folder, remember(plan, folder).results(plan), state)


def whole(plan: Plan, folder: CampaignFolder, cells: tuple[CellResult, ...], state: str) -> CampaignResult:
    thinks = [step.think_s for cell in cells for step in cell.steps if step.think_s is not None]
    return CampaignResult(
        campaign=folder.name,
        target=plan.target.name,
        state=state,
        started_at=folder.story().started_at,
        users_limit=plan.users_limit,
        slos=plan.slos,
        cells=cells,
        scenario=", ".join(path.name for path in plan.scenario.locustfiles),
        think_s=sum(thinks) / len(thinks) if thinks else None,
        environment=folder.environment(),
    )
