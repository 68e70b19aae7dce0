"""Keep the outcomes of trials in a file as they end, so that a run that is stopped loses none of them.

Each line is one trial, by the title of its experiment, its strategy and its seed. What comes out also depends
on the code: remove the file when that changes.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.search.score import Outcome
from harness.model import Status

TrialName = tuple[str, str, int]
"""The title of an experiment, the name of a strategy, and a seed."""


class OutcomeFile:
    """The outcomes of the trials that have ended, in a file of JSON lines; without one none is kept."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path is not None and path.exists() else []
        self._known: dict[TrialName, list[Outcome]] = {}
        for line in lines:
            title, strategy, seed, outcomes = json.loads(line)
            self._known[title, strategy, seed] = [_build_outcome(each) for each in outcomes]

    def find(self, name: TrialName) -> list[Outcome] | None:
        """Return the outcomes of a trial, one for each cell; None if the trial was not run yet."""
        return self._known.get(name)

    def add(self, name: TrialName, outcomes: Sequence[Outcome]) -> None:
        """Add a trial that has ended to the file."""
        self._known[name] = list(outcomes)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps([*name, [asdict(each) for each in outcomes]]) + "\n")


def _build_outcome(fields: dict[str, Any]) -> Outcome:
    return Outcome(**fields | {"status": Status(fields["status"]), "held": tuple(fields["held"])})
