"""The calibration target on a real engine, at sizes whose calculated capacity is at most two dozen users."""

from pathlib import Path

import pytest

from bench.calibration import __main__ as bench_truth
from bench.calibration import experiments
from bench.calibration.experiments import Experiment
from harness.model import MIB
from tests.e2e.quick_experiment import QuickExperiment

pytestmark = pytest.mark.e2e

MAX_ERROR_RATIO = 0.25
"""The largest difference from the calculated capacity. Windows are short, and brackets up to 20 % wide."""


@pytest.mark.parametrize(
    ("experiment", "factor"),
    [
        (QuickExperiment("quick-slots", "slots", (0.3, 0.7), 0.4, environment={"SLOTS": "2"}), "target"),
        (
            QuickExperiment("quick-cpu", "cpu", (0.3, 0.7), cpus=(0.2,), environment={"DEMAND_S": "0.02"}),
            "cpu",
        ),
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
def test_limiting_factor_and_capacity_are_about_as_calculated(
    experiment: Experiment, factor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "EXPERIMENTS", (experiment,))
    (row,) = bench_truth.build_rows(bench_truth.run_campaign(experiment, tmp_path))
    assert row.cell["status"] == "bracketed"
    assert row.cell["limiting_factor"] == factor
    assert row.error_ratio == pytest.approx(0, abs=MAX_ERROR_RATIO)
