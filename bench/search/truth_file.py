"""Keep true capacities in a file, because finding them takes longer than all trials.

Each has what it depends on as its key: the target, its users, its limits, its SLOs, and how long was
simulated. It also depends on the code of the simulation: remove the file when that changes.
"""

import json
from dataclasses import asdict
from pathlib import Path

from bench.search.ground_truth import FINE_S, GroundTruth
from bench.search.trial import SimulatedScenario
from harness.model import Limits


class TruthFile:
    """The true capacities that are known, in a JSON file; without a file (None) nothing is kept.

    `fine_s` is the simulated seconds of the longest simulations.
    """

    def __init__(self, path: Path | None = None, fine_s: float = FINE_S) -> None:
        self.fine_s = fine_s
        self._path = path
        known = json.loads(path.read_text()) if path is not None and path.exists() else {}
        self._truths = {key: GroundTruth(**truth) for key, truth in known.items()}

    def find(self, scenario: SimulatedScenario, limits: Limits) -> GroundTruth | None:
        """Return the true capacity of a size; None if it is not known yet."""
        return self._truths.get(self._name(scenario, limits))

    def add(self, scenario: SimulatedScenario, limits: Limits, truth: GroundTruth) -> None:
        """Add a true capacity, and write the file."""
        self._truths[self._name(scenario, limits)] = truth
        if self._path is not None:
            truths = {key: asdict(each) for key, each in self._truths.items()}
            self._path.write_text(json.dumps(truths, indent=1))

    def _name(self, scenario: SimulatedScenario, limits: Limits) -> str:
        think, slos, most = scenario.think, scenario.slos, scenario.users_limit
        return repr((scenario.service, think, limits, slos, most, self.fine_s))
