"""Build what the live page shows from the files of a campaign, and only when it is asked for."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from harness.errors import HarnessError, StoreError
from harness.model import MIB, CampaignState, Limits, Purpose, Status
from harness.model.live import LiveCampaign, LiveComparison, LivePair, LivePoint, LiveSize, LiveStep
from harness.model.summaries import ComparisonSummary, SizeSummary, Summary
from harness.report.html.index import format_stored_bracket
from harness.report.view.text import clean_text, format_duration, format_size, format_timestamp, format_users
from harness.store import CampaignFolder, is_held, read_comparison_summary, read_summary
from harness.store.file_changes import FileCache, find_state
from harness.store.live_files import LIVE_FILE, StepFollower, read_live_campaign
from harness.store.summaries import COMPARISON_FILE, SUMMARY_FILE

REPORT_FILES = ("report.html", "ab.html")
"""The page of a campaign, and that of a comparison of two versions; a folder has one of them."""

_DOING = {
    Purpose.SEARCH: "search",
    Purpose.CONFIRM: "drift check",
    Purpose.SOAK: "soak",
    Purpose.AB: "comparison",
    Purpose.BURST: "burst",
    Purpose.LONG_SOAK: "soak",
}

_SILENT_FROM_S = 15.0
"""A step stores a point about once a second. After this time it is asked whether the harness still lives."""

_Answer = TypeVar("_Answer", Summary, ComparisonSummary)


class StateReader:
    """Reads the state of one campaign. It may be called from any thread, and does nothing in between.

    A document is read again only if its file was replaced, and of a step only what was appended.
    """

    def __init__(self, folder: CampaignFolder, now_s: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._now_s = now_s
        self._lock = threading.Lock()
        self._document = FileCache[dict[str, Any]]()
        self._limits: dict[str, Limits] = {}
        self._followers: dict[str, StepFollower] = {}

    def read(self) -> bytes:
        """Return the state as JSON. What can't be read is told in its `problem`."""
        with self._lock:
            try:
                state = self._build()
            except HarnessError as error:
                state = {"campaign": clean_text(self._folder.name), "problem": clean_text(str(error))}
        return json.dumps(state, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()

    def read_report(self) -> bytes | None:
        """Return the page that the campaign has written so far; None if there is none."""
        for name in REPORT_FILES:
            with contextlib.suppress(OSError, StoreError):
                return self._folder.locate(name).read_bytes()
        return None

    def _build(self) -> dict[str, Any]:
        folder = self._folder.path
        files = [folder / name for name in (LIVE_FILE, SUMMARY_FILE, COMPARISON_FILE)]
        document = self._document.read(files, self._read_document)
        has_report = any(find_state(folder / name) is not None for name in REPORT_FILES)
        steps, live = self._build_steps(), find_state(folder / LIVE_FILE)
        silence = {} if live is None else {"silent_s": self._count_silence_s(live.written_at_s)}
        last_s = min([*silence.values(), *(step["silent_s"] for step in steps)], default=0.0)
        was_killed = last_s > _SILENT_FROM_S and not is_held(folder)
        return {**document, "has_report": has_report, "steps": steps, **silence, "killed": was_killed}

    def _build_steps(self) -> list[dict[str, Any]]:
        steps = ((cell_id, follower.read()) for cell_id, follower in self._followers.items())
        return [self._build_step(cell_id, step) for cell_id, step in steps if step is not None]

    def _count_silence_s(self, written_at_s: float) -> float:
        return round(max(0.0, self._now_s() - written_at_s), 1)

    def _read_document(self) -> dict[str, Any]:
        live = read_live_campaign(self._folder)
        if live is not None:
            return self._show_running(live)
        if self._folder.locate(COMPARISON_FILE).is_file():
            return _show_stored_comparison(_refuse_damage(read_comparison_summary(self._folder.path)))
        if self._folder.locate(SUMMARY_FILE).is_file():
            return self._show_stored(_refuse_damage(read_summary(self._folder.path)))
        return {"campaign": clean_text(self._folder.name), "state": "", "sizes": [], "verdicts": []}

    def _show_running(self, live: LiveCampaign) -> dict[str, Any]:
        sizes = {size.id: format_size(size.limits) for size in live.sizes}
        self._follow({size.id: size.limits for size in live.sizes})
        compared = {} if live.comparison is None else {"comparison": _show_comparison(live.comparison)}
        return {
            **compared,
            "campaign": clean_text(live.campaign),
            "target": clean_text(live.target),
            "state": CampaignState.RUNNING.value,
            "started_at": format_timestamp(live.started_at),
            "users_limit": live.users_limit,
            "p95_limit_s": live.p95_limit_s,
            "sizes": [_show_size(size) for size in live.sizes],
            "verdicts": [
                {
                    "size": sizes.get(verdict.cell, clean_text(verdict.cell)),
                    "text": clean_text(verdict.text),
                    "verdict": verdict.verdict,
                }
                for verdict in live.verdicts
            ],
        }

    def _show_stored(self, summary: Summary) -> dict[str, Any]:
        limits = {size.id: size.limits for size in summary.sizes}
        self._follow(limits)
        take = limits.get(summary.take) if summary.take is not None else None
        return {
            "campaign": clean_text(summary.campaign),
            "target": clean_text(summary.target),
            "state": clean_text(summary.state),
            "users_limit": summary.users_limit,
            "take": None if take is None else format_size(take),
            "sizes": [_show_stored_size(size) for size in summary.sizes],
            "verdicts": [],
        }

    def _follow(self, limits: dict[str, Limits]) -> None:
        """Follow the steps of these cells; those that are followed already go on."""
        self._limits = limits
        self._followers = {
            cell_id: self._followers.get(cell_id) or StepFollower(self._folder, cell_id)
            for cell_id in limits
            if cell_id
        }

    def _build_step(self, cell_id: str, step: LiveStep) -> dict[str, Any]:
        head, limits, silent_s = step.head, self._limits[cell_id], self._count_silence_s(step.written_at_s)
        return {
            "id": clean_text(cell_id),
            "size": format_size(limits),
            "doing": _describe_doing(step, silent_s),
            "users": head.users,
            "cores_limit": limits.total_cores,
            "memory_limit_mib": round(limits.memory_bytes / MIB, 1),
            "silent_s": silent_s,
            **_show_points(_add_last(step)),
        }


def _refuse_damage(stored: _Answer) -> _Answer:
    """Return a stored answer. Raises StoreError if it can't be read."""
    if stored.damage:
        raise StoreError(stored.damage, "`harness report` writes it again")
    return stored


def _show_comparison(comparison: LiveComparison) -> dict[str, Any]:
    return {
        "title": clean_text(comparison.title),
        "answer": clean_text(comparison.answer),
        "pairs": [_show_pair(pair) for pair in comparison.pairs],
    }


def _show_pair(pair: LivePair) -> dict[str, Any]:
    texts = {"base": pair.base, "head": pair.head, "change": pair.change, "meaning": pair.meaning}
    return {"number": pair.number, **{name: clean_text(each) for name, each in texts.items()}}


def _show_stored_comparison(stored: ComparisonSummary) -> dict[str, Any]:
    """Return a comparison that is over, or was interrupted; its page has the pairs."""
    held = f"{format_size(stored.limits)} with {format_users(stored.users)}"
    title = f"base {stored.base} and head {stored.head} at {held}"
    state = CampaignState.COMPLETE if stored.is_over else CampaignState.INTERRUPTED
    return {
        "campaign": clean_text(stored.campaign),
        "target": clean_text(stored.target or stored.campaign),
        "state": state.value,
        "comparison": _show_comparison(LiveComparison(title, stored.sentence)),
        "sizes": [],
        "verdicts": [],
    }


def _describe_doing(step: LiveStep, silent_s: float) -> str:
    """Return a text such as "search: window at 182 users, 34 s since the step began"."""
    head, last = step.head, step.last
    if head.users is None:
        return f"starting a fresh container, for {format_duration(silent_s)}"
    what, users = _DOING[head.purpose], format_users(head.users)
    if last is None:
        return f"{what}: {users} begin to arrive"
    return f"{what}: {clean_text(last.phase)} at {users}, {format_duration(last.at_s)} since the step began"


def _add_last(step: LiveStep) -> Sequence[LivePoint]:
    """Return the points with the newest one, which a long step may have left out."""
    is_shown = step.last is None or (step.points and step.points[-1] is step.last)
    return step.points if is_shown or step.last is None else (*step.points, step.last)


def _show_points(points: Sequence[LivePoint]) -> dict[str, Any]:
    """Return the columns of a step; a response time of seconds, memory in MiB."""
    return {
        "at_s": [round(point.at_s, 1) for point in points],
        "phase": [clean_text(point.phase) for point in points],
        "active_users": [point.users for point in points],
        "in_flight": [point.in_flight for point in points],
        "rps": [_shorten(point.rps) for point in points],
        "errors_ps": [_shorten(point.errors_ps) for point in points],
        "p50_s": [_shorten(point.p50_s) for point in points],
        "p95_s": [_shorten(point.p95_s) for point in points],
        "cpu_cores": [_shorten(point.cpu_cores) for point in points],
        "memory_mib": [_shorten(_to_mib(point.memory_bytes)) for point in points],
    }


def _shorten(value: float | None) -> float | None:
    """Return the value with four significant digits: the page draws no more."""
    return None if value is None else float(f"{value:.4g}")


def _to_mib(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else size_bytes / MIB


def _show_size(size: LiveSize) -> dict[str, Any]:
    return {
        "id": clean_text(size.id),
        "size": format_size(size.limits),
        "status": size.status.value,
        "sustained_users": size.sustained_users,
        "broken_users": size.broken_users,
        "outcome": clean_text(size.outcome),
        "steps": size.steps,
    }


def _show_stored_size(size: SizeSummary) -> dict[str, Any]:
    """Return a size of a campaign that is over: the ends of its bracket are its only steps."""
    ends = ((size.sustained_users, "PASS"), (size.broken_users, "FAIL"))
    is_measured = size.status not in (Status.INFERRED, Status.SKIPPED)
    bracket, evidence = format_stored_bracket(size), clean_text(size.evidence)
    return {
        "id": clean_text(size.id),
        "size": format_size(size.limits),
        "status": clean_text(size.status),
        "sustained_users": size.sustained_users,
        "broken_users": size.broken_users,
        "outcome": f"{bracket} — {evidence}" if evidence else bracket,
        "steps": [[users, verdict] for users, verdict in ends if users is not None and is_measured],
    }
