"""Run a campaign: check it, resume or start it, measure every size on the engines, judge what is stored."""

from harness.campaign.listener import CampaignListener
from harness.campaign.progress import rejudge
from harness.campaign.runner import ignore_folder, run_campaign

__all__ = ["CampaignListener", "ignore_folder", "rejudge", "run_campaign"]
