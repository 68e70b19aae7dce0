"""Hold a campaign's folder while it is measured, so that no other process writes into it.

The lock is the kernel's (flock), on the folder itself: it is released however its owner ends, and leaves no
file.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from harness.errors import UsageError


@contextlib.contextmanager
def hold_folder(path: Path) -> Iterator[None]:
    """Hold a folder until exit. Raises UsageError if another process holds it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if not _lock(descriptor):
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
