"""Compare the capacities that the harness measures with those that can be calculated for the same target."""
