"""Find the true capacity of a simulated configuration: what an endless measurement would find.

The users are bisected with short simulations first, and then near the result with longer ones. A line through
several of the longest ones then gives the capacity, where their results are close enough to the SLO. All
have the nominal speed: no target is cold and no host drifts. Memory is not simulated but calculated: what the
target needs for so many users after the harness's horizon.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.simulation.container_run import build_closed_system
from bench.simulation.memory import compute_lasting_bytes
from bench.simulation.model import QUIET, Service, ThinkTime
from harness.analyse.search.capacity_estimate import compute_allowed_slow_share, compute_logit
from harness.model import IndicatorKind, Limits, Slo, Timing

DEFAULT_SLOS = (Slo("p95", 1.0), Slo("errors", 0.01), Slo("shortfall", 0.15))
"""The harness's defaults."""

_COARSE_S = 1_000.0
FINE_S = 20_000.0
_MAX_REQUESTS = 600_000
"""No simulation has many more requests than this, which find a capacity to within about 0.2 %."""

_ONE_BY_ONE_RATE = 1.9
"""Users per second. Paced users keep the rhythm in which they arrived, so they must not arrive in bursts."""

_SETTLE_S = 100.0
_SETTLE_THINKS = 10
_CHUNK_S = 500.0
_UNLIMITED_BYTES = 2**60
_FITTED_RATIOS = (-0.06, -0.03, 0.0, 0.03, 0.06)
_MAX_FITTED_EXCESS = 2.5
_MIN_FITTED = 4
_SMALLEST = 1e-6


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """The true capacity of a configuration.

    `users` is the highest number of users that keeps all SLOs and whose memory lasts. `crossing_users` is the
    fraction between `users` and `users + 1` at which the first of them would be broken exactly. Both are the
    users limit if the limit is sustained (`is_censored`), and 0 if not even one user is.
    """

    users: int
    crossing_users: float
    is_censored: bool = False


@dataclass(frozen=True, slots=True)
class _LongRun:
    """The requests that ended in a simulation, with the indices of their names and errors, and their rate."""

    latency_s: np.ndarray
    name: np.ndarray
    error: np.ndarray
    rps: float


@functools.cache
def find_ground_truth(
    service: Service,
    think: ThinkTime,
    limits: Limits,
    users_limit: int = 400,
    slos: tuple[Slo, ...] = DEFAULT_SLOS,
    fine_s: float = FINE_S,
) -> GroundTruth:
    """Find the capacity under these SLOs, for a memory that has to last for the harness's horizon."""
    return _TruthSearch(service, think, limits, slos, fine_s).find(users_limit)


class _TruthSearch:
    """The search for one configuration's capacity.

    The *excess* of a number of users is above 0 if it breaks an SLO, or needs more memory than there is. It
    rises about linearly with ln N: for a share it is the difference of logits, else the logarithm of a ratio.
    """

    def __init__(
        self, service: Service, think: ThinkTime, limits: Limits, slos: Sequence[Slo], fine_s: float
    ) -> None:
        self._fine_s = fine_s
        self._coarse_s = min(_COARSE_S, fine_s)
        self._service = service
        self._think = think
        self._limits = limits
        self._slos = slos
        self._runs: dict[tuple[int, float], _LongRun] = {}

    def find(self, users_limit: int) -> GroundTruth:
        coarse_s, fine_s = self._coarse_s, self._fine_s
        if self._is_sustained(users_limit, coarse_s) and self._is_sustained(users_limit, fine_s):
            return GroundTruth(users_limit, float(users_limit), is_censored=True)
        users = _find_boundary(lambda users: self._is_sustained(users, coarse_s), 0, users_limit)
        for length_s, doubt_ratio in ((min(5 * coarse_s, fine_s), 0.03), (fine_s, 0.01)):
            users = _refine_boundary(
                functools.partial(self._is_sustained, length_s=length_s), users, users_limit, doubt_ratio
            )
        if users == 0:
            return GroundTruth(0, 0.0)
        crossing = self._find_crossing(users, fine_s)
        return GroundTruth(math.floor(crossing), crossing)

    def _is_sustained(self, users: int, length_s: float) -> bool:
        return users == 0 or max(self._compute_excesses(users, length_s)) <= 0

    def _compute_excesses(self, users: int, length_s: float) -> list[float]:
        """Return the excess of each SLO, and of the memory last."""
        run = self._simulate(users, length_s)
        needed_bytes = compute_lasting_bytes(self._service, users, run.rps, Timing().horizon_s)
        memory = math.log(needed_bytes / self._limits.memory_bytes)
        return [*(self._compute_excess(slo, users, run) for slo in self._slos), memory]

    def _compute_excess(self, slo: Slo, users: int, run: _LongRun) -> float:
        latency_s = run.latency_s[self._find_requests(slo, run)]
        match slo.kind:
            case IndicatorKind.PERCENTILE:
                slow_share = float((latency_s > slo.at_most).mean())
                return compute_logit(slow_share) - compute_logit(compute_allowed_slow_share(slo))
            case IndicatorKind.MEAN:
                value = float(latency_s.mean())
            case IndicatorKind.ERRORS:
                value = float((run.error >= 0).mean())
            case IndicatorKind.SHORTFALL:
                value = 1 - run.rps * self._light_cycle_s / users
            case IndicatorKind.DRIFT | IndicatorKind.ADDED_ERRORS:
                raise ValueError(f"{slo.indicator} has no true capacity here")
        return math.log(max(value, _SMALLEST) / slo.at_most)

    def _find_requests(self, slo: Slo, run: _LongRun) -> np.ndarray:
        """Return which requests the SLO is on. Its name is without the method, as in matrix.yaml."""
        if slo.request_name is None:
            return np.full(len(run.name), True)
        names = [kind.name.partition(" ")[2] for kind in self._service.kinds]
        is_meant: np.ndarray = run.name == names.index(slo.request_name)
        return is_meant

    @functools.cached_property
    def _light_cycle_s(self) -> float:
        """The seconds between two requests of a user who is alone."""
        return 1 / self._simulate(1, self._fine_s).rps

    def _simulate(self, users: int, length_s: float) -> _LongRun:
        key = users, length_s
        if key not in self._runs:
            self._runs[key] = simulate_long_run(self._service, self._think, self._limits, users, length_s)
        return self._runs[key]

    def _find_crossing(self, users: int, length_s: float) -> float:
        """Find where the first SLO or the memory is broken, near `users`, which is sustained."""
        below, above = (self._compute_excesses(each, length_s) for each in (users, users + 1))
        crossings = [
            users * ((users + 1) / users) ** (-low / (high - low))
            for low, high in zip(below, above, strict=True)
            if low <= 0 < high
        ]
        near = sorted({max(1, round(users * (1 + ratio))) for ratio in _FITTED_RATIOS} | {users, users + 1})
        excesses = [self._compute_excesses(each, length_s)[:-1] for each in near]
        fitted = [_fit_crossing(near, column) for column in zip(*excesses, strict=True)]
        fitted = [each for each in fitted if each is not None]
        memory = [crossings[-1]] if below[-1] <= 0 < above[-1] else []
        return float(min([*fitted, *memory], default=min(crossings, default=users)))


