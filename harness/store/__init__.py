"""Facts on disk: `results/<campaign>/`, its log and its step files. Nobody else writes there."""

from harness.store.folder import CampaignFolder, Story, campaign_name, remove_parts
from harness.store.log import FORMAT

__all__ = ["FORMAT", "CampaignFolder", "Story", "campaign_name", "remove_parts"]
