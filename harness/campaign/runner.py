"""The one call that measures: checks, resume or a new folder, clean engines, all sizes."""

from pathlib import Path

from harness.campaign.listener import CampaignListener
from harness.campaign.preflight import (
    build_fingerprint,
    check_plan,
    clean_engines,
    connect_backends,
    separate_cores,
)
from harness.campaign.resume import create_campaign, find_unfinished_campaign, reopen_campaign
from harness.campaign.scheduler import Scheduler
from harness.model import CampaignResult, Plan
from harness.store import CampaignFolder, build_campaign_name


def run_campaign(
    plan: Plan, results: Path, listener: CampaignListener, *, resume: Path | None = None, fresh: bool = False
) -> tuple[CampaignResult, CampaignFolder]:
    """Measure all sizes of the plan that are not yet stored; return the answer and the folder it is in.

    `resume` is the folder of the campaign to resume. Without it, the newest campaign in `results` is resumed
    if it was interrupted and its questions are still the same, unless `fresh`; else a new one is started.

    Raises:
        UsageError: the plan cannot be measured here, or the campaign cannot be resumed; nothing was started.
        BackendError: an engine, a companion or the generator failed; what was measured is stored.
    """
    if resume is None and not fresh:
        resume = find_unfinished_campaign(results, plan, listener.note)
    name = resume.resolve().name if resume else build_campaign_name(plan.target.name)
    backends = connect_backends(name, plan)
    plan = check_plan(plan, backends)
    backends, placement = separate_cores(backends, plan)
    with clean_engines(backends, results, listener.note):
        fingerprint = build_fingerprint(backends, placement)
        if resume:
            folder = reopen_campaign(resume, plan, fingerprint)
        else:
            folder = create_campaign(results, name, plan, fingerprint)
        listener.campaign_started(plan, len(folder.read_log().finished_cells))
        return Scheduler(plan, folder, backends, listener).run(), folder
