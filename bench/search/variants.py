"""Measure two variants of one target, and see how much load the second one of each size needs.

`python -m bench.search.variants --campaigns 10`. All campaigns are seeded, so the same command prints the
same table.
"""

import argparse
import functools
import itertools
import multiprocessing
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tabulate import tabulate

from bench.search.ground_truth import FINE_S, GroundTruth, find_ground_truth
from bench.search.score import score_cell, summarize
from bench.search.trial import SimulatedScenario, Strategy, build_grid, measure_matrix
from bench.search.truth_file import TruthFile
from bench.simulation.model import Service
from harness.analyse.result.host_speed import add_reference_capacities
from harness.analyse.result.tuning import find_tunings
from harness.model import CampaignResult, CampaignState, Cell, CellResult, Limits, Tuning, Variant

FIRST, SECOND = "first", "second"
CPUS = (0.5, 1.0, 2.0)
_CPU_S = 0.02
_STRATEGY = Strategy("ours")
_SURE_RATIO = 1.05
"""Variants whose true capacities differ by less are alike."""

SECONDS = {
    "0.8 × CPU time": Service(cpu_s=0.8 * _CPU_S),
    "the same": Service(cpu_s=_CPU_S),
    "1.25 × CPU time": Service(cpu_s=1.25 * _CPU_S),
    "one core at most": Service(cpu_s=_CPU_S, parallel_cores=1),
}
"""The second variant, beside the first one."""

_HEADERS = (
    "second variant",
    "size",
    "load of the one measured first",
    "of the other",
    "ratio",
    "steps",
    "RMS error of the other",
    "covered",
    "wrong certificates",
    "best variant named / left open / wrong",
)
"""The steps are those of both. The last four need true capacities."""

Campaign = tuple[CellResult, ...]
Truths = Mapping[Limits, GroundTruth]
"""True capacities by the limits with their variant."""


def build_scenario(second: Service) -> SimulatedScenario:
    """Return a scenario whose second variant is this service."""
    return SimulatedScenario(Service(cpu_s=_CPU_S), variants=((SECOND, second),))


def build_cells(cpus: Sequence[float] = CPUS) -> list[Cell]:
    """Return a cell for every size and variant."""
    return [_vary(cell, name) for cell in build_grid(cpus) for name in (FIRST, SECOND)]


def _vary(cell: Cell, name: str) -> Cell:
    limits = replace(cell.limits, variant=name)
    return replace(cell, id=f"{cell.id}_{name}", limits=limits, variant=Variant())


def measure_campaign(seed: int, second: Service, cpus: Sequence[float] = CPUS) -> Campaign:
    """Measure every size with both variants, and return the results in the order of measuring."""
    cells, scenario = build_cells(cpus), build_scenario(second)
    results = measure_matrix(_STRATEGY, scenario, cells, seed)
    campaign = CampaignResult(
        "sim", "sim", CampaignState.COMPLETE, "", scenario.users_limit, scenario.slos, results
    )
    return add_reference_capacities(campaign).cells


def list_rows(title: str, campaigns: Sequence[Campaign], truths: Truths | None = None) -> list[list[str]]:
    """Return a row for each size, the largest first, and one of all sizes together."""
    sizes = sorted({cell.cell.limits.cpu_cores for cell in itertools.chain(*campaigns)}, reverse=True)
    rows = [
        _format_row(title, f"{size:g} CPU", [_select(each, [size]) for each in campaigns], truths)
        for size in sizes
    ]
    return [*rows, _format_row(title, "all", campaigns, truths)]


def _select(campaign: Campaign, sizes: Sequence[float]) -> Campaign:
    return tuple(cell for cell in campaign if cell.cell.limits.cpu_cores in sizes)


