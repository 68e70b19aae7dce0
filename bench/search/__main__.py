"""Compare search strategies on simulated targets: `python -m bench.search --trials 40 --seed 1`.

Every trial is seeded and simulated, so the same command prints the same tables on any machine.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

from bench.search.runner import Experiment, TrialRunner, build_experiments
from bench.search.scenarios import SCENARIOS, STRATEGIES, find_strategies
from bench.search.score import Outcome, summarize

_HEADERS = (
    "strategy",
    "load",
    "× lower bound",
    "steps",
    "RMS error",
    "worst",
    "RMS of bracket",
    "wrong ends",
    "no answer",
)
"""The fields of a `Score`. "load" is for each cell, "RMS of bracket" is the error of the bracket's middle.

"wrong ends" are brackets with an end on the wrong side of the true capacity, "no answer" are `is_missed`.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison and print a table for each experiment; return the exit code."""
    options = _parse_arguments(argv)
    strategies = find_strategies(options.only)
    if not strategies:
        names = ", ".join(strategy.name for strategy in STRATEGIES)
        print(f"no strategy's name starts with {options.only!r}; the strategies are {names}", file=sys.stderr)
        return 1
    scenarios = list(SCENARIOS) if options.scenario == "all" else [options.scenario]
    experiments = build_experiments(scenarios, with_matrices=not options.no_matrices)
    runner = TrialRunner(strategies, experiments, options.trials, options.seed)
    runner.find_truths(options.processes)
    outcomes = runner.run_trials(options.processes)
    command = shlex.join(["python", "-m", "bench.search", *(sys.argv[1:] if argv is None else argv)])
    text = "\n".join([f"`{command}` (first seed {options.seed})\n", *_format_tables(runner, outcomes)])
    print(text)
    if options.write is not None:
        options.write.write_text(text)
    return 0


def _parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument(
        "--trials", type=int, default=40, help="trials of each single cell; matrices get fewer"
    )
    parser.add_argument("--seed", type=int, default=1, help="the first trial's seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="worker processes")
    parser.add_argument(
        "--scenario", choices=[*SCENARIOS, "all"], default="usual", help="the target and its host"
    )
    parser.add_argument("--only", default="", help="only strategies whose names start with this")
    parser.add_argument("--no-matrices", action="store_true", help="no matrices, only single cells")
    parser.add_argument("--write", type=Path, help="also write the tables to this file")
    return parser.parse_args(argv)


def _format_tables(runner: TrialRunner, outcomes: dict[tuple[int, int], list[Outcome]]) -> Iterator[str]:
    """Yield a table for each experiment, with a row for each strategy.

    In the table of a matrix, two more rows show the first strategy's first cells, which have no neighbours,
    and its other cells.
    """
    for number, experiment in enumerate(runner.experiments):
        rows: list[list[str]] = []
        for index, strategy in enumerate(runner.strategies):
            scored = outcomes.get((number, index))
            if scored is None:
                continue
            rows.append(_format_row(strategy.name, scored))
            if len(experiment.cells) > 1 and index == 0:
                rows.append(_format_row("– its first cell", [each for each in scored if each.is_first]))
                rows.append(_format_row("– with neighbours", [each for each in scored if not each.is_first]))
        table = tabulate(rows, _HEADERS, tablefmt="github", disable_numparse=True)
        yield f"### {experiment.title}\n\n{_describe_truth(runner, experiment)}\n\n{table}\n"


def _describe_truth(runner: TrialRunner, experiment: Experiment) -> str:
    truths = [runner.get_truth(experiment, cell) for cell in experiment.cells]
    users = [f"≥ {truth.users}" if truth.is_censored else f"{truth.crossing_users:.1f}" for truth in truths]
    bounds_s = [runner.compute_lower_bound_s(experiment, cell) for cell in experiment.cells]
    lower_bound_s = sum(bounds_s) / len(bounds_s)
    return f"True capacity {', '.join(users)} users; lower bound {lower_bound_s:.0f} s a cell."


def _format_row(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    score = summarize(outcomes)
    return [
        name,
        f"{score.load_s:.0f} s",
        f"{score.lower_bound_ratio:.2f}",
        f"{score.steps:.1f}",
        f"{score.rms_error:.1%}",
        f"{score.worst_error:.1%}",
        f"{score.rms_middle_error:.1%}",
        f"{score.wrong_ratio:.1%} of {score.outcome_count}",
        f"{score.missed_ratio:.1%}",
    ]


if __name__ == "__main__":
    sys.exit(main())
