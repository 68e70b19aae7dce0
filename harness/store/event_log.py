"""Append events to a campaign's log: one JSON object a line, with its format number and wall-clock time."""

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
    """The file `events.jsonl`. An append is on the disk when it returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: str, **facts: Any) -> None:
        """Append an event with its facts. Raises StoreError if the disk is full or not writable."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"format": FORMAT, "at": at, "event": event, **facts}, ensure_ascii=False)
        try:
            self._write((line + "\n").encode("utf-8", errors="backslashreplace"))
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}", DISK_HINT) from None

    def _write(self, data: bytes) -> None:
        """Write all of the line or nothing: the next line would be joined to a torn one and be lost, too."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            before = os.fstat(descriptor).st_size
            try:
                if os.write(descriptor, data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)

    def read(self) -> list[dict[str, Any]]:
        """Return all events in order.

        A torn last line, left by a crash while writing, is ignored; other damage raises StoreError.
        """
        try:
            text = self.path.read_bytes()
        except OSError as error:
            raise StoreError(
                f"{self.path}: {error.strerror}", "name the folder of a campaign, such as results/latest"
            ) from None
        *lines, _torn = text.split(b"\n")
        return [self._parse(number, line) for number, line in enumerate(lines, start=1)]

    def remove_torn_line(self) -> None:
        """Remove a torn last line, so that the next append starts a line of its own."""
        text = self.path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            os.truncate(self.path, whole)

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