def _format_row(title: str, size: str, campaigns: Sequence[Campaign], truths: Truths | None) -> list[str]:
    firsts, others = zip(*(_split(each) for each in campaigns), strict=True)
    first, other = (list(itertools.chain(*each)) for each in (firsts, others))
    loads_s = [statistics.fmean(cell.load_s for cell in group) for group in (first, other)]
    steps = [statistics.fmean(len(cell.steps) for cell in group) for group in (first, other)]
    return [
        title,
        size,
        *(f"{load_s:.0f} s" for load_s in loads_s),
        f"{loads_s[1] / loads_s[0]:.2f}",
        " / ".join(f"{count:.1f}" for count in steps),
        *(["", "", "", ""] if truths is None else _format_scores(other, campaigns, truths)),
    ]


def _split(campaign: Campaign) -> tuple[list[CellResult], list[CellResult]]:
    """Return the variant of each size that was measured first, and the other one."""
    by_size: dict[Limits, list[CellResult]] = {}
    for cell in campaign:
        by_size.setdefault(cell.cell.limits.drop_variant(), []).append(cell)
    return [pair[0] for pair in by_size.values()], [pair[1] for pair in by_size.values()]


def _format_scores(cells: Sequence[CellResult], campaigns: Sequence[Campaign], truths: Truths) -> list[str]:
    score = summarize(
        [score_cell(cell, truths[cell.cell.limits], 1.0, _STRATEGY, is_first=False) for cell in cells]
    )
    named = [judge_tuning(each, truths) for campaign in campaigns for each in find_tunings(campaign)]
    return [
        f"{score.rms_error:.1%}",
        f"{score.coverage_ratio:.0%}",
        f"{round(score.wrong_ratio * len(cells))} of {len(cells)}",
        " / ".join(str(named.count(outcome)) for outcome in ("named", "open", "wrong")),
    ]


def judge_tuning(tuning: Tuning, truths: Truths) -> str:
    """Return `named` if the answer of a size names the variant that is best, or none where both are alike.

    It is `open` if no difference is shown although there is one, and `wrong` otherwise.
    """
    worse, better = sorted(
        (replace(tuning.limits, variant=name) for name in (FIRST, SECOND)),
        key=lambda limits: truths[limits].crossing_users,
    )
    are_alike = truths[better].crossing_users < _SURE_RATIO * truths[worse].crossing_users
    if not tuning.differs:
        return "named" if are_alike else "open"
    return "named" if tuning.best.cell.limits == better and not are_alike else "wrong"


def find_truths(second: Service, truth_file: TruthFile) -> Truths:
    """Return the true capacity of every size and variant, from the file if it knows it."""
    services = {FIRST: Service(cpu_s=_CPU_S), SECOND: second}
    truths = {}
    for limits in (cell.limits for cell in build_cells()):
        scenario, size = SimulatedScenario(services[limits.variant or FIRST]), limits.drop_variant()
        truth = truth_file.find(scenario, size)
        if truth is None:
            truth = find_ground_truth(scenario.service, scenario.think, size, fine_s=truth_file.fine_s)
            truth_file.add(scenario, size, truth)
        truths[limits] = truth
    return truths


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the campaigns and print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.search.variants", description=__doc__)
    parser.add_argument("--campaigns", type=int, default=10, help="the campaigns of each pair of variants")
    parser.add_argument("--seed", type=int, default=1, help="the first campaign's seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="worker processes")
    parser.add_argument("--truths", type=Path, help="a file that keeps true capacities for later runs")
    parser.add_argument(
        "--truth-s", type=float, default=FINE_S, help="seconds of the longest simulation for a true capacity"
    )
    options = parser.parse_args(argv)
    seeds = range(options.seed, options.seed + options.campaigns)
    truth_file = TruthFile(options.truths, options.truth_s)
    rows = []
    with multiprocessing.Pool(options.processes) as pool:
        for title, second in SECONDS.items():
            campaigns = pool.map(functools.partial(measure_campaign, second=second), seeds)
            rows += list_rows(title, campaigns, find_truths(second, truth_file))
    print(tabulate(rows, _HEADERS, tablefmt="github", disable_numparse=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
