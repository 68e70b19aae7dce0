"""Run all trials of one command on several processes, and find the ground truths they are scored against."""

import functools
import math
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.search.classes import CLASS_CELL, CLASSES
from bench.search.ground_truth import GroundTruth, find_ground_truth
from bench.search.outcome_file import OutcomeFile, TrialName
from bench.search.scenarios import (
    CPUS_3,
    CPUS_5,
    FILLING_MEMORIES,
    FILLING_SHOP,
    MEMORIES_3,
    MEMORIES_5,
    SCENARIOS,
    SHOP,
)
from bench.search.score import Outcome, compute_lower_bound_s, score_cell
from bench.search.trial import SimulatedScenario, Strategy, build_grid, build_plan, measure_matrix
from bench.search.truth_file import TruthFile
from harness.model import Cell, Limits

_LONG_WINDOW_S = 300.0
"""Strategies with windows of at least this length do not measure matrices, which would take too long."""

_LOWER_BOUND_PLAN = build_plan(Strategy("lower bound"), ())


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is measured for one table: cells in a scenario.

    `trials_ratio` is the number of trials, relative to the number for a single cell.
    """

    title: str
    scenario: SimulatedScenario
    cells: tuple[Cell, ...]
    trials_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class _Task:
    """One trial: a strategy and an experiment, by their numbers, and the seed."""

    strategy: int
    experiment: int
    seed: int


def build_experiments(scenario_names: Sequence[str], *, with_matrices: bool) -> list[Experiment]:
    """Build the experiments: single cells in each of the scenarios, and matrices of the shop."""
    experiments = [
        Experiment(f"one cell, {cell.limits.cpu_cores:g} CPU, {name}", SCENARIOS[name], (cell,))
        for name in scenario_names
        for cell in build_grid((1.0, 2.0, 4.0))
    ]
    if with_matrices:
        experiments += [
            Experiment("3 × 3 matrix, usual", SHOP, build_grid(CPUS_3, MEMORIES_3), 1 / 4),
            Experiment("memory fills, 3 × 3", FILLING_SHOP, build_grid(CPUS_3, FILLING_MEMORIES), 1 / 4),
            Experiment("5 × 5 matrix, usual", SHOP, build_grid(CPUS_5, MEMORIES_5), 1 / 8),
        ]
    return experiments


def build_class_experiments(prefixes: Sequence[str] = ("",)) -> list[Experiment]:
    """Build an experiment for each class whose name starts with one of `prefixes`: one size alone."""
    return [
        Experiment(name, scenario, (CLASS_CELL,))
        for name, scenario in CLASSES.items()
        if name.startswith(tuple(prefixes))
    ]


class TrialRunner:
    """All trials of one command, and the ground truths that they are scored against."""

    def __init__(
        self,
        strategies: Sequence[Strategy],
        experiments: Sequence[Experiment],
        trials: int,
        seed: int,
        truth_file: TruthFile | None = None,
        outcome_file: OutcomeFile | None = None,
    ) -> None:
        self.strategies = strategies
        self.experiments = experiments
        self._trials = trials
        self._seed = seed
        self._truth_file = truth_file or TruthFile()
        self._outcome_file = outcome_file or OutcomeFile()
        self._truths: dict[tuple[SimulatedScenario, Limits], GroundTruth] = {}

    def _find_truths(self, processes: int) -> None:
        """Find the true capacity of every cell that the truth file does not hold."""
        jobs = {(each.scenario, cell.limits): None for each in self.experiments for cell in each.cells}
        missing = [job for job in jobs if self._truth_file.find(*job) is None]
        longest_first = sorted(missing, key=lambda job: -job[1].cpu_cores)
        find = functools.partial(_find_truth, fine_s=self._truth_file.fine_s)
        with multiprocessing.Pool(processes) as pool:
            for job, truth in zip(longest_first, pool.imap(find, longest_first), strict=True):
                self._truth_file.add(*job, truth)
        self._truths = {job: known for job in jobs if (known := self._truth_file.find(*job)) is not None}

    def run_trials(self, processes: int, at_most_s: float = math.inf) -> dict[tuple[int, int], list[Outcome]]:
        """Run all trials and return their outcomes by the numbers of experiment and strategy.

        Trials that have not ended after `at_most_s` seconds are left out. Those that the outcome file holds
        are not run again.
        """
        self._find_truths(processes)
        until_s = time.monotonic() + at_most_s
        tasks = self._build_tasks()
        missing = [task for task in tasks if self._outcome_file.find(self._name(task)) is None]
        with multiprocessing.Pool(processes, _set_runner, (self,)) as pool:
            for task, scored in pool.imap(_run_task, missing):
                self._outcome_file.add(self._name(task), scored)
                if time.monotonic() >= until_s:
                    break
        outcomes: dict[tuple[int, int], list[Outcome]] = {}
        for task in tasks:
            if (known := self._outcome_file.find(self._name(task))) is not None:
                outcomes.setdefault((task.experiment, task.strategy), []).extend(known)
        return outcomes

    def get_truth(self, experiment: Experiment, cell: Cell) -> GroundTruth:
        """Return the true capacity of a cell in an experiment."""
        return self._truths[experiment.scenario, cell.limits]

    def compute_lower_bound_s(self, experiment: Experiment, cell: Cell) -> float:
        """Return the least load seconds that any strategy needs for a cell."""
        return compute_lower_bound_s(_LOWER_BOUND_PLAN, self.get_truth(experiment, cell))

    def run_task(self, task: _Task) -> list[Outcome]:
        """Run one trial and return the outcomes of its cells in the order of measuring."""
        strategy, experiment = self.strategies[task.strategy], self.experiments[task.experiment]
        results = measure_matrix(strategy, experiment.scenario, experiment.cells, task.seed)
        return [
            score_cell(
                result,
                self.get_truth(experiment, result.cell),
                self.compute_lower_bound_s(experiment, result.cell),
                strategy,
                is_first=number == 0,
            )
            for number, result in enumerate(results)
        ]

    def _name(self, task: _Task) -> TrialName:
        return self.experiments[task.experiment].title, self.strategies[task.strategy].name, task.seed

    def _build_tasks(self) -> list[_Task]:
        """Build all tasks, the longest first, so that no process is idle for long at the end.

        Otherwise all experiments take turns, so that a run that is stopped has some trials of each.
        """
        tasks = [
            _Task(strategy, number, self._seed + trial)
            for number, experiment in enumerate(self.experiments)
            for trial in range(max(1, round(self._trials * experiment.trials_ratio)))
            for strategy in range(len(self.strategies))
            if self._is_compared(strategy, experiment)
        ]
        return sorted(tasks, key=lambda task: (-len(self.experiments[task.experiment].cells), task.seed))

    def _is_compared(self, strategy: int, experiment: Experiment) -> bool:
        longest_s = self.strategies[strategy].timing.window_at_most_s
        return len(experiment.cells) == 1 or longest_s < _LONG_WINDOW_S


_runner: TrialRunner


def _set_runner(runner: TrialRunner) -> None:
    """Set the runner of all tasks in this worker process, once at its start."""
    global _runner
    _runner = runner


def _run_task(task: _Task) -> tuple[_Task, list[Outcome]]:
    return task, _runner.run_task(task)


def _find_truth(job: tuple[SimulatedScenario, Limits], fine_s: float) -> GroundTruth:
    scenario, limits = job
    return find_ground_truth(
        scenario.service, scenario.think, limits, scenario.users_limit, scenario.slos, fine_s
    )
