"""Measure one target in campaigns on a host that drifts, and see how far they agree at one speed of the host.

`python -m bench.search.drift --campaigns 30` takes a minute. Each campaign starts at another phase of the
drift. Half of the campaigns are of a second version of the target that needs 15 % more CPU time, to see
whether `harness compare` finds it.
"""

import argparse
import itertools
import math
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bench.search.trial import SimulatedScenario, Strategy, build_grid, measure_matrix
from bench.simulation.model import Noise, Service
from harness.analyse.result.comparison import compare_sizes
from harness.analyse.result.host_speed import estimate_at_reference, find_common_speed, find_host_speed
from harness.analyse.search.known_capacities import find_capacity_users
from harness.model import CellResult, Change, Limits

_CPUS = (0.5, 1.0, 2.0)
_CPU_S = 0.02
_WORSE_FACTOR = 1.15

Campaign = tuple[CellResult, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far campaigns of one target agree on a size.

    All are coefficients of variation: of the estimates as measured, of the capacities at one speed of the
    host by what each campaign knows alone (how the CPU time per request follows the pace), and of those that
    `harness compare` finds, by what both campaigns of a pair know.
    """

    cpu_cores: float
    spread: float
    spread_at_one_speed: float
    spread_in_pairs: float


def measure_campaigns(
    count: int, noise: Noise, cpu_s: float = _CPU_S, cpus: Sequence[float] = _CPUS, seed: int = 0
) -> list[Campaign]:
    """Measure `count` campaigns, each with the capacities at its host's best speed."""
    scenario = SimulatedScenario(Service(cpu_s=cpu_s), noise)
    return [
        _add_reference_capacities(
            measure_matrix(Strategy("ours"), scenario, build_grid(cpus), each), scenario
        )
        for each in range(seed, seed + count)
    ]


def compute_agreement(campaigns: Sequence[Campaign]) -> list[Agreement]:
    """Compute how far the campaigns agree on each size, in the order of measuring."""
    paces_s = [found.work_s for cells in campaigns for cell in cells if (found := cell.at_reference)]
    pace_s = statistics.median(paces_s)
    converted = [_convert_capacities(cells, pace_s) for cells in campaigns]
    in_pairs = _compute_spreads_in_pairs(campaigns)
    return [
        Agreement(
            campaigns[0][number].cell.limits.cpu_cores,
            _compute_spread([find_capacity_users(cells[number]) or 0.0 for cells in campaigns]),
            _compute_spread([users[number] for users in converted]),
            in_pairs[campaigns[0][number].cell.limits],
        )
        for number in range(len(campaigns[0]))
    ]


def _compute_spreads_in_pairs(campaigns: Sequence[Campaign]) -> dict[Limits, float]:
    """Return the spread of each size by the differences between two campaigns of the same image.

    The variance of a difference is twice that of a campaign.
    """
    squares: dict[Limits, list[float]] = {}
    for base, head in itertools.combinations(campaigns, 2):
        speed = find_common_speed(base, head, is_same_image=True)
        for difference in compare_sizes(base, head, speed=speed):
            if difference.reference_ratio is not None:
                squares.setdefault(difference.limits, []).append(math.log(difference.reference_ratio) ** 2)
    return {limits: math.sqrt(statistics.fmean(each) / 2) for limits, each in squares.items()}


def _convert_capacities(cells: Campaign, pace_s: float) -> list[float]:
    """Return the capacity of each cell at the same pace for all campaigns."""
    speed = find_host_speed(cells)
    assert speed is not None
    return [
        found.fitted_users * (found.work_s / pace_s) ** speed.elasticity
        for cell in cells
        if (found := cell.at_reference)
    ]


def _compute_spread(values: Sequence[float]) -> float:
    return statistics.stdev(values) / statistics.mean(values)


def find_changes(
    pairs: Iterable[tuple[Campaign, Campaign]], *, is_same_image: bool, at_one_speed: bool = True
) -> list[Change]:
    """Compare the sizes of each pair as `harness compare` does; as measured if not `at_one_speed`."""
    return [
        difference.change
        for base, head in pairs
        for difference in compare_sizes(
            base,
            head,
            speed=find_common_speed(base, head, is_same_image=is_same_image) if at_one_speed else None,
        )
    ]


def _add_reference_capacities(cells: Campaign, scenario: SimulatedScenario) -> Campaign:
    speed = find_host_speed(cells)
    assert speed is not None
    return tuple(
        replace(cell, at_reference=estimate_at_reference(cell, scenario.slos, speed)) for cell in cells
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the campaigns and print both tables; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.search.drift", description=__doc__)
    parser.add_argument("--campaigns", type=int, default=30, help="the campaigns of each version")
    parser.add_argument("--drift", type=float, default=0.15, help="the amplitude of the host's speed")
    parser.add_argument("--period", type=float, default=3600.0, help="the period of the drift in seconds")
    parser.add_argument("--cpus", type=float, nargs="+", default=_CPUS, help="the sizes of each campaign")
    options = parser.parse_args(argv)
    count, noise = options.campaigns, Noise(drift_ratio=options.drift, drift_period_s=options.period)
    first = measure_campaigns(count, noise, cpus=options.cpus)
    worse = measure_campaigns(count, noise, _WORSE_FACTOR * _CPU_S, options.cpus, seed=count)
    print("| size | spread as measured | at one speed, each alone | in pairs |\n|---|---|---|---|")
    for each in compute_agreement(first):
        spreads = (each.spread, each.spread_at_one_speed, each.spread_in_pairs)
        print(f"| {each.cpu_cores:g} CPU | " + " | ".join(f"{spread:.1%}" for spread in spreads) + " |")
    print("\n| pairs of campaigns | compared | same | less | more |\n|---|---|---|---|---|")
    pairs = list(itertools.combinations(first, 2))
    _print_changes(
        "the same image", "as measured", find_changes(pairs, is_same_image=True, at_one_speed=False)
    )
    _print_changes("the same image", "at one speed", find_changes(pairs, is_same_image=True))
    _print_changes("another image, as good", "at one speed", find_changes(pairs, is_same_image=False))
    pairs = list(itertools.product(first, worse))
    _print_changes(
        "15 % more CPU time", "as measured", find_changes(pairs, is_same_image=False, at_one_speed=False)
    )
    _print_changes("15 % more CPU time", "at one speed", find_changes(pairs, is_same_image=False))
    return 0


def _print_changes(pairs: str, compared: str, changes: Sequence[Change]) -> None:
    shares = (changes.count(change) / len(changes) for change in (Change.SAME, Change.LESS, Change.MORE))
    print(f"| {pairs} | {compared} | " + " | ".join(f"{share:.0%}" for share in shares) + " |")


if __name__ == "__main__":
    sys.exit(main())
