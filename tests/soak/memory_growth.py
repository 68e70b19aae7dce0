"""Measure how the harness's memory grows over a campaign with many sizes."""

from pathlib import Path

import psutil

from harness.campaign import CampaignListener
from harness.campaign.scheduler import Scheduler
from harness.model import CellResult
from harness.plan import plan_to_json
from harness.store import CampaignFolder
from tests.builders import make_plan
from tests.fakes import FakeBackends, Service


class MemoryListener(CampaignListener):
    """A listener that records this process's resident memory after every cell."""

    def __init__(self) -> None:
        self.resident_bytes: list[int] = []

    def cell_finished(self, result: CellResult) -> None:
        self.resident_bytes.append(psutil.Process().memory_info().rss)


def measure_memory(folder: Path, cells: int) -> list[int]:
    """Return the resident bytes after each cell of a campaign with fake load, the real store and report."""
    limits = [(0.1 + 0.01 * (number % 20), 256 + number) for number in range(cells)]
    plan, listener = make_plan(*limits, strategy="bisect", users_limit=60), MemoryListener()
    fakes = FakeBackends(Service())
    backends = fakes.to_backends()
    stored = CampaignFolder.create(folder, "many", plan_to_json(plan), fakes.host.read_fingerprint())
    Scheduler(plan, stored, {None: backends}, listener).run()
    return listener.resident_bytes
