"""Define what an observer of a comparison of two versions is called with."""

from collections.abc import Sequence

from harness.campaign.ab_windows import Pilot
from harness.campaign.listener import CampaignListener
from harness.model.ab import AbAnswer, AbTest, Pair


class AbListener(CampaignListener):
    """The base class of observers of a comparison: each method does nothing unless it is overridden.

    Windows are steps of the two cells, so those methods of `CampaignListener` are called that are about a
    container or a step.
    """

    def pilot_finished(self, test: AbTest, pilot: Pilot) -> None:
        """Show with how many users the versions are compared, and what these need of the base."""

    def comparison_resumed(self, pairs: Sequence[Pair], answer: AbAnswer) -> None:
        """Show the pairs that were there before, and the answer so far."""

    def pair_finished(self, pair: Pair, answer: AbAnswer) -> None:
        """Show a pair, and the answer so far."""
