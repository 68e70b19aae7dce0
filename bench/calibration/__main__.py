"""Measure capacities of the calibration target with the harness, calculate them too, and compare both.

`make bench-truth` runs this.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.calibration.cost import measure_foreign_cores
from bench.calibration.experiments import EXPERIMENTS, Experiment, find_experiment
from bench.calibration.question import build_questions
from bench.calibration.table import Row, format_table
from harness.plan import plan_from_json
from harness.store import CampaignFolder

_MEASURED_EXIT_CODES = (0, 2)
"""The harness's exit codes after which a campaign is stored: all sizes have a result, or some have none."""


def main() -> None:
    """Measure the experiments, or read stored campaigns, and print the comparison."""
    options = _parse_arguments()
    campaigns: Sequence[Path] = options.stored or [
        run_campaign(find_experiment(name), options.results) for name in options.only or _list_names()
    ]
    print(format_table([row for path in campaigns for row in build_rows(path)]))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.calibration", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=_list_names(), help="measure only these experiments")
    parser.add_argument("--results", type=Path, default=Path("results"), help="the folder of all campaigns")
    parser.add_argument(
        "--stored",
        nargs="+",
        type=Path,
        metavar="CAMPAIGN",
        help="compare these stored campaigns, measure nothing",
    )
    return parser.parse_args()


def _list_names() -> list[str]:
    return [experiment.name for experiment in EXPERIMENTS]


def run_campaign(experiment: Experiment, results: Path) -> Path:
    """Measure the experiment and return its campaign's folder; the harness's output goes to standard error.

    Exit with the harness's exit code if it stored no campaign.
    """
    with tempfile.TemporaryDirectory() as folder:
        matrix = experiment.write_matrix(Path(folder))
        process = subprocess.run(
            [sys.executable, "-m", "harness", "run", os.fspath(matrix), "--results", os.fspath(results)],
            env={**os.environ, "THINK_S": experiment.think_range, "HEAVY": str(experiment.heavy)},
            stdout=sys.stderr,
        )
    if process.returncode not in _MEASURED_EXIT_CODES:
        sys.exit(process.returncode)
    return max(results.glob(f"*-{experiment.name}"))


def build_rows(path: Path) -> list[Row]:
    """Build the rows of a stored campaign: its sizes with their calculated capacities."""
    folder = CampaignFolder.open(path)
    summary = json.loads((folder.path / "summary.json").read_text())
    cells, log = plan_from_json(folder.read_plan()).cells, folder.read_log()
    steps = {
        cell.id: [folder.read_step(file) for file in log.find_last_attempt(cell.id).step_files]
        for cell in cells
    }
    questions = build_questions(find_experiment(summary["target"]), cells, steps)
    answers = _calculate_answers(questions)
    return [
        Row(
            cell, questions.get(cell["id"]), answers.get(cell["id"]), measure_foreign_cores(steps[cell["id"]])
        )
        for cell in summary["cells"]
    ]


def _calculate_answers(questions: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the calculated answers by cell, from a process that knows nothing but the questions."""
    process = subprocess.run(
        [sys.executable, "-m", "bench.calibration.calculation"],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: dict[str, dict[str, float]] = json.loads(process.stdout)
    return answers


if __name__ == "__main__":
    main()
