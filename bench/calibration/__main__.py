"""`make bench-truth`: measure the calibration target with the harness, then ask the paper, then compare."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.calibration.demand import measure_foreign_cores
from bench.calibration.experiments import EXPERIMENTS, Experiment, find_experiment
from bench.calibration.question import build_questions
from bench.calibration.table import Row, format_table
from harness.plan import plan_from_json
from harness.store import CampaignFolder

_MEASURED_EXIT_CODES = (0, 2)
"""The harness's exit codes that leave a campaign: all measured, or not every size."""


def main() -> None:
    asked = _parse_arguments()
    campaigns: Sequence[Path] = asked.stored or [
        run_campaign(find_experiment(name), asked.results) for name in asked.only or list_names()
    ]
    print(format_table([row for path in campaigns for row in build_rows(path)]))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.calibration", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list_names(), help="measure these, not all")
    parser.add_argument("--results", type=Path, default=Path("results"), help="the folder of all campaigns")
    parser.add_argument(
        "--stored", nargs="+", type=Path, metavar="CAMPAIGN", help="measure nothing, compare these"
    )
    return parser.parse_args()


def list_names() -> list[str]:
    return [experiment.name for experiment in EXPERIMENTS]


def run_campaign(experiment: Experiment, results: Path) -> Path:
    """The folder of the experiment's campaign, measured now. What the harness says goes to standard error."""
    with tempfile.TemporaryDirectory() as folder:
        matrix = experiment.write(Path(folder))
        done = subprocess.run(
            [sys.executable, "-m", "harness", "run", os.fspath(matrix), "--results", os.fspath(results)],
            env={**os.environ, "THINK_S": experiment.format_think_times},
            stdout=sys.stderr,
        )
    if done.returncode not in _MEASURED_EXIT_CODES:
        sys.exit(done.returncode)
    return max(results.glob(f"*-{experiment.name}"))


def build_rows(path: Path) -> list[Row]:
    folder = CampaignFolder.open(path)
    summary = json.loads((folder.path / "summary.json").read_text())
    cells, story = plan_from_json(folder.read_plan()).cells, folder.read_log()
    steps = {
        cell.id: [folder.read_step(file) for file in story.last_attempt(cell.id).step_files] for cell in cells
    }
    asked = build_questions(find_experiment(summary["target"]), cells, steps)
    answers = solve_on_paper(asked)
    return [
        Row(cell, asked.get(cell["id"]), answers.get(cell["id"]), measure_foreign_cores(steps[cell["id"]]))
        for cell in summary["cells"]
    ]


def solve_on_paper(asked: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """The paper's answers, from a process that is given nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.calibration.paper"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: dict[str, dict[str, float]] = json.loads(done.stdout)
    return answers


if __name__ == "__main__":
    main()
