"""Strategies of search, compared on simulated targets: `python -m bench.search --trials 40 --seed 1`.

Every trial is seeded and the world is simulated, so the same command prints the same table on any machine.
"""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from bench.search.scenarios import (
    CPUS_3,
    CPUS_5,
    SCENARIOS,
    MEMORIES_3,
    MEMORIES_5,
    SHOP,
    STRATEGIES,
    find_strategies,
)
from bench.search.score import Outcome, compute_lower_bound_s, score_cell, summarize
from bench.search.trial import SimulatedScenario, Strategy, build_grid, measure_matrix, build_plan
from bench.search.ground_truth import GroundTruth, find_ground_truth
from harness.model import Cell, Limits

_USERS_LIMIT = 400
_LONG_WINDOW_S = 300.0
_LOWER_BOUND_PLAN = build_plan(Strategy("floor"), ())


@dataclass(frozen=True, slots=True)
class Table:
    """What one trial measures: cells on a ground. A table is made for each."""

    title: str
    scenario: SimulatedScenario
    cells: tuple[Cell, ...]
    trials_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class Task:
    strategy: int
    table: int
    seed: int


def build_tables(ground_names: Sequence[str], matrices: bool) -> list[Table]:
    found = [
        Table(f"one cell, {cell.limits.cpu_cores:g} CPU, {name}", SCENARIOS[name], (cell,))
        for name in ground_names
        for cell in build_grid((1.0, 2.0, 4.0))
    ]
    if matrices:
        ground = SimulatedScenario(SHOP)
        found.append(Table("3 × 3 matrix, usual", ground, build_grid(CPUS_3, MEMORIES_3), 1 / 4))
        found.append(Table("5 × 5 matrix, usual", ground, build_grid(CPUS_5, MEMORIES_5), 1 / 8))
    return found


def _find_truth(job: tuple[SimulatedScenario, Limits]) -> GroundTruth:
    ground, limits = job
    return find_ground_truth(ground.service, ground.think, limits, _USERS_LIMIT)


class Bench:
    """All trials of one command, and the truths they are held against."""

    def __init__(
        self, strategies: Sequence[Strategy], surfaces: Sequence[Table], trials: int, seed: int
    ) -> None:
        self.strategies = strategies
        self.surfaces = surfaces
        self._trials = trials
        self._seed = seed
        self._truths: dict[tuple[SimulatedScenario, Limits], GroundTruth] = {}

    def build_tasks(self) -> list[Task]:
        """The longest first, so that no processor waits long at the end."""
        found = [
            Task(strategy, number, self._seed + trial)
            for number, surface in enumerate(self.surfaces)
            for trial in range(max(1, round(self._trials * surface.trials_ratio)))
            for strategy in range(len(self.strategies))
            if self.includes(strategy, surface)
        ]
        return sorted(found, key=lambda task: -len(self.surfaces[task.table].cells))

    def includes(self, strategy: int, surface: Table) -> bool:
        """Windows of minutes are not taken over whole matrices: nobody waits for those."""
        longest_s = self.strategies[strategy].timing.window_at_most_s
        return len(surface.cells) == 1 or longest_s < _LONG_WINDOW_S

    def find_truths(self, processes: int) -> None:
        jobs = {(each.scenario, cell.limits): None for each in self.surfaces for cell in each.cells}
        longest_first = sorted(jobs, key=lambda job: -job[1].cpu_cores)
        with multiprocessing.Pool(processes) as pool:
            self._truths = dict(
                zip(longest_first, pool.map(_find_truth, longest_first, chunksize=1), strict=True)
            )

    def get_truth(self, surface: Table, cell: Cell) -> GroundTruth:
        return self._truths[surface.scenario, cell.limits]

    def run_trial(self, task: Task) -> list[Outcome]:
        strategy, surface = self.strategies[task.strategy], self.surfaces[task.table]
        results = measure_matrix(strategy, surface.scenario, surface.cells, task.seed, _USERS_LIMIT)
        outcomes = []
        for number, result in enumerate(results):
            true = self.get_truth(surface, result.cell)
            outcomes.append(score_cell(result, true, compute_lower_bound_s(_LOWER_BOUND_PLAN, true), strategy, is_first=number == 0))
        return outcomes

    def run_all(self, processes: int) -> dict[tuple[int, int], list[Outcome]]:
        """Outcomes by surface and strategy."""
        gathered: dict[tuple[int, int], list[Outcome]] = {}
        with multiprocessing.Pool(processes, _set_bench, (self,)) as pool:
            for task, outcomes in pool.imap(_run_task, self.build_tasks(), chunksize=2):
                gathered.setdefault((task.table, task.strategy), []).extend(outcomes)
        return gathered


