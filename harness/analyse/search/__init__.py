"""Choose what to measure next from what was measured before, and estimate how long a plan will take."""
