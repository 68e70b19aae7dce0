"""An experiment with the calibration target that takes a minute or two: few users, and short windows."""

from typing import Any

from bench.calibration.experiments import Experiment


class QuickExperiment(Experiment):
    def build_matrix(self) -> dict[str, Any]:
        return super().build_matrix() | {
            "users": {"limit": 40, "spawn_rate": 40},
            "steps": {
                "settle": "2s",
                "window": {"at_least": "5s", "at_most": "15s"},
                "steady": {"at_most": "0s"},
            },
            "search": {"strategy": "predict", "precision": "20%"},
        }
