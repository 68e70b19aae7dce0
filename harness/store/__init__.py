"""Store campaigns in `results/<campaign>/`: events, step files, reports. No other package writes there."""

from harness.store.event_log import FORMAT
from harness.store.figures import FiguresReader
from harness.store.folder import (
    CampaignFolder,
    CampaignLog,
    build_campaign_name,
    write_text,
)
from harness.store.folder_lock import hold_folder, is_held
from harness.store.partial_files import remove_partial_files
from harness.store.request_table import write_requests
from harness.store.summaries import (
    read_comparison_summary,
    read_comparisons,
    read_summaries,
    read_summary,
)

__all__ = [
    "FORMAT",
    "CampaignFolder",
    "CampaignLog",
    "FiguresReader",
    "build_campaign_name",
    "hold_folder",
    "is_held",
    "read_comparison_summary",
    "read_comparisons",
    "read_summaries",
    "read_summary",
    "remove_partial_files",
    "write_requests",
    "write_text",
]
