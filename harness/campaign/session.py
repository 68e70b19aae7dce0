"""What all engines at work share: the plan, the folder, what is known so far, who is told of it."""

import threading
from collections.abc import Iterable

from harness.campaign.progress import remember
from harness.measure.protocols import Clock
from harness.measure.step import Pulse
from harness.model import CampaignResult, Cell, CellResult, Plan, Step, StepResult
from harness.report import draw
from harness.store import CampaignFolder

BETWEEN_DRAWINGS = 19
"""Times as long as the last drawing took; nothing is drawn meanwhile."""


class Narrator:
    """Told of everything as it happens. This one is silent."""

    def cell_started(self, cell: Cell) -> None: ...

    def note(self, text: str) -> None: ...

    def container_starting(self, cell: Cell) -> None: ...

    def step_started(self, cell: Cell, step: Step) -> None: ...

    def pulse(self, cell: Cell, pulse: Pulse) -> None: ...

    def step_judged(self, cell: Cell, result: StepResult) -> None: ...

    def cell_done(self, result: CellResult) -> None: ...

    def confirming(self, cell: Cell) -> None: ...


class Desk:
    """Whoever reads or writes what lies on it holds `lock`, and only for a moment."""

    def __init__(self, plan: Plan, folder: CampaignFolder, narrator: Narrator) -> None:
        self.plan = plan
        self.folder = folder
        self.narrator = narrator
        self.memory = remember(plan, folder)
        self.lock = threading.RLock()
        self.is_stopping = False
        self._noted: set[str] = set()
        self._drawn_until_s = 0.0

    def look(self, cell: Cell, pulse: Pulse) -> None:
        """Tell of a moment in a step. Raises KeyboardInterrupt when all are to stop."""
        if self.is_stopping:
            raise KeyboardInterrupt
        self.narrator.pulse(cell, pulse)

    def note(self, texts: Iterable[str]) -> None:
        """Say each thing worth knowing once."""
        with self.lock:
            for text in texts:
                if text not in self._noted:
                    self._noted.add(text)
                    self.folder.log.append("note", text=text)
                    self.narrator.note(text)

    def result(self, state: str) -> CampaignResult:
        with self.lock:
            return self.memory.whole(self.plan, state)

    def draw(self, state: str, clock: Clock) -> None:
        """The reports as they stand. While it runs, drawing takes a twentieth of the time at most."""
        with self.lock:
            begun_s = clock.now_s()
            if state == "running" and begun_s < self._drawn_until_s:
                return
            self.folder.write_reports(draw(self.result(state)))
            now_s = clock.now_s()
            self._drawn_until_s = now_s + BETWEEN_DRAWINGS * (now_s - begun_s)