def simulate_long_run(
    service: Service, think: ThinkTime, limits: Limits, users: int, length_s: float
) -> _LongRun:
    """Simulate for `length_s`, or for fewer seconds if there are many requests, and longer if there is none.

    Memory is unlimited. The requests of the ramp and of the settling do not count.
    """
    unlimited = Limits(limits.cpu_cores, _UNLIMITED_BYTES)
    system = build_closed_system(service, QUIET, think, unlimited, seed=(users,))
    rate = _ONE_BY_ONE_RATE if think.law == "pacing" else 50.0
    system.hold(users, rate)
    system.advance(users / rate + _SETTLE_S + _SETTLE_THINKS * think.mean_s)
    system.take_ended()
    from_s = system.now_s
    to_s = from_s + min(length_s, _MAX_REQUESTS * (think.mean_s + service.cpu_s) / users)
    chunks: list[list[np.ndarray]] = []
    while not chunks or system.now_s < to_s:
        system.advance(system.now_s + min(_CHUNK_S, length_s))
        ended = system.take_ended()
        if ended.start_s:
            small = (np.array(column, dtype=np.int8) for column in (ended.name, ended.error))
            chunks.append([np.array(ended.latency_s), *small])
    latency_s, name, error = (np.concatenate(column) for column in zip(*chunks, strict=True))
    return _LongRun(latency_s, name, error, len(latency_s) / (system.now_s - from_s))


def _fit_crossing(users: Sequence[int], excesses: Sequence[float]) -> float | None:
    """Return where the line through the excesses near 0 crosses 0; None if too few are near 0."""
    x, y = np.log(np.array(users)), np.array(excesses)
    is_near = np.abs(y) < _MAX_FITTED_EXCESS
    if is_near.sum() < _MIN_FITTED:
        return None
    slope, start = (float(each) for each in np.polyfit(x[is_near], y[is_near], 1))
    crossing = math.exp(-start / slope) if slope > 0 else math.inf
    return crossing if users[0] <= crossing <= users[-1] else None


def _refine_boundary(is_sustained: Callable[[int], bool], users: int, limit: int, doubt_ratio: float) -> int:
    """Find the boundary with longer runs near `users`, which is right to within `doubt_ratio`."""
    margin = max(1, math.ceil(users * doubt_ratio))
    low, high = max(0, users - margin), min(limit, users + 1 + margin)
    while not is_sustained(low):
        low, high = max(0, low - margin), low
    while high < limit and is_sustained(high):
        low, high = high, min(limit, high + margin)
    return _find_boundary(is_sustained, low, high)


def _find_boundary(is_sustained: Callable[[int], bool], low: int, high: int) -> int:
    """Return the highest number that is sustained; `low` is sustained and `high` is not."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_sustained(middle) else (low, middle)
    return low
