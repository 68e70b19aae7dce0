"""What is exposed of a campaign to a monitoring system at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.model.live import LiveCampaign, LiveStep
from harness.model.verdicts import CampaignState


@dataclass(frozen=True, slots=True)
class CampaignFigures:
    """A campaign as its folder tells it. `problem` says why the folder can't be read; the rest is then empty.

    `summary` is its summary.json, empty before the first one is written. `started_at` is ISO 8601. `live` is
    what a running campaign shows of its searches, and `steps` are its steps in progress by the ids of cells.
    """

    campaign: str
    state: CampaignState | None = None
    started_at: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    live: LiveCampaign | None = None
    steps: Mapping[str, LiveStep] = field(default_factory=dict)
