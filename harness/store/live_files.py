"""Write what a running campaign shows of itself, and follow it from another process, which only reads.

`live.json` holds the searches so far, or the pairs of a comparison, and is replaced as a whole after each
verdict or pair. `cells/<cell>/step.part` is the step in progress: a line that says what is held, then a line
about once a second. Both are removed when the campaign ends, and no answer depends on them.
"""

import contextlib
import json
import os
import stat
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.model import Limits, Purpose, Status, Verdict
from harness.model.live import (
    LiveCampaign,
    LiveComparison,
    LiveHead,
    LivePair,
    LivePoint,
    LiveSize,
    LiveStep,
    LiveVerdict,
)
from harness.store.folder import CampaignFolder
from harness.store.json_values import (
    parse_count,
    parse_number,
    parse_optional_count,
    parse_optional_number,
    parse_optional_text,
    parse_text,
)

LIVE_FILE = "live.json"
_FORMAT = 1
_DECIMALS = 5
_MOST_BYTES = 16 * 1024 * 1024
_MOST_HEAD_BYTES = 4096
_CHUNK_BYTES = 1024 * 1024
_MEASURED = ("rps", "errors_ps", "p50_s", "p95_s", "cpu_cores")
_MOST_POINTS = 360
"""A longer step is shown by every second of its points, then by every fourth, and so on."""


