"""The simulated service of the tests, with the faults that a target can have at its start."""

from dataclasses import dataclass

from bench.simulation import model
from harness.model import MIB

HOST_CORES = 2


@dataclass(frozen=True, slots=True)
class Service(model.Service):
    """A light service on a host of two cores. It can end at once with an exit code, or never become ready."""

    cpu_s: float = 0.006
    law: model.Law = "uniform"
    parallel_cores: int = HOST_CORES
    base_bytes: int = 20 * MIB
    user_bytes: int = 64 * 1024
    ready_after_s: float = 0.3
    exits_at_start: int | None = None
    is_never_ready: bool = False
