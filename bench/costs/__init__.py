"""Find out how well a campaign tells what a request of each name costs, where the costs are known."""
