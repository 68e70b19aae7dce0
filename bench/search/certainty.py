"""See whether the probability that a size sustains the users holds: hold sizes near their edge once more.

`python -m bench.search.certainty --campaigns 400`. Each campaign has two sizes whose capacities are drawn
around the users limit. If a size is recommended, these users are held there once more, in another container
and at another moment of the host's drift. All campaigns are seeded: the same command prints the same table.
"""

import argparse
import functools
import math
import multiprocessing
import os
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tabulate import tabulate

from bench.search.trial import SimulatedScenario, Strategy, build_grid, measure_cell, measure_matrix
from bench.simulation.model import NOISY, USUAL, Noise, Service
from harness.analyse.result.sizing import recommend_size
from harness.model import Cell, CellResult, Plan, Step, StepResult, Verdict

USERS = 100
_SERVICE = Service(cpu_s=0.02)
_CORES = 0.76
"""About so many cores sustain the users by the SLOs of the benchmarks."""

_LEAST, _MOST = 0.85, 1.25
"""The cores are drawn between these multiples of it, evenly on a logarithmic scale."""

_BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
_NOISES = {"usual": USUAL, "noisy": NOISY, "drifts by 5 %": Noise(0.02, 0.05, 3600.0, 0.5)}
_OTHER_SEEDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Held:
    """A recommended size: the probability that was stated, and whether it sustained the users again."""

    probability: float
    is_sustained: bool


def try_size(seed: int, noise: Noise) -> Held | None:
    """Measure a campaign, and hold its recommended size once more; None if it recommends none."""
    drawn = random.Random(seed)
    cores = _CORES * math.exp(drawn.uniform(math.log(_LEAST), math.log(_MOST)))
    scenario = SimulatedScenario(_SERVICE, noise, users_limit=USERS)
    results = measure_matrix(Strategy("ours"), scenario, build_grid((cores / 2, cores)), seed)
    sizing = recommend_size(results, USERS, slos=scenario.slos)
    if sizing.recommended is None or sizing.margin is None:
        return None
    hold = Strategy("hold", _choose_hold)
    again = measure_cell(hold, scenario, sizing.recommended.cell, seed + _OTHER_SEEDS)
    return Held(sizing.margin.probability, again.steps[-1].verdict is Verdict.PASS)


def _choose_hold(
    plan: Plan, cell: Cell, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """Choose the light step, by which the other is judged, and then the users limit."""
    if len(steps) > 1:
        return None
    return Step(plan.search.first_users if not steps else plan.users_limit, plan.timing)


def list_rows(held: Sequence[Held]) -> list[list[str]]:
    """Return a row for each range of probabilities: how many sizes, what was stated, and what held."""
    rows = []
    for low, high in pairwise(_BINS):
        inside = [each for each in held if low <= each.probability < high or each.probability == high == 1]
        if inside:
            stated = statistics.fmean(each.probability for each in inside)
            share = statistics.fmean(each.is_sustained for each in inside)
            rows.append([f"{low:.0%} - {high:.0%}", str(len(inside)), f"{stated:.0%}", f"{share:.0%}"])
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the campaigns and print a table for each kind of host; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.search.certainty", description=__doc__)
    parser.add_argument("--campaigns", type=int, default=200, help="the campaigns on each kind of host")
    parser.add_argument("--seed", type=int, default=1, help="the first campaign's seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="worker processes")
    parser.add_argument("--hosts", nargs="+", choices=_NOISES, default=list(_NOISES), help="kinds of host")
    options = parser.parse_args(argv)
    seeds = range(options.seed, options.seed + options.campaigns)
    with multiprocessing.Pool(options.processes) as pool:
        for host in options.hosts:
            tried = pool.map(functools.partial(try_size, noise=_NOISES[host]), seeds, chunksize=5)
            rows = list_rows([each for each in tried if each is not None])
            headers = (f"stated, host {host}", "sizes", "mean stated", "sustained again")
            print(tabulate(rows, headers, tablefmt="github", disable_numparse=True), "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
