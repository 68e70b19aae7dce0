"""What happens in a campaign, told to whoever shows it."""

from harness.measure.step import ProgressSample
from harness.model import Cell, CellResult, Plan, Step, StepResult


class CampaignListener:
    """An observer of a campaign that does nothing: override what you want to show.

    With several engines the methods are called from several threads.
    """

    def campaign_started(self, plan: Plan, finished_cells: int) -> None:
        """Show that all checks have passed; `plan` fits the hosts, `finished_cells` are already stored."""

    def note(self, text: str) -> None:
        """Show something that the user should know."""

    def cell_started(self, cell: Cell) -> None:
        """Show that the cell's search starts, or goes on."""

    def drift_check_started(self, cell: Cell) -> None:
        """Show that the cell is held once more at the end, to see whether the host drifted."""

    def container_starting(self, cell: Cell) -> None:
        """Show that a fresh container of the cell is being started."""

    def step_started(self, cell: Cell, step: Step) -> None:
        """Show that the users of a step begin to ramp up."""

    def step_progressed(self, cell: Cell, sample: ProgressSample) -> None:
        """Show how the running step stands; called about four times a second."""

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        """Show a step's verdict."""

    def cell_finished(self, result: CellResult) -> None:
        """Show a cell's answer."""
