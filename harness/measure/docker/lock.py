"""One campaign at a time on one engine: two at once would lie about each other.

The lock is the kernel's (flock): it is gone with its owner, however that one ended. The file only says who
it was.
"""

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from harness.errors import UsageError


@contextlib.contextmanager
def engine_lock(engine_id: str, purpose: str) -> Iterator[None]:
    """Hold the lock of an engine. Raises UsageError, naming the owner, when somebody else has it."""
    path = lock_path(engine_id)
    with _locked(path) as file:
        file.truncate(0)
        file.write(f"{purpose} (pid {os.getpid()})\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[TextIO]:
    while True:
        with path.open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise _taken(file) from None
            if _is_still(path, file):
                yield file
                return


def _taken(file: TextIO) -> UsageError:
    file.seek(0)
    return UsageError(
        f"another harness is at work on this engine: {file.read().strip() or 'it does not say who'}",
        "wait until it is done, or end it: sizes measured side by side would lie about each other",
    )


def _is_still(path: Path, file: TextIO) -> bool:
    """Whether the file that we locked is the one that others will find: its last owner removes it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def lock_path(engine_id: str) -> Path:
    """Of one name for everybody on this machine who talks to that engine."""
    name = hashlib.sha256(engine_id.encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"capacity-harness-{name}.lock"
