"""Compare how many cells an hour a campaign measures with one engine and with two; needs root and dockerd.

`python -m bench.engines` starts both engines on this machine, so the sizes are small enough for two loads at
once. What a second machine would gain is not measured.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from harness.measure.docker.client import BASE_IMAGE
from tests.e2e.own_engine import OwnEngine, run_own_engine

_WEB = Path(__file__).parents[1] / "targets/web"
_MATRIX = """\
limits: {cpus: [0.05, 0.08], memory: [96MiB, 128MiB]}
users: {limit: 60, spawn_rate: 12}
slos: {p95: 1s, errors: 1%}
steps: {settle: 5s, window: {at_least: 10s, at_most: 20s}, steady: {at_most: 0s}}
search: {precision: 20%, confirm: false}
"""


def main() -> None:
    """Run a campaign with one engine and with two in turn, and print the cells per hour of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1, help="how many times both are measured")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        folders = [Path(folder) / name for name in ("one", "other")]
        with run_own_engine(folders[0], number=7) as one, run_own_engine(folders[1], number=8) as other:
            for engine in (one, other):
                engine.load(BASE_IMAGE)
            for number in range(1, rounds + 1):
                rates = [_measure_cells_per_hour(Path(folder), engines) for engines in ([one], [one, other])]
                print(
                    f"{number}. one engine: {rates[0]:.0f} cells an hour, two: {rates[1]:.0f}, "
                    f"{rates[1] / rates[0]:.2f}×",
                    flush=True,
                )


def _measure_cells_per_hour(folder: Path, engines: Sequence[OwnEngine]) -> float:
    """Run a campaign and return its cells per hour, from the first container's start to the last cell's end.

    The time to build images before does not count.
    """
    engine_section = "".join(
        f"  {name}: {{host: '{engine.address}'}}\n"
        for name, engine in zip(("one", "other"), engines, strict=False)
    )
    (folder / "matrix.yaml").write_text(f"target: {_WEB}\nengines:\n{engine_section}{_MATRIX}")
    results = folder / "results"
    command = [sys.executable, "-m", "harness", "run", str(folder / "matrix.yaml"), "--fresh"]
    subprocess.run([*command, "--results", str(results)], check=False, stdout=sys.stderr)
    events = [json.loads(line) for line in (results / "latest/events.jsonl").read_text().splitlines()]
    started_s = min(_parse_timestamp(event) for event in events if event["event"] == "life-started")
    finished_s = [_parse_timestamp(event) for event in events if event["event"] == "cell-finished"]
    return len(finished_s) / ((max(finished_s) - started_s) / 3600)


def _parse_timestamp(event: dict[str, str]) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()


if __name__ == "__main__":
    main()
