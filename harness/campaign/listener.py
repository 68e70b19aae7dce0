"""Define what an observer of a running campaign is called with."""

from harness.measure.step import ProgressSample
from harness.model import Cell, CellResult, Plan, Step, StepResult


class CampaignListener:
    """The base class of observers: each method does nothing unless it is overridden.

    With several engines the methods are called from several threads.
    """

    def campaign_started(self, plan: Plan, finished_cells: int, at_once: int = 1) -> None:
        """Show that all checks have passed.

        `plan` is fitted to the hosts; `finished_cells` is the number of cells that earlier runs finished, and
        `at_once` that of the cells that are measured at the same time.
        """

    def note(self, text: str) -> None:
        """Show something that the user should know."""

    def cell_started(self, cell: Cell) -> None:
        """Show that the cell's search starts or is resumed."""

    def drift_check_started(self, cell: Cell) -> None:
        """Show that the reference cell is measured once more, to see whether the host has changed."""

    def soak_started(self, cell: Cell, step: Step) -> None:
        """Show that the recommended size is held for long at the end, before it is recommended for good."""

    def container_starting(self, cell: Cell) -> None:
        """Show that a fresh container of the cell is being started."""

    def step_started(self, cell: Cell, step: Step) -> None:
        """Show that the users of a step begin to ramp up."""

    def step_progressed(self, cell: Cell, sample: ProgressSample) -> None:
        """Show the state of the running step; called about four times a second."""

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        """Show a step's verdict."""

    def cell_finished(self, result: CellResult) -> None:
        """Show a cell's answer."""
