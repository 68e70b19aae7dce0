"""The append-only log: one JSON object a line, each with its format number and the wall-clock time."""

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import StoreError

FORMAT = 1


class Log:
    """`events.jsonl`. An append is on the disk when it returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: str, **facts: Any) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"format": FORMAT, "at": at, "event": event, **facts}, ensure_ascii=False)
        try:
            self._write((line + "\n").encode("utf-8", errors="backslashreplace"))
        except OSError as error:
            raise StoreError(
                f"{self.path}: {error.strerror}", "make room, or go on where one can write"
            ) from None

    def _write(self, data: bytes) -> None:
        """All of it or nothing: a line torn by a full disk would take the next one along."""
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
        """All events in order.

        A torn last line (a crash while writing) is left out; other damage raises StoreError.
        """
        try:
            text = self.path.read_bytes()
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}", "is this a campaign's folder?") from None
        *lines, torn = text.split(b"\n")
        del torn
        return [self._parse(number, line) for number, line in enumerate(lines, start=1)]

    def heal(self) -> None:
        """Cut off a torn last line, so that the next append begins a line of its own."""
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
                f"{self.path}:{number}: not an event of ours", "restore the file, or start a new campaign"
            )
        if event.get("format") != FORMAT:
            raise StoreError(
                f"{self.path}:{number}: format {event.get('format')!r}, this harness reads {FORMAT}",
                "use the harness version that wrote it",
            )
        return event