class LiveWriter:
    """Writes the live files of a campaign with these cells. A disk that is full ends no measurement."""

    def __init__(self, folder: CampaignFolder, cell_ids: Iterable[str]) -> None:
        self._folder = folder
        self._cell_ids = tuple(cell_ids)

    def write_campaign(self, campaign: LiveCampaign) -> None:
        """Replace what is known of the searches, or of the pairs."""
        document = {"format": _FORMAT, **asdict(campaign)}
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        with contextlib.suppress(StoreError):
            self._folder.write_reports({LIVE_FILE: text + "\n"})

    def start_step(self, cell_id: str, head: LiveHead) -> None:
        """Begin the cell's file anew, for a step or for the start of a container."""
        with contextlib.suppress(OSError, StoreError):
            path = self._folder.locate(_name_step(cell_id))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            _append_line(path, {"format": _FORMAT, **asdict(head)}, os.O_CREAT | os.O_EXCL)

    def add_point(self, cell_id: str, point: LivePoint) -> None:
        """Append a point to the cell's step, without waiting until it is on the disk."""
        values = {name: _round(value) for name, value in asdict(point).items() if value is not None}
        with contextlib.suppress(OSError, StoreError):
            _append_line(self._folder.locate(_name_step(cell_id)), values)

    def end_step(self, cell_id: str) -> None:
        """Remove the cell's step, whose facts are stored by now."""
        with contextlib.suppress(OSError, StoreError):
            self._folder.locate(_name_step(cell_id)).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove everything: the campaign has ended, and its reports say more."""
        for cell_id in self._cell_ids:
            self.end_step(cell_id)
        with contextlib.suppress(OSError, StoreError):
            self._folder.locate(LIVE_FILE).unlink(missing_ok=True)


def _name_step(cell_id: str) -> str:
    return f"cells/{cell_id}/step.part"


def _append_line(path: Path, values: dict[str, Any], more_flags: int = 0) -> None:
    line = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | more_flags, 0o644)
    try:
        os.write(descriptor, line.encode("utf-8", errors="backslashreplace"))
    finally:
        os.close(descriptor)


def _round(value: Any) -> Any:
    return round(value, _DECIMALS) if isinstance(value, float) else value


def read_live_campaign(folder: CampaignFolder) -> LiveCampaign | None:
    """Read the searches or pairs so far; None if no campaign runs. Raises StoreError if they are damaged."""
    path = folder.locate(LIVE_FILE)
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        return _parse_campaign(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(f"{path}: damaged ({type(error).__name__}: {error})", "remove this file") from None


def _parse_campaign(document: dict[str, Any]) -> LiveCampaign:
    if document["format"] != _FORMAT:
        raise ValueError(f"format {document['format']!r}, this harness reads {_FORMAT}")
    return LiveCampaign(
        campaign=parse_text(document["campaign"]),
        target=parse_text(document["target"]),
        started_at=parse_text(document["started_at"]),
        users_limit=parse_count(document["users_limit"]),
        p95_limit_s=parse_optional_number(document["p95_limit_s"]),
        sizes=tuple(_parse_size(size) for size in document["sizes"]),
        verdicts=tuple(_parse_verdict(verdict) for verdict in document["verdicts"]),
        comparison=_parse_comparison(document.get("comparison")),
    )


def _parse_size(size: dict[str, Any]) -> LiveSize:
    limits = size["limits"]
    return LiveSize(
        id=parse_text(size["id"]),
        limits=Limits(
            parse_number(limits["cpu_cores"]),
            parse_count(limits["memory_bytes"]),
            parse_count(limits["replicas"]),
            parse_optional_text(limits["variant"]),
        ),
        status=Status(size["status"]),
        sustained_users=parse_optional_count(size["sustained_users"]),
        broken_users=parse_optional_count(size["broken_users"]),
        outcome=parse_text(size["outcome"]),
        steps=tuple((parse_count(users), Verdict(verdict)) for users, verdict in size["steps"]),
    )


def _parse_verdict(stored: dict[str, Any]) -> LiveVerdict:
    verdict = None if stored["verdict"] is None else Verdict(stored["verdict"])
    return LiveVerdict(parse_text(stored["cell"]), parse_text(stored["text"]), verdict)


def _parse_comparison(stored: dict[str, Any] | None) -> LiveComparison | None:
    if stored is None:
        return None
    pairs = tuple(
        LivePair(
            parse_count(pair["number"]),
            *(parse_text(pair[name]) for name in ("base", "head", "change", "meaning")),
        )
        for pair in stored["pairs"]
    )
    return LiveComparison(parse_text(stored["title"]), parse_text(stored["answer"]), pairs)


class StepFollower:
    """Follows the step in progress of one cell: each look reads only what was appended since the last one."""

    def __init__(self, folder: CampaignFolder, cell_id: str) -> None:
        self._path = folder.locate(_name_step(cell_id))
        self._forget()

    def _forget(self) -> None:
        self._first_line = b""
        self._offset = 0
        self._head: LiveHead | None = None
        self._points: list[LivePoint] = []
        self._last: LivePoint | None = None
        self._count, self._stride = 0, 1

    def read(self) -> LiveStep | None:
        """Return the step with its points so far, without damaged lines; None while nothing is held."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            self._forget()
            return None
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                self._follow(descriptor, status.st_size)
        finally:
            os.close(descriptor)
        if self._head is None:
            return None
        return LiveStep(self._head, tuple(self._points), self._last, status.st_mtime)

    def _follow(self, descriptor: int, size_bytes: int) -> None:
        """Read on from where the last look ended, or from the begin if it is another step by now."""
        start = os.pread(descriptor, _MOST_HEAD_BYTES, 0)
        first_line = start[: start.find(b"\n") + 1]
        if first_line != self._first_line or size_bytes < self._offset:
            self._forget()
            self._first_line, self._offset = first_line, len(first_line)
            self._head = _parse_head(first_line)
        while chunk := os.pread(descriptor, _CHUNK_BYTES, self._offset):
            whole_bytes = chunk.rfind(b"\n") + 1
            if not whole_bytes:
                return
            self._offset += whole_bytes
            for line in chunk[:whole_bytes].splitlines():
                if (point := _parse_point(line)) is not None:
                    self._add(point)

    def _add(self, point: LivePoint) -> None:
        """Add a point. A step that is held again begins at zero, and what was before is dropped."""
        if self._last is not None and point.at_s < self._last.at_s:
            self._points, self._count, self._stride = [], 0, 1
        self._last = point
        if self._count % self._stride == 0:
            self._points.append(point)
        self._count += 1
        if len(self._points) > _MOST_POINTS:
            self._points, self._stride = self._points[::2], 2 * self._stride


def _parse_head(line: bytes) -> LiveHead | None:
    """Return what the first line of a step says; None if it is not whole, or damaged."""
    try:
        values = json.loads(line)
        if values["format"] != _FORMAT:
            return None
        started_at, users = parse_text(values["started_at"]), parse_optional_count(values["users"])
        return LiveHead(started_at, users, Purpose(values["purpose"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _parse_point(line: bytes) -> LivePoint | None:
    """Return a point; None if the line is damaged."""
    try:
        values = json.loads(line)
        return LivePoint(
            at_s=parse_number(values["at_s"]),
            phase=parse_text(values["phase"]),
            users=parse_count(values["users"]),
            in_flight=parse_count(values["in_flight"]),
            memory_bytes=parse_optional_count(values.get("memory_bytes")),
            **{name: parse_optional_number(values.get(name)) for name in _MEASURED},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
