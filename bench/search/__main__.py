"""Compare search strategies on simulated targets: `python -m bench.search --trials 40 --seed 1`.

First on targets of the usual kind, then on classes of unusual targets, users, hosts and SLOs. Every trial is
seeded and simulated, so the same command prints the same tables on any machine.
"""

import argparse
import math
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.search.ground_truth import FINE_S
from bench.search.outcome_file import OutcomeFile
from bench.search.runner import Experiment, TrialRunner, build_class_experiments, build_experiments
from bench.search.scenarios import CLASS_STRATEGIES, SCENARIOS, STRATEGIES, find_strategies
from bench.search.tables import format_classes, format_strategies
from bench.search.trial import Strategy
from bench.search.truth_file import TruthFile

PARTS = ("all", "strategies", "classes")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the trials, print a table for each experiment and one of all classes; return the exit code."""
    options = _parse_arguments(argv)
    if not find_strategies(options.only):
        names = ", ".join(strategy.name for strategy in STRATEGIES)
        print(f"no strategy's name starts with {options.only!r}; the strategies are {names}", file=sys.stderr)
        return 1
    command = shlex.join(["python", "-m", "bench.search", *(sys.argv[1:] if argv is None else argv)])
    text = "\n".join([f"`{command}` (first seed {options.seed})\n", *_run_parts(options)])
    print(text)
    if options.write is not None:
        options.write.write_text(text)
    return 0


def _run_parts(options: argparse.Namespace) -> Iterator[str]:
    """Run the parts that were asked for, and yield their tables."""
    if options.part != "classes":
        scenarios = list(SCENARIOS) if options.scenario == "all" else [options.scenario]
        built = build_experiments(scenarios, with_matrices=not options.no_matrices)
        experiments = [each for each in built if each.title.startswith(options.experiment)]
        runner = _build_runner(options, find_strategies(options.only), experiments)
        yield from format_strategies(runner, runner.run_trials(options.processes, 60 * options.minutes))
    if options.part != "strategies":
        strategies = [each for each in CLASS_STRATEGIES if each.name.startswith(options.only)]
        runner = _build_runner(options, strategies, build_class_experiments(options.class_prefixes or [""]))
        yield format_classes(runner, runner.run_trials(options.processes, 60 * options.minutes))


def _build_runner(
    options: argparse.Namespace, strategies: Sequence[Strategy], experiments: Sequence[Experiment]
) -> TrialRunner:
    truth_file = TruthFile(options.truths, options.truth_s)
    outcome_file = OutcomeFile(options.outcomes)
    return TrialRunner(strategies, experiments, options.trials, options.seed, truth_file, outcome_file)


def _parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument(
        "--trials", type=int, default=20, help="trials of each single cell and class; matrices get fewer"
    )
    parser.add_argument("--seed", type=int, default=1, help="the first trial's seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="worker processes")
    parser.add_argument("--part", choices=PARTS, default="all", help="only one of the two parts")
    parser.add_argument(
        "--scenario", choices=[*SCENARIOS, "all"], default="usual", help="the usual target and its host"
    )
    parser.add_argument(
        "--class",
        dest="class_prefixes",
        action="append",
        help="only classes whose names start with this; may be given several times",
    )
    parser.add_argument(
        "--experiment", default="", help="only cells or matrices whose titles start with this, such as '3'"
    )
    parser.add_argument("--only", default="", help="only strategies whose names start with this")
    parser.add_argument("--no-matrices", action="store_true", help="no matrices, only single cells")
    parser.add_argument("--truths", type=Path, help="a file that keeps true capacities for later runs")
    parser.add_argument(
        "--truth-s", type=float, default=FINE_S, help="seconds of the longest simulation for a true capacity"
    )
    parser.add_argument(
        "--outcomes",
        type=Path,
        help="a file that keeps the trials as they end; those in it are not run again",
    )
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="end each part after so many minutes of trials"
    )
    parser.add_argument("--write", type=Path, help="also write the tables to this file")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
