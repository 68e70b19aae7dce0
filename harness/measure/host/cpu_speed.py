"""How fast this machine is just now: the CPU time that a fixed piece of work takes."""

import time

ROUNDS = 20_000
"""About 2 ms on a core of 2023: 0.2 % of it when asked once a second."""


def work_s() -> float:
    """CPU seconds of this thread for the same arithmetic each time; waiting for a core is not in it.

    It tells a slower machine from a busier one: a neighbour on the other half of the physical core, a lower
    clock. On a virtual machine, time that the hypervisor took is in it as far as the kernel isn't told.
    """
    before_s = time.thread_time()
    value = 1
    for number in range(ROUNDS):
        value = (value * 1_103_515_245 + number) & 0xFFFFFFFF
    return time.thread_time() - before_s
