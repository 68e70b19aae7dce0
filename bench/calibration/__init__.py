"""Compare what the harness measures of a target with the capacity that arithmetic gives for the target."""
