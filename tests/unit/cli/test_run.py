"""`harness plan` says how long a campaign takes, and what the time goes into; options that contradict."""

from dataclasses import replace

import pytest

from harness.cli import run_command
from harness.cli.run import describe_lanes, describe_time, fit_to_pause
from tests.builders import make_plan

PLAN = make_plan((0.5, 256), (1.0, 256), (2.0, 256))


def test_the_time_of_a_plan_is_told_by_what_it_goes_into() -> None:
    """A size takes 141.05 s of windows, 102.2 s of waiting, 35.75 s of ramps, 23.25 s of settling and 4.96 s.

    The drift check adds 45.5 s, 10 s, 7.5 s and 2 s: 986.63 s in all, of which 468.65 s are windows.
    """
    assert describe_time(PLAN) == (
        "up to 400 users each, about 16 min in all: windows 8 min, waiting until memory lasts 5 min, "
        "ramps 2 min, settling 80 s, containers 20 s"
    )


def test_users_who_pause_for_long_need_longer_windows() -> None:
    """Five cycles of 10 s instead of 20 s, and two to settle instead of 10 s. Up to 4 s nothing changes."""
    slow, note = fit_to_pause(PLAN, 10.0)
    assert (slow.timing.window_at_least_s, slow.timing.settle_s) == (50.0, 20.0)
    assert note.startswith("users pause for 10 s between two tasks, so a window takes 50 s at least")
    usual, note = fit_to_pause(PLAN, 4.0)
    assert usual == PLAN
    assert note.startswith("longer if users think for more than a few seconds")


def test_the_soak_is_told_by_itself() -> None:
    soaking = replace(PLAN, search=replace(PLAN.search, soak_s=300.0))
    assert ", the soak at the end 5 min" in describe_time(soaking)


def test_a_plan_of_several_sizes_at_once_tells_how_long_it_takes_or_why_there_are_none() -> None:
    """Three sizes, two at once: twice 307.21 s, 120 s for the check, and 65 s for the drift check."""
    assert describe_lanes(PLAN, 2, "").startswith("about 13 min if 2 sizes at once don't disturb each other")
    assert describe_lanes(PLAN, 1, "2 cores are too few") == "one size at a time: 2 cores are too few"


def test_a_plan_without_a_size_takes_no_time() -> None:
    skipped = {cell.id: "larger than this host" for cell in PLAN.cells}
    assert describe_time(replace(PLAN, skipped=skipped)) == "up to 400 users each, about 0 s in all"


def test_a_campaign_is_resumed_or_started_anew_but_not_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["run", "matrix.yaml", "--resume", "results/latest", "--fresh"]) == 1
    assert "--resume and --fresh are mutually exclusive" in capsys.readouterr().err
