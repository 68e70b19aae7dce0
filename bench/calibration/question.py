"""What the paper is asked of each size: parameters, limits and measured demand; no number of users."""

from typing import Any

from bench.calibration.demand import base_bytes, cpu_per_request_s
from bench.calibration.experiments import Experiment
from harness.model import Limits, StepFacts
from harness.plan import plan_from_json
from harness.store import CampaignFolder


def questions(experiment: Experiment, folder: CampaignFolder) -> dict[str, dict[str, Any]]:
    """By cell. One whose facts don't tell its demand is left out."""
    story = folder.story()
    asked = {
        cell.id: question(
            experiment, cell.limits, [folder.read_step(file) for file in story.cell(cell.id).step_files]
        )
        for cell in plan_from_json(folder.plan()).cells
    }
    return {cell: question for cell, question in asked.items() if None not in question.values()}


def question(experiment: Experiment, limits: Limits, steps: list[StepFacts]) -> dict[str, Any]:
    parameters = experiment.parameters
    asked = {"mode": experiment.mode, "think_s": experiment.think_s, "p95_s": experiment.p95_s}
    match experiment.mode:
        case "slots":
            return asked | {
                "servers": int(parameters["SLOTS"]),
                "work_s": float(parameters["SERVICE_S"]),
            }
        case "cpu":
            return asked | {
                "servers": int(parameters["WORKERS"]),
                "work_s": cpu_per_request_s(steps, limits.cpu_cores),
                "cpu_cores": limits.cpu_cores,
            }
        case "memory":
            held_bytes = int(parameters["HELD_BYTES"])
            return asked | {
                "memory_bytes": limits.memory_bytes,
                "held_bytes": held_bytes,
                "base_bytes": base_bytes(steps, held_bytes),
            }
