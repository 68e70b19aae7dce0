"""Probe how fast this machine is at the moment."""

import time

_ROUNDS = 20_000
"""About 2 ms on a core of 2023, which is 0.2 % of the core with one probe a second."""


def probe_work_s() -> float:
    """Return the CPU seconds that this thread needs for a fixed piece of arithmetic.

    The time of waiting for a core is not counted. So the value rises if the machine becomes slower (by a
    lower clock, or by other work on the same physical core), and not if it becomes busier. On a virtual
    machine it includes time that the hypervisor took and did not report to the kernel.
    """
    before_s = time.thread_time()
    value = 1
    for number in range(_ROUNDS):
        value = (value * 1_103_515_245 + number) & 0xFFFFFFFF
    return time.thread_time() - before_s
