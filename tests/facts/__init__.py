"""Steps that real containers really went through, recorded by `tests.facts.record`."""

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
class Recorded:
    """One step of a cell under its SLOs, and how it was recorded."""

    source: str
    cell: Cell
    slos: tuple[Slo, ...]
    facts: StepFacts


def recorded(name: str) -> Recorded:
    path = HERE / f"{name}.json"
    told = json.loads(path.read_text())
    facts = decode_step(gzip.compress(json.dumps(told["step"]).encode()), path)
    slos = tuple(TypeAdapter(Slo).validate_python(slo) for slo in told["slos"])
    return Recorded(told["source"], TypeAdapter(Cell).validate_python(told["cell"]), slos, facts)
