"""Read what is exposed of a campaign from its folder, which is only read, and again only what has changed."""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, StoreError
from harness.model import EVENTS_FILE, CampaignState
from harness.model.live import LiveCampaign, LiveStep
from harness.model.metrics import CampaignFigures
from harness.store.file_changes import FileCache, find_state
from harness.store.folder import SAFE_NAME, CampaignFolder, CampaignLog
from harness.store.folder_lock import is_held
from harness.store.live_files import LIVE_FILE, StepFollower, read_live_campaign
from harness.store.summaries import SUMMARY_FILE, load_document

SILENT_S = 600.0
"""A campaign that has no end in its log, has written nothing for this long and is not held, was killed."""
STALE_STEP_S = 30.0
"""A step in progress is written about once a second; one that has not been for this long is over."""


class FiguresReader:
    """Reads one campaign, whose path may be a link such as `results/latest` that comes to lead elsewhere.

    It may be called from any thread.
    """

    def __init__(self, path: Path, now_s: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now_s = now_s
        self._lock = threading.Lock()
        self._log = FileCache[CampaignLog]()
        self._summary = FileCache[dict[str, Any]]()
        self._live = FileCache[LiveCampaign | None]()
        self._followers: dict[tuple[Path, str], StepFollower] = {}

    def find_folder(self) -> CampaignFolder:
        """Return the folder to which the path leads now. Raises UsageError if it is no campaign's."""
        return CampaignFolder.open(self._path)

    def read(self) -> CampaignFigures:
        """Return what the folder tells now; why it can't be read is told as its `problem`."""
        with self._lock:
            try:
                return self._read(self.find_folder())
            except (HarnessError, OSError) as error:
                return CampaignFigures(self._path.resolve().name, problem=str(error))

    def _read(self, folder: CampaignFolder) -> CampaignFigures:
        events, summary_file, live_file = (
            folder.path / name for name in (EVENTS_FILE, SUMMARY_FILE, LIVE_FILE)
        )
        log = self._log.read([events], folder.read_log)
        summary = self._summary.read([summary_file], lambda: _load_summary(summary_file))
        live = self._live.read([live_file], lambda: read_live_campaign(folder))
        steps = self._read_steps(folder, _list_ids(summary, live))
        written_at_s = [step.written_at_s for step in steps.values()]
        written_at_s += [file.written_at_s for path in (events, live_file) if (file := find_state(path))]
        state = self._choose_state(folder, log, max(written_at_s, default=0.0))
        return CampaignFigures(
            folder.name, state, str(log.started_at), summary, live=live, steps=self._drop_stale(steps)
        )

    def _choose_state(self, folder: CampaignFolder, log: CampaignLog, written_at_s: float) -> CampaignState:
        if log.state is not None:
            return log.state
        is_silent = self._now_s() - written_at_s > SILENT_S
        was_killed = is_silent and not is_held(folder.path)
        return CampaignState.INTERRUPTED if was_killed else CampaignState.RUNNING

    def _read_steps(self, folder: CampaignFolder, cell_ids: Iterable[str]) -> dict[str, LiveStep]:
        """Return the steps in progress of these cells; of each only what was appended is read."""
        keys = [(folder.path, cell_id) for cell_id in cell_ids]
        self._followers = {key: self._followers.get(key) or StepFollower(folder, key[1]) for key in keys}
        steps = {cell_id: follower.read() for (_, cell_id), follower in self._followers.items()}
        return {cell_id: step for cell_id, step in steps.items() if step is not None}

    def _drop_stale(self, steps: dict[str, LiveStep]) -> dict[str, LiveStep]:
        """Leave out what a killed campaign has left; the start of a container writes nothing for long."""
        now_s = self._now_s()
        return {
            cell_id: step
            for cell_id, step in steps.items()
            if now_s - step.written_at_s <= (SILENT_S if step.last is None else STALE_STEP_S)
        }


def _list_ids(summary: dict[str, Any], live: LiveCampaign | None) -> list[str]:
    """Return the ids of the cells that may hold a step: of a running campaign, and of a trial after it."""
    cells = summary.get("cells")
    found = [cell.get("id") for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []
    found += [size.id for size in live.sizes] if live is not None else []
    return list(dict.fromkeys(each for each in found if isinstance(each, str) and SAFE_NAME.fullmatch(each)))


def _load_summary(path: Path) -> dict[str, Any]:
    """Return summary.json; empty before there is one. Raises StoreError if it is damaged."""
    if find_state(path) is None:
        return {}
    try:
        return dict(load_document(path))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(f"{path}: damaged ({error})", "`harness report` writes it again") from None
