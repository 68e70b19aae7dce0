"""Format the scores of all trials as Markdown tables."""

import math
from collections.abc import Iterator, Mapping, Sequence

from tabulate import tabulate

from bench.search.runner import Experiment, TrialRunner
from bench.search.score import Outcome, Score, summarize

Outcomes = Mapping[tuple[int, int], Sequence[Outcome]]
"""All outcomes, by the numbers of experiment and strategy."""

_STRATEGY_HEADERS = (
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

_CLASS_HEADERS = (
    "class",
    "true users",
    "strategy",
    "load",
    "RMS error",
    "worst error",
    "coverage",
    "off by > 5 %",
    "precision",
    "wrong certificates",
    "no answer",
)
"""The fields of a `Score`.

"off by > 5 %" are brackets with an end on the wrong side of the true capacity by more than the precision
asked for, "wrong certificates" by more than the precision that the results report: passes, then failures.
"""


def format_strategies(runner: TrialRunner, outcomes: Outcomes) -> Iterator[str]:
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
            rows.append(_format_strategy(strategy.name, scored))
            if len(experiment.cells) > 1 and index == 0:
                first, others = (
                    [each for each in scored if each.is_first is is_first] for is_first in (True, False)
                )
                rows.append(_format_strategy("– its first cell", first))
                rows.append(_format_strategy("– with neighbours", others))
        table = _format_table(rows, _STRATEGY_HEADERS)
        yield f"### {experiment.title}\n\n{_describe_truth(runner, experiment)}\n\n{table}\n"


def format_classes(runner: TrialRunner, outcomes: Outcomes) -> str:
    """Return one table with a row for each strategy on each class, and rows of all classes at the end.

    The latter have no errors, because one class with a large error would hide all others.
    """
    rows = [
        [experiment.title, _format_truths(runner, experiment), strategy.name, *_format_score(scored)]
        for number, experiment in enumerate(runner.experiments)
        for index, strategy in enumerate(runner.strategies)
        if (scored := outcomes.get((number, index)))
    ]
    for index, strategy in enumerate(runner.strategies):
        every = [each for (_, other), scored in outcomes.items() for each in scored if other == index]
        if every:
            load, _, _, *counts = _format_score(every)
            rows.append(["all classes", "", strategy.name, load, "", "", *counts])
    return f"### classes\n\n{_format_table(rows, _CLASS_HEADERS)}\n"


def _format_table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def _describe_truth(runner: TrialRunner, experiment: Experiment) -> str:
    bounds_s = [runner.compute_lower_bound_s(experiment, cell) for cell in experiment.cells]
    lower_bound_s = sum(bounds_s) / len(bounds_s)
    users = _format_truths(runner, experiment)
    return f"True capacity {users} users; lower bound {lower_bound_s:.0f} s a cell."


def _format_truths(runner: TrialRunner, experiment: Experiment) -> str:
    truths = [runner.get_truth(experiment, cell) for cell in experiment.cells]
    return ", ".join(
        f"≥ {truth.users}" if truth.is_censored else f"{truth.crossing_users:.1f}" for truth in truths
    )


def _format_strategy(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    score = summarize(outcomes)
    return [
        name,
        f"{score.load_s:.0f} s",
        f"{score.lower_bound_ratio:.2f}",
        f"{score.steps:.1f}",
        f"{score.rms_error:.1%}",
        f"{score.worst_error:+.1%}",
        f"{score.rms_middle_error:.1%}",
        f"{score.wrong_ratio:.1%} of {score.outcome_count}",
        f"{score.missed_ratio:.1%}",
    ]


def _format_score(outcomes: Sequence[Outcome]) -> list[str]:
    score = summarize(outcomes)
    return [
        f"{score.load_s:.0f} s",
        _format_percent(score.rms_error),
        _format_percent(score.worst_error, "+.0%"),
        _format_percent(score.coverage_ratio, ".0%"),
        _format_count(score, score.wrong_ratio),
        _format_percent(score.precision_ratio, ".0%"),
        _format_count(score, score.false_pass_ratio, score.false_failure_ratio),
        _format_count(score, score.missed_ratio),
    ]


def _format_count(score: Score, *ratios: float) -> str:
    """Return how many of the outcomes the ratios are: `3 of 20`, `3 + 1 of 20`; `0 of 20` if all are 0."""
    counts = [round(ratio * score.outcome_count) for ratio in ratios]
    return f"{' + '.join(map(str, counts)) if any(counts) else 0} of {score.outcome_count}"


def _format_percent(ratio: float, form: str = ".1%") -> str:
    return "–" if math.isnan(ratio) else format(ratio, form).replace("%", " %")
