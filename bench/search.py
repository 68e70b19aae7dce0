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

from bench.grounds import (
    CPUS_3,
    CPUS_5,
    GROUNDS,
    MEMORIES_3,
    MEMORIES_5,
    SHOP,
    STRATEGIES,
    named,
)
from bench.score import Outcome, floor_s, outcome, score
from bench.trial import Ground, Strategy, grid, measure_matrix, plan_for
from bench.truth import Truth, truth
from harness.model import Cell, Limits

USERS_LIMIT = 400
LONG_WINDOW_S = 300.0
FLOOR_PLAN = plan_for(Strategy("floor"), ())


@dataclass(frozen=True, slots=True)
class Surface:
    """What one trial measures: cells on a ground. A table is made for each."""

    title: str
    ground: Ground
    cells: tuple[Cell, ...]
    trials_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class Task:
    strategy: int
    surface: int
    seed: int


def surfaces(ground_names: Sequence[str], matrices: bool) -> list[Surface]:
    found = [
        Surface(f"one cell, {cell.limits.cpu_cores:g} CPU, {name}", GROUNDS[name], (cell,))
        for name in ground_names
        for cell in grid((1.0, 2.0, 4.0))
    ]
    if matrices:
        ground = Ground(SHOP)
        found.append(Surface("3 × 3 matrix, usual", ground, grid(CPUS_3, MEMORIES_3), 1 / 4))
        found.append(Surface("5 × 5 matrix, usual", ground, grid(CPUS_5, MEMORIES_5), 1 / 8))
    return found


def true_capacity(job: tuple[Ground, Limits]) -> Truth:
    ground, limits = job
    return truth(ground.service, ground.think, limits, USERS_LIMIT)


class Bench:
    """All trials of one command, and the truths they are held against."""

    def __init__(
        self, strategies: Sequence[Strategy], surfaces: Sequence[Surface], trials: int, seed: int
    ) -> None:
        self.strategies = strategies
        self.surfaces = surfaces
        self._trials = trials
        self._seed = seed
        self._truths: dict[tuple[Ground, Limits], Truth] = {}

    def tasks(self) -> list[Task]:
        """The longest first, so that no processor waits long at the end."""
        found = [
            Task(strategy, number, self._seed + trial)
            for number, surface in enumerate(self.surfaces)
            for trial in range(max(1, round(self._trials * surface.trials_ratio)))
            for strategy in range(len(self.strategies))
            if self.compares(strategy, surface)
        ]
        return sorted(found, key=lambda task: -len(self.surfaces[task.surface].cells))

    def compares(self, strategy: int, surface: Surface) -> bool:
        """Windows of minutes are not taken over whole matrices: nobody waits for those."""
        longest_s = self.strategies[strategy].timing.window_at_most_s
        return len(surface.cells) == 1 or longest_s < LONG_WINDOW_S

    def find_truths(self, processes: int) -> None:
        jobs = {(each.ground, cell.limits): None for each in self.surfaces for cell in each.cells}
        longest_first = sorted(jobs, key=lambda job: -job[1].cpu_cores)
        with multiprocessing.Pool(processes) as pool:
            self._truths = dict(
                zip(longest_first, pool.map(true_capacity, longest_first, chunksize=1), strict=True)
            )

    def true(self, surface: Surface, cell: Cell) -> Truth:
        return self._truths[surface.ground, cell.limits]

    def run(self, task: Task) -> list[Outcome]:
        strategy, surface = self.strategies[task.strategy], self.surfaces[task.surface]
        results = measure_matrix(strategy, surface.ground, surface.cells, task.seed, USERS_LIMIT)
        outcomes = []
        for number, result in enumerate(results):
            true = self.true(surface, result.cell)
            outcomes.append(outcome(result, true, floor_s(FLOOR_PLAN, true), strategy, first=number == 0))
        return outcomes

    def run_all(self, processes: int) -> dict[tuple[int, int], list[Outcome]]:
        """Outcomes by surface and strategy."""
        gathered: dict[tuple[int, int], list[Outcome]] = {}
        with multiprocessing.Pool(processes, _adopt, (self,)) as pool:
            for task, outcomes in pool.imap(_run_adopted, self.tasks(), chunksize=2):
                gathered.setdefault((task.surface, task.strategy), []).extend(outcomes)
        return gathered


_bench: Bench


def _adopt(bench: Bench) -> None:
    """A worker process is told once what all its tasks belong to."""
    global _bench
    _bench = bench


def _run_adopted(task: Task) -> tuple[Task, list[Outcome]]:
    return task, _bench.run(task)


HEADERS = (
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


def tables(bench: Bench, outcomes: dict[tuple[int, int], list[Outcome]]) -> Iterable[str]:
    for number, surface in enumerate(bench.surfaces):
        rows: list[list[str]] = []
        for index, strategy in enumerate(bench.strategies):
            these = outcomes.get((number, index))
            if these is None:
                continue
            rows.append(row(strategy.name, these))
            if len(surface.cells) > 1 and index == 0:
                rows.append(row("– its first cell", [each for each in these if each.first]))
                rows.append(row("– with neighbours", [each for each in these if not each.first]))
        table = tabulate(rows, HEADERS, tablefmt="github", disable_numparse=True)
        yield f"### {surface.title}\n\n{truth_line(bench, surface)}\n\n{table}\n"


def truth_line(bench: Bench, surface: Surface) -> str:
    known = [bench.true(surface, cell) for cell in surface.cells]
    words = [f"≥ {true.users}" if true.censored else f"{true.crossing:.1f}" for true in known]
    floor = sum(floor_s(FLOOR_PLAN, true) for true in known) / len(known)
    return f"True capacity {', '.join(words)} users; floor {floor:.0f} s a cell."


def row(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    made = score(outcomes)
    return [
        name,
        f"{made.load_s:.0f} s",
        f"{made.floor_ratio:.2f}",
        f"{made.steps:.1f}",
        f"{made.rms_error:.1%}",
        f"{made.worst_error:.1%}",
        f"{made.rms_middle_error:.1%}",
        f"{made.wrong_ratio:.1%} of {made.cells}",
        f"{made.missed_ratio:.1%}",
    ]


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--trials", type=int, default=40, help="seeded trials of every single cell")
    parser.add_argument("--seed", type=int, default=1, help="the first trial's seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="worker processes")
    parser.add_argument("--ground", choices=[*GROUNDS, "all"], default="usual", help="target and host")
    parser.add_argument("--only", default="", help="strategies whose name begins so")
    parser.add_argument("--no-matrices", action="store_true", help="single cells only")
    parser.add_argument("--write", type=Path, help="also write the tables to this file")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(given)
    strategies = named(asked.only)
    if not strategies:
        print(f"No strategy begins with {asked.only!r}: {[s.name for s in STRATEGIES]}", file=sys.stderr)
        return 1
    grounds = list(GROUNDS) if asked.ground == "all" else [asked.ground]
    bench = Bench(strategies, surfaces(grounds, not asked.no_matrices), asked.trials, asked.seed)
    bench.find_truths(asked.processes)
    outcomes = bench.run_all(asked.processes)
    command = " ".join(["python -m bench.search", *(sys.argv[1:] if given is None else given)])
    text = "\n".join([f"`{command}` (first seed {asked.seed})\n", *tables(bench, outcomes)])
    print(text)
    if asked.write is not None:
        asked.write.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
