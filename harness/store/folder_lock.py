"""Hold a campaign's folder while it is measured, so that no other process writes into it.

The lock is the kernel's (flock), on the folder itself: it is released however its owner ends, and leaves no
file.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from harness.errors import UsageError

_TRIES, _BETWEEN_TRIES_S = 5, 0.02


@contextlib.contextmanager
def hold_folder(path: Path) -> Iterator[None]:
    """Hold a folder until exit. Raises UsageError if another process holds it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if not _lock_soon(descriptor):
            raise UsageError(
                f"{path}: another harness is measuring this campaign",
                "wait until it is done, or run with --fresh for a campaign of its own",
            )
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return True if a process holds the folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock_soon(descriptor: int) -> bool:
    """Lock as `_lock` does; try again for a moment, because `is_held` of another process locks for one."""
    for _ in range(_TRIES):
        if _lock(descriptor):
            return True
        time.sleep(_BETWEEN_TRIES_S)
    return False


def _lock(descriptor: int) -> bool:
    """Lock what the descriptor is of until it is closed; return False if another one has locked it.

    A file system that knows no locks, as some of networks, lets everybody have it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
