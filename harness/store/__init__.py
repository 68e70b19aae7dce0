"""Facts on disk: `results/<campaign>/`, its log and its step files. Nobody else writes there."""

from harness.store.event_log import FORMAT
from harness.store.folder import CampaignFolder, Story, campaign_name, remove_parts, write_text
from harness.store.summaries import Summary, summaries

__all__ = [
    "FORMAT",
    "CampaignFolder",
    "Story",
    "Summary",
    "campaign_name",
    "remove_parts",
    "summaries",
    "write_text",
]
