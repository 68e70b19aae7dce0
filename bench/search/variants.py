"""Measure two variants of one target, and see how much load the second one of each size needs.

`python -m bench.search.variants --campaigns 10`. All campaigns are seeded, so the same command prints the
same table.
"""

import argparse
import functools
import multiprocessing
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace

from tabulate import tabulate

from bench.search.trial import SimulatedScenario, Strategy, build_grid, measure_matrix
from bench.simulation.model import Service
from harness.model import Cell, CellResult, Variant

FIRST, SECOND = "first", "second"
_CPUS = (0.5, 1.0, 2.0)
_CPU_S = 0.02
_CPU_RATIOS = (0.8, 1.0, 1.25)
"""The CPU time of a request of the second variant, relative to the first one's."""

_HEADERS = (
    "CPU time of the second",
    "size",
    "load of the first",
    "of the second",
    "ratio",
    "steps",
    "spread",
)
"""The steps are those of both, the spread is the coefficient of variation of the estimates of the second."""

Campaign = tuple[CellResult, ...]


def measure_campaign(seed: int, cpu_ratio: float, cpus: Sequence[float] = _CPUS) -> Campaign:
    """Measure every size with both variants, the first one of a size before the second."""
    second = Service(cpu_s=cpu_ratio * _CPU_S)
    scenario = SimulatedScenario(Service(cpu_s=_CPU_S), variants=((SECOND, second),))
    cells = [_vary(cell, name) for cell in build_grid(cpus) for name in (FIRST, SECOND)]
    return measure_matrix(Strategy("ours"), scenario, cells, seed)


def _vary(cell: Cell, name: str) -> Cell:
    limits = replace(cell.limits, variant=name)
    return replace(cell, id=f"{cell.id}_{name}", limits=limits, variant=Variant())


def list_rows(cpu_ratio: float, campaigns: Sequence[Campaign]) -> list[list[str]]:
    """Return a row for each size, and one of all sizes together."""
    cells = [cell for campaign in campaigns for cell in campaign]
    sizes = dict.fromkeys(cell.cell.limits.cpu_cores for cell in cells)
    rows = [
        _format_row(cpu_ratio, f"{size:g} CPU", [c for c in cells if c.cell.limits.cpu_cores == size])
        for size in sizes
    ]
    return [*rows, _format_row(cpu_ratio, "all", cells)]


def _format_row(cpu_ratio: float, title: str, cells: Sequence[CellResult]) -> list[str]:
    first, second = ([c for c in cells if c.cell.limits.variant == name] for name in (FIRST, SECOND))
    loads_s = [statistics.fmean(cell.load_s for cell in group) for group in (first, second)]
    steps = [statistics.fmean(len(cell.steps) for cell in group) for group in (first, second)]
    users = [cell.estimate_users or 0.0 for cell in second]
    spread = statistics.stdev(users) / statistics.fmean(users) if title != "all" and len(users) > 1 else None
    return [
        f"{cpu_ratio:g} ×",
        title,
        *(f"{load_s:.0f} s" for load_s in loads_s),
        f"{loads_s[1] / loads_s[0]:.2f}",
        " / ".join(f"{count:.1f}" for count in steps),
        "" if spread is None else f"{spread:.1%}",
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the campaigns and print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.search.variants", description=__doc__)
    parser.add_argument("--campaigns", type=int, default=10, help="the campaigns of each pair of variants")
    parser.add_argument("--seed", type=int, default=1, help="the first campaign's seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="worker processes")
    options = parser.parse_args(argv)
    seeds = range(options.seed, options.seed + options.campaigns)
    rows = []
    with multiprocessing.Pool(options.processes) as pool:
        for ratio in _CPU_RATIOS:
            rows += list_rows(ratio, pool.map(functools.partial(measure_campaign, cpu_ratio=ratio), seeds))
    print(tabulate(rows, _HEADERS, tablefmt="github", disable_numparse=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
