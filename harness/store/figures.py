"""Read what is exposed of a campaign from its folder, which is only read, and again only what has changed."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, StoreError
from harness.model import EVENTS_FILE, CampaignState
from harness.model.metrics import CampaignFigures
from harness.store.folder import CampaignFolder, CampaignLog

SUMMARY_FILE = "summary.json"
SILENT_S = 600.0
"""A campaign that has no end in its log, and has written nothing for this long, was killed."""

_FORMAT = 1
_MOST_BYTES = 16 * 1024 * 1024

_Signature = tuple[str, int, int, int]
"""What changes when a file does: its path, its inode, its size and the time of its last change."""


class FiguresReader:
    """Reads one campaign, whose path may be a link such as `results/latest` that comes to lead elsewhere.

    It may be called from any thread.
    """

    def __init__(self, path: Path, now_s: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now_s = now_s
        self._lock = threading.Lock()
        self._log: tuple[_Signature, CampaignLog] | None = None
        self._summary: tuple[_Signature, dict[str, Any]] | None = None

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
        signature = _sign(folder.path / EVENTS_FILE)
        if self._log is None or self._log[0] != signature:
            self._log = signature, folder.read_log()
        log = self._log[1]
        written_at_s = signature[3] / 1e9
        return CampaignFigures(
            folder.name,
            self._choose_state(log, written_at_s),
            str(log.started_at),
            self._read_summary(folder),
        )

    def _choose_state(self, log: CampaignLog, written_at_s: float) -> CampaignState:
        if log.state is not None:
            return log.state
        is_silent = self._now_s() - written_at_s > SILENT_S
        return CampaignState.INTERRUPTED if is_silent else CampaignState.RUNNING

    def _read_summary(self, folder: CampaignFolder) -> dict[str, Any]:
        """Return summary.json; empty before there is one. Raises StoreError if it is damaged."""
        path = folder.path / SUMMARY_FILE
        try:
            signature = _sign(path)
        except FileNotFoundError:
            return {}
        if self._summary is None or self._summary[0] != signature:
            self._summary = signature, _parse_summary(path)
        return self._summary[1]


def _sign(path: Path) -> _Signature:
    status = path.stat()
    return str(path), status.st_ino, status.st_size, status.st_mtime_ns


def _parse_summary(path: Path) -> dict[str, Any]:
    try:
        if path.is_symlink() or path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is a link, or too large")
        document = json.loads(path.read_bytes())
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']!r}, this harness reads {_FORMAT}")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(f"{path}: damaged ({error})", "`harness report` writes it again") from None
    return dict(document)
