"""Run a campaign on fakes of Docker and Locust, with the real store and the real report."""

import copy
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from harness.campaign.listener import CampaignListener
from harness.campaign.scheduler import Scheduler
from harness.measure.session import Backends
from harness.measure.step import ProgressSample
from harness.model import CampaignResult, Cell, CellResult, Plan, Step, StepResult
from harness.plan import plan_to_json
from harness.store import CampaignFolder
from tests.fakes import FakeBackends, Service


class RecordingListener(CampaignListener):
    """A listener that records each event as a short line, each note, and the phases of all steps."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []
        self.phases: set[str] = set()

    def cell_started(self, cell: Cell) -> None:
        self.lines.append(f"start {cell.id}")

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step_started(self, cell: Cell, step: Step) -> None:
        self.lines.append(f"hold {step.users}")

    def step_progressed(self, cell: Cell, sample: ProgressSample) -> None:
        self.phases.add(sample.phase)

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        self.lines.append(f"{result.users} {result.verdict}")

    def cell_finished(self, result: CellResult) -> None:
        self.lines.append(f"{result.cell.id} {result.status}")


class StepInterrupter(RecordingListener):
    """Interrupts the campaign after a number of steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps_left = steps

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        super().step_judged(cell, result)
        self.steps_left -= 1
        if self.steps_left == 0:
            raise KeyboardInterrupt


class FakeCampaign:
    """A campaign in a new folder, on one fake engine whose targets all behave like `service`.

    As in a real campaign, writing reports takes a twentieth of the time at most, unless it
    `reports_each_step`.
    """

    def __init__(
        self, folder: Path, plan: Plan, service: Service, *, reports_each_step: bool = False
    ) -> None:
        self.fake = FakeBackends(service)
        self.backends: dict[str | None, Backends] = {None: self.fake.to_backends()}
        self.plan = plan
        self.listener = RecordingListener()
        self.reports_each_step = reports_each_step
        self.folder = CampaignFolder.create(
            folder, "one", plan_to_json(plan), self.fake.host.read_fingerprint()
        )

    def copy_to(self, folder: Path) -> "FakeCampaign":
        """Copy what is stored into a folder; the copy's engine has run as many containers."""
        copied = copy.copy(self)
        copied.reports_each_step = False
        copied.fake = FakeBackends(self.fake.default)
        copied.fake.host.runs = [*self.fake.host.runs]
        copied.backends = {None: copied.fake.to_backends()}
        copied.folder = CampaignFolder.open(shutil.copytree(self.folder.path, folder / self.folder.name))
        return copied

    def measure(self) -> CampaignResult:
        """Measure all cells that are not finished; return the campaign's answer."""
        # On the fake clock writing takes no time, so the reports are due again after each step.
        now_s = self.fake.clock.now_s if self.reports_each_step else time.monotonic
        return Scheduler(self.plan, self.folder, self.backends, self.listener, now_s).run()

    def measure_cells(self) -> Mapping[str, CellResult]:
        """Measure all cells that are not finished; return every cell's answer by its id."""
        return {cell.cell.id: cell for cell in self.measure().cells}
