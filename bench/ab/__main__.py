"""Simulate comparisons of two versions: how often a change is found, and how often one is claimed in vain.

`python -m bench.ab --trials 100` simulates 100 comparisons with the same version twice, and 100 with a head
that needs 5 % more CPU time, on a host whose speed jumps by 13 % every 15 s, as the real one did. `--drawn
2000` also applies the rule alone to so many comparisons of each kind, whose windows are drawn and not
simulated.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import Pool

from bench.ab.rule import REAL_HOST, DrawnHost, compare_drawn
from bench.ab.trial import AbTrial, compare_simulated
from bench.simulation.model import Noise
from harness.model.ab import AbAnswer, AbOutcome, Measure
from harness.model.decisions import Change

_HEADINGS = (
    *("windows (comparisons)", "head's CPU time", "more", "less", "no difference", "undecided"),
    *("p95 or errors", "time", "half-width"),
)
_CHANGES = (0.0, 0.05)
_DRAWN_HOSTS = {
    "drifts by 15 % in 30 min": DrawnHost(),
    "drifts by 15 % in 5 min": DrawnHost(drift_period_s=300.0),
    "the same, one window in ten disturbed": DrawnHost(drift_period_s=300.0, outlier_ratio=0.1),
    "jumps by 10 %, as the real one did": REAL_HOST,
    "the same, by the fixed piece of work": replace(REAL_HOST, locust_sd=None),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparisons and print a table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.ab", description=__doc__)
    parser.add_argument("--trials", type=int, default=100, help="simulated comparisons of each kind")
    parser.add_argument("--drawn", type=int, default=2000, help="comparisons of the rule alone, of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--drift", type=float, default=0.0, help="the amplitude of the host's speed")
    parser.add_argument("--period", type=float, default=1800.0, help="the period of the drift in seconds")
    parser.add_argument("--run-sd", type=float, default=0.01, help="how container runs differ in speed")
    parser.add_argument("--jump-sd", type=float, default=0.13, help="how the host's speed jumps every 15 s")
    options = parser.parse_args(argv)
    print(f"| {' | '.join(_HEADINGS)} |\n{'|---' * len(_HEADINGS)}|")
    for name, host in _DRAWN_HOSTS.items() if options.drawn else ():
        for change in _CHANGES:
            numbers = range(options.seed, options.seed + options.drawn)
            answers = [compare_drawn(host, change, number) for number in numbers]
            print_row(f"drawn: {name}", change, answers)
    noise = Noise(
        *(options.run_sd, options.drift, options.period),
        cold_ratio=0.5,
        jump_sd=options.jump_sd,
        elasticity=0.75,
        work_sd=0.2,
    )
    for change in _CHANGES if options.trials else ():
        trials = [AbTrial(noise, change, seed) for seed in range(options.seed, options.seed + options.trials)]
        with Pool(options.processes) as pool:
            print_row("simulated", change, pool.map(compare_simulated, trials))
    return 0


def claims_another_change(answer: AbAnswer) -> bool:
    """Return True if the answer claims a change of the response time or of the errors."""
    judged = (Measure.P95, Measure.ERRORS)
    kinds = [each.kind for each in answer.estimates if each.measure in judged]
    return Change.MORE in kinds or Change.LESS in kinds


def print_row(name: str, change: float, answers: Sequence[AbAnswer]) -> None:
    """Print how the comparisons ended, how long they took, and how wide their intervals were."""
    outcomes = [answer.outcome for answer in answers]
    order = (AbOutcome.MORE, AbOutcome.LESS, AbOutcome.SAME, AbOutcome.UNDECIDED)
    shares = " | ".join(f"{outcomes.count(each) / len(outcomes):.1%}" for each in order)
    others = sum(map(claims_another_change, answers)) / len(answers)
    time_s = statistics.fmean(answer.spent_s for answer in answers)
    widths = [(answer.cpu.high - answer.cpu.low) / 2 for answer in answers if answer.cpu is not None]
    width = f"{statistics.median(widths):.1%}" if widths else "-"
    kind = f"+{change:.0%}" if change else "the same"
    spent = f"{time_s / 60:.1f} min"
    print(f"| {name} ({len(answers)}) | {kind} | {shares} | {others:.1%} | {spent} | {width} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
