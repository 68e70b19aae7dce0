"""Build the questions of the calculation: a size's parameters, its limits, and its cost per request or user.

A question never has a number of users.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.calibration.cost import measure_base_bytes, measure_cpu_per_request_s
from bench.calibration.experiments import Experiment
from harness.model import Cell, Limits, StepFacts


def build_questions(
    experiment: Experiment, cells: Iterable[Cell], steps: Mapping[str, list[StepFacts]]
) -> dict[str, dict[str, Any]]:
    """Return the question of each cell by its id, without the cells whose facts do not show a cost."""
    questions = {cell.id: build_question(experiment, cell.limits, steps[cell.id]) for cell in cells}
    return {cell: question for cell, question in questions.items() if None not in question.values()}


def build_question(experiment: Experiment, limits: Limits, steps: list[StepFacts]) -> dict[str, Any]:
    """Return one size's question in plain JSON values; a cost is None if the facts do not show it."""
    parameters = experiment.parameters
    question = {"mode": experiment.mode, "think_s": experiment.think_s, "p95_s": experiment.p95_s}
    match experiment.mode:
        case "slots":
            return question | {
                "servers": int(parameters["SLOTS"]),
                "work_s": float(parameters["SERVICE_S"]),
            }
        case "cpu":
            return question | {
                "servers": int(parameters["WORKERS"]),
                "work_s": measure_cpu_per_request_s(steps, limits.cpu_cores),
                "cpu_cores": limits.cpu_cores,
                "heavy": experiment.heavy,
            }
        case "memory":
            held_bytes = int(parameters["HELD_BYTES"])
            return question | {
                "memory_bytes": limits.memory_bytes,
                "held_bytes": held_bytes,
                "base_bytes": measure_base_bytes(steps, held_bytes),
            }
