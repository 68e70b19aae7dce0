"""How many examples a property test draws: few in `make check`, and twenty times as many in `make soak`."""

import os

_FACTOR = int(os.environ.get("EXAMPLES_FACTOR", "1"))


def count_examples(count: int) -> int:
    """Return how many examples are drawn where `make check` draws `count`."""
    return count * _FACTOR
