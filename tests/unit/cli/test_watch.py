"""`harness watch` serves the page of a campaign until it is interrupted."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.unit.pages import ROOT
from tests.unit.watch.live_campaign import StoredCampaign


def start(campaign: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness", "watch", str(campaign)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_another_process_shows_a_campaign_until_it_is_interrupted(tmp_path: Path) -> None:
    stored = StoredCampaign(tmp_path)
    stored.start_step()
    stored.add_points(1, 2)
    with start(stored.folder.path) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert address, line
        with urllib.request.urlopen(f"{address[0]}state.json", timeout=10) as answer:
            state = json.load(answer)
        running.send_signal(signal.SIGINT)
        rest, _ = running.communicate(timeout=30)
    assert [step["at_s"] for step in state["steps"]] == [[1, 2]]
    assert (running.returncode, rest) == (0, "")
