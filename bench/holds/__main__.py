"""Hold every size of a stored campaign again at its sustained users: `python -m bench.holds results/latest`.

Each size gets a fresh container and a window of `--minutes`. If an SLO breaks then, fewer users are held as
well: those that it sustained, less the precision that it reports. Exit code 0 if each size passes one of the
two, 3 if one does not. The steps are stored in the campaign's folder; after an interrupt the same command
goes on.
"""

import argparse
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.holds.campaign import Certificate, HeldCampaign, Hold, open_campaign
from bench.holds.holding import hold_certified
from bench.holds.table import format_table
from harness.campaign.preflight import EngineBackends, connect_backends
from harness.cli.console import DONE, INTERRUPTED, NOT_MET, USER_MISTAKE
from harness.errors import HarnessError
from harness.model import Plan


def main(
    argv: Sequence[str] | None = None, connect: Callable[[str, Plan], EngineBackends] = connect_backends
) -> int:
    """Hold all certified users again, print a table of them, and return the exit code."""
    options = _parse_arguments(argv)
    try:
        campaign = open_campaign(options.campaign, options.matrix, options.minutes, options.out)
        return _hold(campaign, connect)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return USER_MISTAKE


def _hold(campaign: HeldCampaign, connect: Callable[[str, Plan], EngineBackends]) -> int:
    try:
        hold_certified(campaign, functools.partial(print, flush=True), connect)
    except KeyboardInterrupt:
        _show_table(campaign)
        print("interrupted: the same command goes on with the sizes that are left")
        return INTERRUPTED
    survived = {
        each.cell.id for each, hold in _show_table(campaign) if hold is not None and hold.has_survived
    }
    return DONE if len(survived) == len(campaign.certificates) else NOT_MET


def _show_table(campaign: HeldCampaign) -> list[tuple[Certificate, Hold | None]]:
    """Print the table of all sizes, write it beside the steps, and return what became of the sizes."""
    holds = campaign.read_holds()
    table = format_table(campaign, holds)
    campaign.out.mkdir(parents=True, exist_ok=True)
    (campaign.out / "holds.md").write_text(table + "\n")
    print(f"\n{table}\n\nsteps: {campaign.out}")
    return holds


def _parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.holds", description=__doc__)
    parser.add_argument("campaign", type=Path, nargs="?", default=Path("results/latest"))
    parser.add_argument("--minutes", type=float, default=5.0, help="the length of each window")
    parser.add_argument(
        "--matrix", type=Path, default=Path("matrix.yaml"), help="the matrix file that was measured"
    )
    parser.add_argument("--out", type=Path, help="the folder of the steps; default: in the campaign's folder")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
