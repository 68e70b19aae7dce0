"""What the generator's host did in a window, how fast it was, and what a size sustains at one speed of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostUse:
    """What the generator's host did in a window; a field is None if it was not counted.

    `steal_ratio` is the share of all cores' time that the hypervisor took. `foreign_cores` were used by other
    programs, `proxy_cores` by the proxy of the published port. `work_s` is the mean CPU time of a fixed piece
    of work, the host's pace: the larger it is, the slower the host. All three are None if the engine runs on
    another host. `left_out_s` is the part of the window that is not judged because of a disturbance.
    """

    steal_ratio: float | None = None
    foreign_cores: float | None = None
    proxy_cores: float | None = None
    work_s: float | None = None
    left_out_s: float = 0.0


@dataclass(frozen=True, slots=True)
class HostSpeed:
    """The speed at which a campaign's sizes are compared, and how a request's CPU time follows the host.

    `reference_work_s` is the pace (the CPU time of a fixed piece of work) of the fastest tenth of all valid
    windows: the host at its best. If the pace changes by a factor f, the CPU time per request changes by
    f^`elasticity`: by as much as the pace if it is 1, not at all if it is 0. `elasticity_sigma` is its
    standard deviation.
    """

    reference_work_s: float
    elasticity: float
    elasticity_sigma: float


@dataclass(frozen=True, slots=True)
class ReferenceCapacity:
    """What a size that the CPU stops sustains at the campaign's reference speed, with its 95 % interval.

    `slowdown_ratio` is by how much more CPU time a request took in the cell's windows than it would take at
    the reference speed, because of the host alone; `work_s` is the pace in these windows. `fitted_users` is
    the capacity at the speed of these windows, and `fitted_sigma` the standard deviation of its logarithm.
    All of them are fitted, and none is measured.
    """

    users: float
    low: float
    high: float
    slowdown_ratio: float
    work_s: float
    fitted_users: float
    fitted_sigma: float
