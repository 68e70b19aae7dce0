"""Run a campaign: check it, resume or start it, measure every size on the engines, judge what is stored."""

from harness.campaign.listener import CampaignListener
from harness.campaign.progress import rejudge
from harness.campaign.runner import run_campaign

__all__ = ["CampaignListener", "rejudge", "run_campaign"]
