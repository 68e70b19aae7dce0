"""Run the soak tests: `python -m tests.soak --kills 50 --cells 200 --seed 1`."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.memory_growth import measure_memory
from tests.soak.random_kills import create_project, find_faults, kill_at_random


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        resident_bytes = measure_memory(Path(folder), options.cells)
    count = len(resident_bytes)
    quarters_mib = [resident_bytes[count * quarter // 4 - 1] / 2**20 for quarter in (1, 2, 3, 4)]
    memory = ", ".join(f"{mib:.0f} MiB" for mib in quarters_mib)
    print(f"memory after each quarter of {count} cells: {memory}")
    with tempfile.TemporaryDirectory() as folder:
        project = create_project(Path(folder))
        tally = kill_at_random(project, options.kills, options.seed)
        faults = find_faults(project)
        invalid = sum(cell["status"] == "invalid" for cell in project.read_summary()["cells"])
        cells = len(project.read_summary()["cells"])
    print(f"{sum(tally.kills.values())} kills: {dict(tally.kills)}")
    print(
        f"{cells} cells, {invalid} of them INVALID; "
        f"{tally.resume_s:.1f} s from the command to the first container"
    )
    print(
        "\n".join(faults)
        if faults
        else "every size measured, no step lost or stored twice, nothing left behind"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
