"""Append events to a campaign's log: one JSON object per line, with a format number and the time of day."""

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import StoreError

FORMAT = 1
DISK_HINT = "free some disk space, or name a writable folder with --results"


class EventLog:
    """The file `events.jsonl`. An event is on the disk when `append` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: str, **facts: Any) -> None:
        """Append an event with its facts. Raises StoreError if the file cannot be written."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"format": FORMAT, "at": at, "event": event, **facts}, ensure_ascii=False)
        try:
            self._write((line + "\n").encode("utf-8", errors="backslashreplace"))
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}", DISK_HINT) from None

    def _write(self, data: bytes) -> None:
        """Write the whole line or nothing: an incomplete line and the next one would both be lost."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size_before = os.fstat(descriptor).st_size
            try:
                if os.write(descriptor, data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size_before)
                raise
        finally:
            os.close(descriptor)

    def read(self) -> list[dict[str, Any]]:
        """Return all events in order.

        An incomplete last line, left by a crash while writing, is ignored. Raises StoreError at other damage.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise StoreError(
                f"{self.path}: {error.strerror}", "name the folder of a campaign, such as results/latest"
            ) from None
        *lines, _incomplete = data.split(b"\n")
        return [self._parse(number, line) for number, line in enumerate(lines, start=1)]

    def remove_torn_line(self) -> None:
        """Remove an incomplete last line, so that the next event starts on a new line."""
        data = self.path.read_bytes()
        complete_size = data.rfind(b"\n") + 1
        if complete_size < len(data):
            os.truncate(self.path, complete_size)

    def _parse(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise StoreError(
                f"{self.path}:{number}: this line is not an event of a campaign",
                "restore the file, or start a new campaign",
            )
        if event.get("format") != FORMAT:
            raise StoreError(
                f"{self.path}:{number}: format {event.get('format')!r}, this harness reads {FORMAT}",
                "use the harness version that wrote it",
            )
        return event