_bench: Bench


def _set_bench(bench: Bench) -> None:
    """A worker process is told once what all its tasks belong to."""
    global _bench
    _bench = bench


def _run_task(task: Task) -> tuple[Task, list[Outcome]]:
    return task, _bench.run_trial(task)


_HEADERS = (
    "strategy",
    "load",
    "× floor",
    "steps",
    "RMS error",
    "worst",
    "RMS of bracket",
    "wrong certificates",
    "no answer",
)


def format_tables(bench: Bench, outcomes: dict[tuple[int, int], list[Outcome]]) -> Iterable[str]:
    for number, surface in enumerate(bench.surfaces):
        rows: list[list[str]] = []
        for index, strategy in enumerate(bench.strategies):
            these = outcomes.get((number, index))
            if these is None:
                continue
            rows.append(_format_row(strategy.name, these))
            if len(surface.cells) > 1 and index == 0:
                rows.append(_format_row("– its first cell", [each for each in these if each.is_first]))
                rows.append(_format_row("– with neighbours", [each for each in these if not each.is_first]))
        table = tabulate(rows, _HEADERS, tablefmt="github", disable_numparse=True)
        yield f"### {surface.title}\n\n{_describe_truth(bench, surface)}\n\n{table}\n"


def _describe_truth(bench: Bench, surface: Table) -> str:
    known = [bench.get_truth(surface, cell) for cell in surface.cells]
    words = [f"≥ {true.users}" if true.censored else f"{true.crossing:.1f}" for true in known]
    floor = sum(compute_lower_bound_s(_LOWER_BOUND_PLAN, true) for true in known) / len(known)
    return f"True capacity {', '.join(words)} users; floor {floor:.0f} s a cell."


def _format_row(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    made = summarize(outcomes)
    return [
        name,
        f"{made.load_s:.0f} s",
        f"{made.lower_bound_ratio:.2f}",
        f"{made.steps:.1f}",
        f"{made.rms_error:.1%}",
        f"{made.worst_error:.1%}",
        f"{made.rms_middle_error:.1%}",
        f"{made.wrong_ratio:.1%} of {made.cells}",
        f"{made.missed_ratio:.1%}",
    ]


def _parse_arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--trials", type=int, default=40, help="seeded trials of every single cell")
    parser.add_argument("--seed", type=int, default=1, help="the first trial's seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="worker processes")
    parser.add_argument("--ground", choices=[*SCENARIOS, "all"], default="usual", help="target and host")
    parser.add_argument("--only", default="", help="strategies whose name begins so")
    parser.add_argument("--no-matrices", action="store_true", help="single cells only")
    parser.add_argument("--write", type=Path, help="also write the tables to this file")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    asked = _parse_arguments(given)
    strategies = find_strategies(asked.only)
    if not strategies:
        print(f"No strategy begins with {asked.only!r}: {[s.name for s in STRATEGIES]}", file=sys.stderr)
        return 1
    grounds = list(SCENARIOS) if asked.ground == "all" else [asked.ground]
    bench = Bench(strategies, build_tables(grounds, not asked.no_matrices), asked.trials, asked.seed)
    bench.find_truths(asked.processes)
    outcomes = bench.run_all(asked.processes)
    command = " ".join(["python -m bench.search", *(sys.argv[1:] if given is None else given)])
    text = "\n".join([f"`{command}` (first seed {asked.seed})\n", *format_tables(bench, outcomes)])
    print(text)
    if asked.write is not None:
        asked.write.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
