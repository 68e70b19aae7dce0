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

SHARED_FOLDER = Path("/tmp")


@contextlib.contextmanager
def lock_engine(engine_id: str, purpose: str) -> Iterator[None]:
    """Hold the lock of an engine. Raises UsageError, naming the owner, if another process holds it."""
    path = find_lock_path(engine_id)
    with _lock_file(path) as file:
        _write_owner(file, f"{purpose} (pid {os.getpid()})\n")
        try:
            yield
        finally:
            _write_owner(file, "")
            with contextlib.suppress(OSError):  # only its owner may remove a file of the shared folder
                path.unlink()


def _write_owner(file: TextIO, text: str) -> None:
    """Replace the file's content, which is there for people, if this user may."""
    if file.writable():
        file.truncate(0)
        file.write(text)
        file.flush()


@contextlib.contextmanager
def _lock_file(path: Path) -> Iterator[TextIO]:
    while True:
        with _open_lock(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise _build_refusal(file) from None
            if _is_current(path, file):
                yield file
                return


def _open_lock(path: Path) -> TextIO:
    """Open the lock file, whichever user of this machine has created it; create it if there is none.

    It is created by a call of its own, because Linux may refuse to open another user's file in a shared
    folder by a call that could create it (`fs.protected_regular`). A file that is read only can be locked.
    A link is refused: it would lead to a file of somebody else.
    """
    while True:
        with contextlib.suppress(FileNotFoundError):
            try:
                opened = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
                return os.fdopen(opened, "a+", encoding="utf-8")
            except PermissionError:
                return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8")
        with contextlib.suppress(FileExistsError):
            created = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL)
            os.fchmod(created, 0o666)
            return os.fdopen(created, "a+", encoding="utf-8")


def _build_refusal(file: TextIO) -> UsageError:
    file.seek(0)
    owner = "".join(filter(str.isprintable, file.read(200))).strip()
    return UsageError(
        f"another harness is measuring on this engine: {owner or 'unknown owner'}",
        "wait until it is done, or stop it: two campaigns at once would falsify each other's figures",
    )


def _is_current(path: Path, file: TextIO) -> bool:
    """Return True if others will open the locked file too: its last owner may have removed it meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def find_lock_path(engine_id: str) -> Path:
    """Return the lock file of an engine, the same for every user of this machine, whatever TMPDIR says."""
    name = hashlib.sha256(engine_id.encode()).hexdigest()[:12]
    is_usable = os.access(SHARED_FOLDER, os.W_OK | os.X_OK)
    folder = SHARED_FOLDER if is_usable else Path(tempfile.gettempdir())
    return folder / f"capacity-harness-{name}.lock"
