"""True capacities are kept for later runs, each under what it depends on."""

from dataclasses import replace
from pathlib import Path

from bench.search.ground_truth import GroundTruth
from bench.search.trial import SimulatedScenario
from bench.search.truth_file import TruthFile
from bench.simulation.model import QUIET, Service
from harness.model import MIB, Limits

LIMITS, SCENARIO = Limits(1.0, 96 * MIB), SimulatedScenario()


def test_a_later_run_finds_what_an_earlier_one_has_found(tmp_path: Path) -> None:
    path, truth = tmp_path / "truths.json", GroundTruth(50, 50.2)
    TruthFile(path).add(SCENARIO, LIMITS, truth)
    assert TruthFile(path).find(SCENARIO, LIMITS) == truth


def test_a_truth_is_found_only_for_the_same_target_users_limits_and_length(tmp_path: Path) -> None:
    path = tmp_path / "truths.json"
    TruthFile(path).add(SCENARIO, LIMITS, GroundTruth(50, 50.2))
    found = TruthFile(path)
    assert found.find(replace(SCENARIO, service=Service(cpu_s=0.06)), LIMITS) is None
    assert found.find(replace(SCENARIO, users_limit=40), LIMITS) is None
    assert found.find(SCENARIO, Limits(2.0, 96 * MIB)) is None
    assert TruthFile(path, fine_s=5000.0).find(SCENARIO, LIMITS) is None


def test_the_noise_of_the_host_does_not_change_the_truth() -> None:
    file = TruthFile()
    file.add(SCENARIO, LIMITS, GroundTruth(50, 50.2))
    assert file.find(replace(SCENARIO, noise=QUIET), LIMITS) == GroundTruth(50, 50.2)
