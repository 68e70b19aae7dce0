"""A running campaign of two sizes, stored as it stores itself, without measuring anything."""

import json
from dataclasses import replace
from pathlib import Path

from harness.model import MIB, Fingerprint, Limits, Purpose, Status, Verdict
from harness.model.live import (
    LiveCampaign,
    LiveComparison,
    LiveHead,
    LivePair,
    LivePoint,
    LiveSize,
    LiveVerdict,
)
from harness.store import CampaignFolder
from harness.store.live_files import LiveWriter

SMALL, LARGE = "web-c0.50-m256", "web-c1.00-m256"
LIMITS = {SMALL: Limits(0.5, 256 * MIB), LARGE: Limits(1.0, 256 * MIB)}


def make_campaign(
    outcome: str = "sustains 184, breaks at 200: 8.7 % apart", target: str = "web"
) -> LiveCampaign:
    """Make a campaign whose small size has passed 10 and 184 users and failed 200; the large one waits."""
    steps = ((10, Verdict.PASS), (200, Verdict.FAIL), (184, Verdict.PASS))
    return LiveCampaign(
        campaign="one",
        target=target,
        started_at="2026-11-26T12:00:00.250+00:00",
        users_limit=400,
        p95_limit_s=1.0,
        sizes=(
            LiveSize(SMALL, LIMITS[SMALL], Status.RUNNING, 184, 200, outcome, steps),
            LiveSize(LARGE, LIMITS[LARGE], Status.RUNNING, outcome="waiting"),
        ),
        verdicts=(LiveVerdict(SMALL, "184 users PASS: p95 0.61 s ≤ 1 s (RPS 61)", Verdict.PASS),),
    )


def make_comparison(
    title: str = "base web:1 and head web:2 at 0.5 CPU / 256 MiB with 120 users",
) -> LiveCampaign:
    """Make a comparison of two pairs, of which the second one is left out."""
    limits = replace(LIMITS[SMALL], variant="base")
    pairs = (
        LivePair(1, "4.02 ms", "4.33 ms", "+7.7 %", "counts"),
        LivePair(2, "4.05 ms", "–", "–", "left out"),
    )
    answer = "Undecided: 1 pair of windows can't tell anything yet."
    return replace(
        make_campaign(),
        sizes=(LiveSize(SMALL, limits, Status.RUNNING),),
        verdicts=(),
        comparison=LiveComparison(title, answer, pairs),
    )


def make_point(at_s: float, phase: str = "window", users: int = 190) -> LivePoint:
    """Make a point of a step, at which everything is the same at all times but for the response time."""
    return LivePoint(at_s, phase, users, 12, 63.5, 0.0, 0.1, 0.5 + at_s / 100, 0.45, 64 * MIB)


class StoredCampaign:
    """A campaign's folder with the files of a running campaign, which a test can let go on."""

    def __init__(self, results: Path, campaign: LiveCampaign | None = None) -> None:
        self.folder = CampaignFolder.create(results, "one", {"plan": 1}, Fingerprint())
        self.writer = LiveWriter(self.folder, LIMITS)
        self.writer.write_campaign(campaign or make_campaign())

    def start_step(self, users: int = 190, purpose: Purpose = Purpose.SEARCH, second: int = 0) -> None:
        self.writer.start_step(SMALL, LiveHead(f"2026-11-26T12:10:{second:02d}", users, purpose))

    def add_points(self, *at_s: float, phase: str = "window") -> None:
        for second in at_s:
            self.writer.add_point(SMALL, make_point(second, phase))

    def finish(self, take: str | None = SMALL) -> None:
        """End the campaign: its live files are replaced by its answer."""
        size = {"cpu_cores": 0.5, "memory_bytes": 256 * MIB, "replicas": 1, "status": "bracketed"}
        ends = {"sustained_users": 184, "broken_users": 192, "evidence": "its CPU quota is used up"}
        summary = {"format": 1, "campaign": "one", "target": "web", "state": "complete", "users_limit": 400}
        summary |= {"cells": [{"id": SMALL, **size, **ends}], "take": take and {"cell": take}}
        (self.folder.path / "summary.json").write_text(json.dumps(summary))
        (self.folder.path / "report.html").write_text("<title>The report</title><p>all of it</p>")
        self.writer.close()

    def finish_comparison(self, *, is_over: bool = True, **changes: str) -> None:
        """End the comparison: its live files are replaced by its answer."""
        size = {"cpu_cores": 0.5, "memory_bytes": 256 * MIB, "replicas": 1, "users": 120}
        answer = {"format": 1, "target": "web", "base": "web:1", "head": "web:2", **size, "over": is_over}
        answer |= {"sentence": "The head needs 7.1 % more CPU time per request.", **changes}
        (self.folder.path / "ab.json").write_text(json.dumps(answer))
        (self.folder.path / "ab.html").write_text("<title>Two versions</title>")
        self.writer.close()
