"""Tell whether files have changed since they were read, so that nothing is read twice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class FileState:
    """What becomes another one when a file is written, is replaced, or lies in another folder."""

    path: Path
    inode: int
    size_bytes: int
    written_at_ns: int

    @property
    def written_at_s(self) -> float:
        """When it was written last, in seconds since the epoch."""
        return self.written_at_ns / 1e9


def find_state(path: Path) -> FileState | None:
    """Return the state of a file; None if there is none, or if it is out of reach."""
    try:
        status = path.stat()
    except OSError:
        return None
    return FileState(path, status.st_ino, status.st_size, status.st_mtime_ns)


class FileCache(Generic[_T]):
    """What was read from files, which is read again only if one of them has changed."""

    def __init__(self) -> None:
        self._kept: tuple[Sequence[FileState | None], _T] | None = None

    def read(self, paths: Sequence[Path], load: Callable[[], _T]) -> _T:
        """Return what `load` reads from these files. What it raises is raised, and is not kept."""
        states = [find_state(path) for path in paths]
        if self._kept is None or self._kept[0] != states:
            self._kept = states, load()
        return self._kept[1]
