"""Measure matrices on a simulated host with many cores: one size at a time, and on lanes of cores.

`python -m bench.search.lanes` prints the wall time of whole campaigns, measured by the harness's own workers.
Each lane has a simulated clock of its own; of all lanes the one whose time is earliest goes on, so that each
size learns from the others what it would know by then. Simulated sizes don't disturb each other.
"""

import argparse
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from bench.search.scenarios import SHOP, STRATEGIES
from bench.search.trial import SimulatedScenario, build_grid, build_plan
from bench.simulation.backends import SimulatedClock, simulate_backends
from bench.simulation.model import Service
from harness.analyse.search.time_estimate import LANES_CHECK_S, estimate_lanes, estimate_plan
from harness.campaign.engine_worker import EngineWorker
from harness.campaign.listener import CampaignListener
from harness.campaign.session import CampaignSession, Work
from harness.measure.host.cpu_affinity import split_lanes, sum_cores
from harness.measure.session import Backends
from harness.model import CampaignResult, CampaignState, Fingerprint, Plan
from harness.plan import plan_to_json
from harness.report.view.text import format_estimate
from harness.store import CampaignFolder

MATRICES = {
    "0.25, 0.5, 1 CPU": (0.25, 0.5, 1.0),
    "0.5, 1, 2 CPU": (0.5, 1.0, 2.0),
    "1, 2, 4 CPU": (1.0, 2.0, 4.0),
}
_MEMORIES_MIB = (96, 256, 512)
_IDLE_S = 1.0
"""How long a lane without work waits before it asks again."""


class _Turns:
    """Let one lane at a time run: the one whose simulated time is earliest."""

    def __init__(self, lanes: Sequence[str | None]) -> None:
        self._now_s: dict[str | None, float] = dict.fromkeys(lanes, 0.0)
        self._changed = threading.Condition()

    def await_turn(self, lane: str | None, now_s: float) -> None:
        """Tell a lane's time, and wait until all other lanes are later."""
        with self._changed:
            self._now_s[lane] = now_s
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._find_next() == lane)

    def end(self, lane: str | None) -> None:
        """Let the others go on without this lane."""
        with self._changed:
            self._now_s.pop(lane, None)
            self._changed.notify_all()

    def _find_next(self) -> str | None:
        return min(self._now_s, key=lambda lane: (self._now_s[lane], str(lane)))


class _LaneClock(SimulatedClock):
    """The clock of a lane, whose time passes in turn with that of the others."""

    def __init__(self, turns: _Turns, lane: str | None) -> None:
        super().__init__()
        self._turns = turns
        self._lane = lane

    def advance(self, to_s: float) -> None:
        super().advance(to_s)
        self._turns.await_turn(self._lane, to_s)


class _TurnSession(CampaignSession):
    """A session whose lanes claim work in the order of their simulated times."""

    def __init__(
        self, plan: Plan, folder: CampaignFolder, turns: _Turns, backends: Mapping[str | None, Backends]
    ) -> None:
        self._turns = turns
        self._clocks = {name: each.clock for name, each in backends.items()}
        most_cores = {name: each.most_cores for name, each in backends.items()}
        super().__init__(plan, folder, CampaignListener(), most_cores)

    def run(self, backends: Mapping[str | None, Backends]) -> CampaignResult:
        """Measure all sizes, each lane in a thread, and return the answer."""
        with ThreadPoolExecutor(len(backends)) as pool:
            for running in [pool.submit(self._run_lane, name, each) for name, each in backends.items()]:
                running.result()
        return self.finish(CampaignState.COMPLETE)

    def _run_lane(self, name: str | None, backends: Backends) -> None:
        try:
            EngineWorker(self, backends, name).run()
        finally:
            self._turns.end(name)

    def claim_work(self, engine: str | None) -> Work | None:
        clock = self._clocks[engine]
        self._turns.await_turn(engine, clock.now_s())
        while self._choose_work(engine) is None and not self._is_over(engine):
            clock.sleep(_IDLE_S)
        return super().claim_work(engine)

    def _write_reports_if_due(self) -> None:
        """Write reports only at the end: they would take as long as all simulated steps."""


@dataclass(frozen=True, slots=True)
class LanesOutcome:
    """The lanes of a campaign on a simulated host, how long it took, and how long it was told to take."""

    lanes: int
    result: CampaignResult
    wall_s: float
    told_s: float


def measure_on_lanes(
    plan: Plan, scenario: SimulatedScenario, seed: int, cores: int, at_once: int
) -> LanesOutcome:
    """Measure a campaign on a host with so many cores, at most so many sizes at once.

    The wall time includes that of the check whether sizes disturb each other, as `harness plan` tells it.
    """
    quotas = [sum_cores(cell.limits, plan.target) for cell in plan.cells]
    physical = [frozenset([core]) for core in range(cores)]
    placements = split_lanes(physical, quotas, at_once) if at_once > 1 else ()
    names: list[str | None] = [f"cores {number}" for number in range(len(placements))] or [None]
    turns = _Turns(names)
    backends = {name: _simulate_lane(scenario, seed, turns, name) for name in names}
    for name, placement in zip(names, placements, strict=False):
        backends[name] = replace(backends[name], most_cores=placement.most_cores)
    with tempfile.TemporaryDirectory() as results:
        folder = CampaignFolder.create(Path(results), "lanes", plan_to_json(plan), Fingerprint())
        result = _TurnSession(plan, folder, turns, backends).run(backends)
    wall_s = max(each.clock.now_s() for each in backends.values())
    if len(names) == 1:
        return LanesOutcome(1, result, wall_s, estimate_plan(plan).total_s)
    told_s = estimate_lanes(plan, len(names)).total_s
    return LanesOutcome(len(names), result, wall_s + LANES_CHECK_S, told_s)


def _simulate_lane(scenario: SimulatedScenario, seed: int, turns: _Turns, name: str | None) -> Backends:
    clock = _LaneClock(turns, name)
    variants: dict[str | None, Service] = dict(scenario.variants)
    return simulate_backends(scenario.service, scenario.noise, scenario.think, seed, variants, clock)


def main() -> None:
    """Print a row for each matrix and number of lanes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=16, help="physical cores of the simulated host")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, nargs="*", default=[1, 4, 9], help="the most sizes at once")
    parser.add_argument("--only", default="", help="only the matrices whose names begin so")
    arguments = parser.parse_args()
    for title, cpus in MATRICES.items():
        if not title.startswith(arguments.only):
            continue
        plan = build_nine_sizes(cpus)
        for at_once in arguments.at_once:
            outcome = measure_on_lanes(plan, SHOP, arguments.seed, arguments.cores, at_once)
            print(
                f"{title} x 3: {outcome.lanes} at once: {format_estimate(outcome.wall_s)} "
                f"({outcome.wall_s:.0f} s), told {outcome.told_s:.0f} s",
                flush=True,
            )


def build_nine_sizes(cpus: Sequence[float]) -> Plan:
    """Build the plan of three memories for each of the CPU quotas, without a soak at the end."""
    plan = build_plan(STRATEGIES[0], build_grid(cpus, _MEMORIES_MIB), SHOP)
    return replace(plan, search=replace(plan.search, soak_s=0.0))


if __name__ == "__main__":
    main()
