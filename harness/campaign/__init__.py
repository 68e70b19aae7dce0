"""Run a campaign: which cell is measured next, on which engine, and what is known so far."""
