"""Lock an engine: one campaign at a time, because two at once would falsify each other's figures.

The lock is the kernel's (flock), so it is released however its owner ends. The file's content only names the
owner.
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
def lock_engine(engine_id: str, purpose: str) -> Iterator[None]:
    """Hold the lock of an engine. Raises UsageError, naming the owner, if another process holds it."""
    path = find_lock_path(engine_id)
    with _lock_file(path) as file:
        file.truncate(0)
        file.write(f"{purpose} (pid {os.getpid()})\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _lock_file(path: Path) -> Iterator[TextIO]:
    while True:
        with path.open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise _build_refusal(file) from None
            if _is_current(path, file):
                yield file
                return


def _build_refusal(file: TextIO) -> UsageError:
    file.seek(0)
    return UsageError(
        f"another harness is measuring on this engine: {file.read().strip() or 'unknown owner'}",
        "wait until it is done, or stop it: two campaigns at once would falsify each other's figures",
    )


def _is_current(path: Path, file: TextIO) -> bool:
    """Return True if others will open the locked file too: its last owner may have removed it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def find_lock_path(engine_id: str) -> Path:
    """Return the lock file of an engine, the same for every user of this machine."""
    name = hashlib.sha256(engine_id.encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"capacity-harness-{name}.lock"
