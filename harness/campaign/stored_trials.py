"""Read the trials of a campaign's sizes, bursts and soaks, and judge them from their facts."""

from collections.abc import Iterable, Mapping

from harness.analyse.result.burst import assess_burst
from harness.analyse.result.long_soak import assess_long_soak
from harness.analyse.step.baseline import Baseline
from harness.model import Plan, Purpose
from harness.model.trials import Burst, LongSoak, Trials
from harness.store import CampaignFolder
from harness.store.folder import TrialRecord


def read_trials(
    plan: Plan,
    folder: CampaignFolder,
    records: Iterable[TrialRecord],
    baselines: Mapping[str, Baseline | None],
) -> Trials:
    """Return all trials in the log's order; those that were interrupted are left out.

    `baselines` are those of the cells' searches, by the cell's id.
    """
    cells = {cell.id: cell for cell in plan.cells}
    bursts: list[Burst] = []
    soaks: list[LongSoak] = []
    for record in records:
        run = record.run
        if run.cell not in cells:
            continue
        facts = None if record.step_file is None else folder.read_step(record.step_file)
        cell, baseline = cells[run.cell], baselines.get(run.cell)
        if run.purpose is Purpose.BURST:
            burst = assess_burst(plan, cell, run, facts, baseline)
            bursts += [burst] if burst is not None else []
        else:
            soak = assess_long_soak(plan, cell, run, facts, baseline)
            soaks += [soak] if soak is not None else []
    return Trials(tuple(bursts), tuple(soaks))
