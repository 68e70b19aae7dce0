"""The calibration target on a real engine: small sizes, which sustain at most two dozen users on paper."""

from pathlib import Path
from typing import Any

import pytest

from bench.calibration import __main__ as bench_truth
from bench.calibration import experiments
from bench.calibration.experiments import Experiment
from harness.model import MIB

pytestmark = pytest.mark.e2e

AGREES_WITHIN = 0.25
"""Relative to the capacity on paper. Windows of seconds and brackets of 20 % only show which limit is met."""


class QuickExperiment(Experiment):
    def build_matrix(self) -> dict[str, Any]:
        return super().build_matrix() | {
            "users": {"limit": 40, "spawn_rate": 40},
            "steps": {"settle": "2s", "window": {"at_least": "5s", "at_most": "15s"}},
            "search": {"strategy": "predict", "precision": "20%"},
        }


@pytest.mark.parametrize(
    ("experiment", "factor"),
    [
        (QuickExperiment("quick-slots", "slots", (0.3, 0.7), 0.4, environment={"SLOTS": "2"}), "target"),
        (QuickExperiment("quick-cpu", "cpu", (0.3, 0.7), cpus=(0.2,), environment={"DEMAND_S": "0.02"}), "cpu"),
        (
            QuickExperiment(
                "quick-memory",
                "memory",
                (0.3, 0.7),
                memory_mib=(64,),
                environment={"HELD_BYTES": f"{4 * MIB}"},
            ),
            "memory",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_each_limit_is_found_near_where_the_paper_has_it(
    experiment: Experiment, factor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "EXPERIMENTS", (experiment,))
    (row,) = bench_truth.build_rows(bench_truth.run_campaign(experiment, tmp_path))
    assert row.cell["status"] == "bracketed"
    assert row.cell["limiting_factor"] == factor
    assert row.error_ratio == pytest.approx(0, abs=AGREES_WITHIN)
