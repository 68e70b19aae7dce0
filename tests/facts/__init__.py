"""Steps of real containers, recorded by `tests.facts.record`."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from harness.model import Cell, Slo, StepFacts
from harness.store.step_file import decode_step

HERE = Path(__file__).parent
NAMES = sorted(file.stem for file in HERE.glob("*.json"))


@dataclass(frozen=True)
class RecordedStep:
    """A step of a cell with its SLOs; `source` says how it was recorded."""

    source: str
    cell: Cell
    slos: tuple[Slo, ...]
    facts: StepFacts


def load_recorded(name: str) -> RecordedStep:
    path = HERE / f"{name}.json"
    stored = json.loads(path.read_text())
    facts = decode_step(gzip.compress(json.dumps(stored["step"]).encode()), path)
    slos = tuple(TypeAdapter(Slo).validate_python(slo) for slo in stored["slos"])
    return RecordedStep(stored["source"], TypeAdapter(Cell).validate_python(stored["cell"]), slos, facts)
