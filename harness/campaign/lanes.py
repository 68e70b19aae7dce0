"""Measure several sizes at once on one engine, each on cores of its own, if they don't disturb each other.

A *lane* is a set of cores on which one size after the other is measured. The campaign treats lanes like
engines: each has a worker of its own. They share memory, caches and the network of the host. So one size is
first held alone on its lane, and then while sizes are held on all other lanes.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from harness.analyse.step.judge import judge_step
from harness.analyse.step.side_by_side import compare_windows
from harness.campaign.lane_sizes import LaneSizes
from harness.errors import CompanionStartError, GeneratorError, TargetStartError
from harness.measure.host.cpu_affinity import (
    Placement,
    find_physical_cores,
    format_cpuset,
    is_on_this_kernel,
    split_lanes,
    sum_cores,
)
from harness.measure.protocols import Image
from harness.measure.session import Backends, ContainerSession, open_session
from harness.measure.step import ProgressSample, StepSpec, hold_step
from harness.model import Cell, Crowd, LocalWorkers, Plan, Step, StepFacts, Timing
from harness.model.side_by_side import LANE_PREFIX, SideBySide
from harness.plan.host_fit import compute_available_bytes

Lanes = Mapping[str | None, Backends]
"""The backends of each lane, by its name."""

_FEWEST_SIZES_EACH = 2
"""Each lane starts with a step at light load, which a lane for a single size would not earn."""

_CPU_USED_RATIO = 0.6
"""The share of its quota that a size uses while it is held for the check."""

_LIGHT_WINDOW_AT_MOST_S = 10.0
_WINDOW_AT_MOST_S = 30.0
"""The windows of the check; they are as short as the plan's longest window, if that is shorter."""

_STARTS_WITHIN_S = 120.0
_LOAD_AT_MOST_S = 600.0
_WAIT_S = 0.25


def find_lanes(
    plan: Plan, backends: Mapping[str | None, Backends], physical: Sequence[frozenset[int]] | None = None
) -> tuple[dict[str | None, Backends], str]:
    """Return the lanes of a campaign, and why there are none if it wants some. `physical` are for tests."""
    if plan.parallel == 1:
        return {}, ""
    if reason := _find_obstacle(plan, backends):
        return {}, reason
    (single,) = backends.values()
    fingerprint, most = single.host.read_fingerprint(), _count_most_lanes(plan, single)
    if most < 2:
        return {}, "too few sizes, or too little memory for two of them"
    cores, quotas = find_physical_cores() if physical is None else physical, _list_quotas(plan)
    placements = split_lanes(cores, quotas, most, may_share=plan.parallel is not None)
    if not placements:
        return {}, f"{fingerprint.engine.cores} cores are too few for two sizes of up to {max(quotas):g} CPU"
    return {_name_lane(each): single.on_cores(each) for each in placements}, ""


def _find_obstacle(plan: Plan, backends: Mapping[str | None, Backends]) -> str:
    """Return what allows only one size at a time, whatever the cores; empty if nothing does."""
    target = plan.target
    if len(backends) > 1:
        return "the campaign uses several engines"
    if target.host_port is not None or target.host_network or target.options.network_of is not None:
        return "the target needs a port or a network for itself"
    if not isinstance(plan.load, LocalWorkers) or plan.load.workers != 1:
        return "the load does not come from one Locust process"
    if not is_on_this_kernel(next(iter(backends.values())).host.read_fingerprint()):
        return "the engine does not run on this kernel"
    return ""


def _count_most_lanes(plan: Plan, backends: Backends) -> int:
    """Return how many lanes the sizes and the memory allow."""
    cells = _list_cells(plan)
    companions = [each.limits for each in plan.target.companions]
    balancer = [plan.target.balancer.limits] if plan.target.balancer else []
    beside_bytes = sum(limits.memory_bytes for limits in (*companions, *balancer))
    largest_bytes = max((cell.limits.total_bytes for cell in cells), default=0) + beside_bytes
    host_bytes = backends.host.read_fingerprint().engine.memory_bytes or 0
    by_memory = compute_available_bytes(host_bytes) // max(1, largest_bytes)
    wanted = plan.parallel or len(cells) // _FEWEST_SIZES_EACH
    return min(wanted, len(cells), by_memory)


def _list_quotas(plan: Plan) -> list[float]:
    """Return the cores that each size needs of its lane; those of the largest for all sizes of a demand.

    Which sizes a demand measures depends on what others show, so each of its lanes may measure any.
    """
    quotas = [sum_cores(cell.limits, plan.target) for cell in _list_cells(plan)]
    return quotas if plan.users_required is None else [max(quotas)] * len(quotas)


def _list_cells(plan: Plan) -> list[Cell]:
    return [cell for cell in plan.cells if cell.id not in plan.skipped]


def _name_lane(placement: Placement) -> str:
    return LANE_PREFIX + format_cpuset(placement.target | placement.generator)


def check_lanes(plan: Plan, lanes: Lanes) -> SideBySide | None:
    """Return whether the first size is disturbed by the sizes on the other lanes.

    None if this can't be told, because the target or Locust does not start, or ends. Raises EngineError if
    the engine does not answer.
    """
    try:
        return _LaneCheck(plan, lanes).run()
    except (TargetStartError, CompanionStartError, GeneratorError):
        return None


