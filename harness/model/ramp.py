"""Tell how fast the users of a step arrive."""

from harness.model.plan import LONGEST_CYCLE_S

_RAMP_AT_LEAST_S = 10.0
_QUICK_RAMP_AT_LEAST_S = 3.0
_ONE_BY_ONE_RATE = 1.9
"""Users per second. Below two Locust spawns users one by one, from two on a whole second's users at once."""


def compute_ramp_rate(
    users: int, spawn_rate: float, cycle_s: float = 0.0, ramp_s: float = 0.0, *, is_quick: bool = False
) -> float:
    """Return the users per second of a step's ramp: no burst is larger than a tenth of the step's users.

    Every user sends a request when it arrives. So over less than a cycle (`cycle_s`, 0 if it is unknown) they
    would send more requests than later, in waves that repeat with every cycle. The ramp takes `ramp_s` at
    least. With `is_quick` it takes only one cycle, and three seconds at least.
    """
    at_least_s = max(_QUICK_RAMP_AT_LEAST_S, cycle_s) if is_quick else _RAMP_AT_LEAST_S
    rate = max(_ONE_BY_ONE_RATE, users / at_least_s)
    if cycle_s > _RAMP_AT_LEAST_S:
        rate = users / min(cycle_s, LONGEST_CYCLE_S)
    if ramp_s > 0:
        rate = min(rate, users / ramp_s)
    return min(spawn_rate, rate)
