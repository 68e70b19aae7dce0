"""Find the half-written files that killed campaigns left in a folder of results, and remove them."""

import os
from collections.abc import Iterator
from pathlib import Path

from harness.store.folder import LATEST
from harness.store.folder_lock import is_held


def remove_partial_files(results: Path) -> list[Path]:
    """Remove the half-written files that killed campaigns left, and return their paths.

    Only folders of campaigns are looked into, because `results` may hold files of other programs, and only
    those that no process measures. Links are removed, not followed.
    """
    partial_files = [path for path in _list_partial_files(results) if path.is_symlink() or path.is_file()]
    for path in partial_files:
        path.unlink(missing_ok=True)
    return partial_files


def _list_partial_files(results: Path) -> Iterator[Path]:
    yield from sorted(results.glob(f".{LATEST}*.part"))
    for campaign in _list_folders(results):
        cells = campaign / "cells"
        if cells in _list_folders(campaign) and not is_held(campaign):
            for folder in (campaign, *_list_folders(cells)):
                yield from sorted(folder.glob("*.part"))


def _list_folders(path: Path) -> list[Path]:
    """Return the folders in a folder, without links; none if it can't be read."""
    try:
        with os.scandir(path) as entries:
            return sorted(Path(each.path) for each in entries if each.is_dir(follow_symlinks=False))
    except OSError:
        return []
