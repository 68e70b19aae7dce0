"""Make a fixture of a stored step: `python -m tests.facts.record CAMPAIGN CELL STEP NAME "where it is from"`.

The fixture keeps what limiting factors are judged by: requests to the millisecond, the target's counters, its
events, and the generator's number of users. It leaves out think times and the host's counters.
"""

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DIGITS = 3


def build_fixture(campaign: Path, cell_id: str, step: int, source: str) -> dict[str, Any]:
    stored = json.loads(gzip.decompress((campaign / f"cells/{cell_id}/step-{step:03d}.json.gz").read_bytes()))
    stored["thinks"] = {key: [] for key in stored["thinks"]}
    stored["host"] = {key: [] for key in stored["host"]}
    plan = json.loads((campaign / "plan.json").read_text())
    cell = next(cell for cell in plan["cells"] if cell["id"] == cell_id)
    return {"source": source, "cell": cell, "slos": plan["slos"], "step": round_numbers(stored)}


def round_numbers(value: Any) -> Any:
    """Round every number to the millisecond, which is enough for counters of CPU time, too."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: round_numbers(each) for key, each in value.items()}
    return [round_numbers(each) for each in value] if isinstance(value, list) else value


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.facts.record", description=__doc__)
    parser.add_argument("campaign", type=Path, help="a folder in results/")
    parser.add_argument("cell")
    parser.add_argument("step", type=int)
    parser.add_argument("name", help="name of the file in this folder, without .json")
    parser.add_argument("source", help="how it was recorded, in one line")
    options = parser.parse_args()
    fixture = build_fixture(options.campaign, options.cell, options.step, options.source)
    (HERE / f"{options.name}.json").write_text(json.dumps(fixture, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
