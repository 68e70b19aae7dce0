"""Run a campaign in one call: check, resume or create a folder, clean the engines, measure all sizes."""

from collections.abc import Callable
from pathlib import Path

from harness.campaign.listener import CampaignListener
from harness.campaign.preflight import (
    EngineBackends,
    build_fingerprint,
    check_plan,
    clean_engines,
    connect_backends,
    place_workers,
)
from harness.campaign.resume import find_unfinished_campaign, open_campaign, require_same_plan
from harness.campaign.scheduler import Scheduler
from harness.model import CampaignResult, Plan
from harness.store import CampaignFolder, build_campaign_name


def ignore_folder(folder: CampaignFolder) -> None:
    """Do nothing with a campaign's folder."""


def run_campaign(
    plan: Plan,
    results: Path,
    listener: CampaignListener,
    *,
    resume: Path | None = None,
    fresh: bool = False,
    connect: Callable[[str, Plan], EngineBackends] = connect_backends,
    on_folder: Callable[[CampaignFolder], None] = ignore_folder,
) -> tuple[CampaignResult, CampaignFolder]:
    """Measure all sizes of the plan that are not finished yet; return the answer and the campaign's folder.

    `resume` is the folder of the campaign to resume. Without `resume`, the newest campaign in `results` is
    resumed if it was interrupted, its matrix, scenario and target are unchanged, and `fresh` is False;
    otherwise a new campaign is started. `connect` gets the campaign's name and the plan, and returns what
    measures on each engine. `on_folder` is called with the campaign's folder before anything is measured.

    Raises:
        UsageError: the plan cannot be measured here, or the campaign cannot be resumed; nothing was started.
        BackendError: an engine, a companion or the generator failed; what was measured is stored.
        StoreError: the campaign's folder can't be read or written.
    """
    if resume is not None:
        require_same_plan(CampaignFolder.open(resume), plan)
    elif not fresh:
        resume = find_unfinished_campaign(results, plan, listener.note)
    name = resume.resolve().name if resume else build_campaign_name(plan.target.name)
    backends = connect(name, plan)
    with clean_engines(backends, results, listener.note):
        plan = check_plan(plan, backends)
        workers, placement, outcome = place_workers(backends, plan, listener.note)
        fingerprint = build_fingerprint(backends, placement)
        with open_campaign(resume, results, name, plan, fingerprint) as folder:
            if outcome:
                folder.add_note(outcome)
            on_folder(folder)
            listener.campaign_started(plan, len(folder.read_log().finished_cells), len(workers))
            return Scheduler(plan, folder, workers, listener).run(), folder
