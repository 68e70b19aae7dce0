"""What the harness measures of a target whose capacity is known on paper, against the paper."""
