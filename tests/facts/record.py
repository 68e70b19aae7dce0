"""A stored step as a fixture: `python -m tests.facts.record CAMPAIGN CELL STEP NAME "where it is from"`.

Kept is what limiting factors are judged by: requests to the millisecond, the target's counters, its events
and the generator's number of users. Think times and the host's counters are left out.
"""

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DIGITS = 3


def fixture(campaign: Path, cell_id: str, step: int, source: str) -> dict[str, Any]:
    stored = json.loads(gzip.decompress((campaign / f"cells/{cell_id}/step-{step:03d}.json.gz").read_bytes()))
    stored["thinks"] = {key: [] for key in stored["thinks"]}
    stored["host"] = {key: [] for key in stored["host"]}
    plan = json.loads((campaign / "plan.json").read_text())
    cell = next(cell for cell in plan["cells"] if cell["id"] == cell_id)
    return {"source": source, "cell": cell, "slos": plan["slos"], "step": rounded(stored)}


def rounded(value: Any) -> Any:
    """Every number to the millisecond; counters of CPU time lose nothing that matters by it."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.facts.record", description=__doc__)
    parser.add_argument("campaign", type=Path, help="a folder in results/")
    parser.add_argument("cell")
    parser.add_argument("step", type=int)
    parser.add_argument("name", help="of the file here, without .json")
    parser.add_argument("source", help="how it was recorded, in a line")
    asked = parser.parse_args()
    made = fixture(asked.campaign, asked.cell, asked.step, asked.source)
    (HERE / f"{asked.name}.json").write_text(json.dumps(made, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
