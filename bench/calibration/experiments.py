"""The experiments: the calibration target under limits and think times, each with a matrix of its own."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML

_TARGETS = Path(__file__).parents[2] / "targets" / "calibration"
_USERS_LIMIT = 400

Mode = Literal["slots", "cpu", "memory"]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One campaign: think times between two bounds, the SLO "p95 ≤ p95_s", sizes, the target's parameters.

    Think times have to vary. If they and the service times were constant, all users would keep the rhythm in
    which they started, and the response times would depend on it. `name` is the target's name in the
    campaign. `environment` has the variables that differ from the mode's target.yaml. With `heavy`, one of so
    many requests asks for so many times the work.
    """

    name: str
    mode: Mode
    think_s: tuple[float, float]
    p95_s: float = 1.0
    cpus: tuple[float, ...] = (0.5,)
    memory_mib: tuple[int, ...] = (96,)
    environment: Mapping[str, str] = field(default_factory=dict)
    heavy: int = 0

    @property
    def parameters(self) -> dict[str, str]:
        """The target's environment variables."""
        return {**self._read_target()["environment"], **self.environment}

    @property
    def think_range(self) -> str:
        """The bounds of the think times as the locustfile reads them, such as "1-4"."""
        return "-".join(f"{seconds:g}" for seconds in self.think_s)

    def build_matrix(self) -> dict[str, Any]:
        """Build the content of matrix.yaml.

        It has no SLO on the throughput, and memory is not judged by its growth: the calculation ignores both.
        """
        target = self._read_target()
        target |= {"name": self.name, "environment": self.parameters}
        target["build"] |= {"context": os.fspath(_TARGETS)}
        return {
            "target": target,
            "scenario": {"locustfile": os.fspath(_TARGETS / "locustfile.py")},
            "users": {"limit": _USERS_LIMIT, "spawn_rate": 40},
            "limits": {"cpus": [*self.cpus], "memory": [f"{mib}MiB" for mib in self.memory_mib]},
            "slos": {"p95": self.p95_s, "errors": "1%", "shortfall": "off"},
            "steps": {"steady": {"at_most": "0s"}},
            "search": {"strategy": "predict", "precision": "5%", "soak": "0s"},
        }

    def write_matrix(self, folder: Path) -> Path:
        """Write the matrix file into a folder and return its path."""
        file = folder / "matrix.yaml"
        file.write_text(json.dumps(self.build_matrix()))
        return file

    def _read_target(self) -> dict[str, Any]:
        content: dict[str, Any] = YAML(typ="safe").load(_TARGETS / self.mode / "target.yaml")
        return content


EXPERIMENTS = (
    Experiment("slots-quick", "slots", (0.6, 1.2), p95_s=0.25),
    Experiment("slots-shop", "slots", (1, 4), environment={"SLOTS": "8", "SERVICE_S": "0.2"}),
    Experiment("slots-brisk", "slots", (0.5, 1.5), 0.5, environment={"SLOTS": "2", "SERVICE_S": "0.02"}),
    Experiment("cpu-shop", "cpu", (1, 4), cpus=(0.25, 1)),
    Experiment("cpu-brisk", "cpu", (0.5, 1.5), cpus=(0.5,)),
    Experiment("memory", "memory", (1, 4), memory_mib=(64, 96, 128)),
)
"""Nine sizes: three of each mode, under three ranges of think times."""


def find_experiment(name: str) -> Experiment:
    """Return the experiment of this name. Raises KeyError if there is none."""
    return {experiment.name: experiment for experiment in EXPERIMENTS}[name]