class _StopLoad(Exception):
    """Raised within a step on another lane when it has been held for long enough."""


class _LaneCheck:
    """The check of one campaign: the cell that each lane holds, and what the other lanes' threads share.

    A lane holds the first of its cells in the order of the search.
    """

    def __init__(self, plan: Plan, lanes: Lanes) -> None:
        self._plan = plan
        self._first, *self._others = lanes.values()
        sizes = LaneSizes(plan, {lane: each.most_cores for lane, each in lanes.items()})
        self._cell, *self._other_cells = map(sizes.choose_first, lanes)
        self._images: dict[Cell, Image] = {}
        self._loaded = [threading.Event() for _ in self._others]
        self._stop = threading.Event()

    def run(self) -> SideBySide | None:
        for cell in (self._cell, *self._other_cells):
            self._images[cell] = self._first.host.prepare(cell.adapt_target(self._plan.target))
        self._first.generator.prepare(self._plan.scenario)
        with self._open(self._first, self._cell) as session:
            users = self._choose_users(session)
            alone = self._hold(session, 2, users, _WINDOW_AT_MOST_S)
            with self._load_others(users):
                bridge = replace(self._time(1.0), settle_s=0.0, window_at_most_s=_STARTS_WITHIN_S)
                hold_step(session, self._build_spec(3, users, bridge, is_settled=self._are_others_loaded))
                if not self._are_others_loaded():
                    return None
                beside = self._hold(session, 4, users, _WINDOW_AT_MOST_S)
        drain_s = self._plan.timing.drain_s
        return compare_windows(self._cell, self._other_cells, alone, beside, drain_s)

    def _open(self, backends: Backends, cell: Cell) -> contextlib.AbstractContextManager[ContainerSession]:
        plan, crowd = self._plan, Crowd(self._plan.users_limit, self._plan.spawn_rate)
        target, image = cell.adapt_target(plan.target), self._images[cell]
        return open_session(backends, target, plan.scenario, plan.load, cell, image, 1, crowd)

    def _choose_users(self, session: ContainerSession) -> int:
        """Return the users with which the size uses some of its CPU quota, by a step at light load."""
        plan, first = self._plan, min(self._plan.search.first_users, self._plan.users_limit)
        facts = self._hold(session, 1, first, _LIGHT_WINDOW_AT_MOST_S)
        result = judge_step(facts, plan.slos, limits=self._cell.limits, timing=plan.timing)
        cpu_s, cycle_s = result.target.cpu_per_request_s, result.cycle_s
        if not cpu_s or not cycle_s:
            return first
        users = int(_CPU_USED_RATIO * self._cell.limits.total_cores * cycle_s / cpu_s)
        return min(max(users, first), plan.users_limit)

    def _time(self, window_s: float) -> Timing:
        """Return the timing of a step with exactly this window, which does not wait for the memory."""
        return replace(
            self._plan.timing, window_at_least_s=window_s, window_at_most_s=window_s, steady_at_most_s=0.0
        )

    def _hold(self, session: ContainerSession, index: int, users: int, at_most_s: float) -> StepFacts:
        timing = self._time(min(at_most_s, self._plan.timing.window_at_most_s))
        return hold_step(session, self._build_spec(index, users, timing))

    def _build_spec(
        self,
        index: int,
        users: int,
        timing: Timing,
        is_settled: Callable[[], bool] = lambda: False,
        report: Callable[[ProgressSample], None] = lambda sample: None,
    ) -> StepSpec:
        step = Step(users, timing)
        return StepSpec(index, step, self._plan.spawn_rate, lambda facts: is_settled(), report)

    def _are_others_loaded(self) -> bool:
        return all(event.wait(_WAIT_S) for event in self._loaded)

    @contextlib.contextmanager
    def _load_others(self, users: int) -> Iterator[None]:
        """Hold a size on each other lane until exit, with as many users for its CPU as the first one has.

        Raise the first error of one of them.
        """
        first_cores = self._cell.limits.total_cores
        with ThreadPoolExecutor(len(self._others), thread_name_prefix="harness-lane") as pool:
            running = [
                pool.submit(
                    self._load_lane, lane, cell, loaded, _scale(users, cell.limits.total_cores / first_cores)
                )
                for lane, cell, loaded in zip(self._others, self._other_cells, self._loaded, strict=True)
            ]
            try:
                yield
            finally:
                self._stop.set()
        for each in running:
            each.result()

    def _load_lane(self, lane: Backends, cell: Cell, loaded: threading.Event, users: int) -> None:
        def report(sample: ProgressSample) -> None:
            if self._stop.is_set():
                raise _StopLoad
            if sample.phase == "window":
                loaded.set()

        with contextlib.suppress(_StopLoad), self._open(lane, cell) as session:
            hold_step(session, self._build_spec(1, users, self._time(_LOAD_AT_MOST_S), report=report))


def _scale(users: int, ratio: float) -> int:
    return max(1, round(users * ratio))
