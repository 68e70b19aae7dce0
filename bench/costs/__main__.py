"""Simulate campaigns whose requests have known costs: how wrong they come out, and how often intervals hold.

`python -m bench.costs --trials 20` simulates 20 campaigns of one size for each law of the CPU time: of about
six minutes of load, with three of four requests of 10 ms and one of 50 ms on average.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from multiprocessing import Pool
from typing import get_args

from bench.costs.trial import KINDS, CostError, CostTrial, find_cost_errors
from bench.simulation.model import Law

_HEADINGS = ("CPU times (campaigns)", "name", "mean error", "its error", "deviation", "half interval", "held")
_LAWS = ("uniform", "exponential")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaigns and print a table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.costs", description=__doc__)
    parser.add_argument("--trials", type=int, default=20, help="simulated campaigns of each law")
    parser.add_argument("--laws", nargs="+", choices=get_args(Law), default=_LAWS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(argv)
    print(f"| {' | '.join(_HEADINGS)} |\n{'|---' * len(_HEADINGS)}|")
    with Pool(options.processes) as pool:
        for law in options.laws:
            trials = [CostTrial(law, seed) for seed in range(options.seed, options.seed + options.trials)]
            errors = [error for errors in pool.map(find_cost_errors, trials) for error in errors]
            for kind in KINDS:
                print_row(law, [error for error in errors if error.name == kind.name])
    return 0


def print_row(law: str, errors: Sequence[CostError]) -> None:
    """Print how the costs of one name came out in all campaigns that tell it."""
    if not errors:
        return
    ratios = [error.error_ratio for error in errors]
    deviation = statistics.stdev(ratios) if len(ratios) > 1 else 0.0
    values = (
        f"{statistics.fmean(ratios):+.1%}",
        f"{deviation / len(ratios) ** 0.5:.1%}",
        f"{deviation:.1%}",
        f"{statistics.fmean(error.half_ratio for error in errors):.1%}",
        f"{sum(error.is_covered for error in errors)} of {len(errors)}",
    )
    print(f"| {law} ({len(errors)}) | {errors[0].name} | {' | '.join(values)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
