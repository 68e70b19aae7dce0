"""One campaign at a time on one engine."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.measure.docker.lock import find_lock_path, lock_engine


def test_a_second_owner_is_refused_with_the_name_of_the_first() -> None:
    name = f"engine-{os.getpid()}"
    with lock_engine(name, "campaign one"):
        with (
            pytest.raises(UsageError, match=rf"campaign one \(pid {os.getpid()}\)"),
            lock_engine(name, "two"),
        ):
            pass
        with lock_engine(f"another-{name}", "three"):
            pass


def test_a_released_lock_can_be_taken_again_and_leaves_no_file() -> None:
    name = f"released-{os.getpid()}"
    for _ in range(2):
        with lock_engine(name, "campaign"):
            assert find_lock_path(name).exists()
        assert not find_lock_path(name).exists()


def test_the_file_of_a_killed_owner_locks_nothing() -> None:
    name = f"killed-{os.getpid()}"
    find_lock_path(name).write_text("killed campaign (pid 1)\n")
    with lock_engine(name, "campaign"):
        assert "killed campaign" not in find_lock_path(name).read_text()


def test_a_lock_that_another_user_left_is_taken_though_it_can_not_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Root may write every file, so the refusal of another user's file is simulated."""
    name = f"foreign-{os.getpid()}"
    path = find_lock_path(name)
    path.write_text("killed campaign (pid 1)\n")
    open_file = os.open

    def refuse_to_write(file: Any, flags: int, *arguments: Any) -> int:
        if Path(file) == path and flags & (os.O_RDWR | os.O_CREAT):
            raise PermissionError(13, "Permission denied", str(file))
        return open_file(file, flags, *arguments)

    monkeypatch.setattr(os, "open", refuse_to_write)
    with lock_engine(name, "mine"), pytest.raises(UsageError), lock_engine(name, "second"):
        pass


def test_every_user_may_write_into_a_lock() -> None:
    name = f"shared-{os.getpid()}"
    with lock_engine(name, "mine"):
        assert find_lock_path(name).stat().st_mode & 0o777 == 0o666


def test_users_with_a_folder_of_temporary_files_each_share_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = find_lock_path("engine")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert find_lock_path("engine") == before


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_in_the_place_of_a_lock_is_refused(exists: bool, tmp_path: Path) -> None:
    """Another user may have laid it to a file of this one."""
    mine = tmp_path / "mine"
    if exists:
        mine.write_text("precious")
    name = f"linked-{exists}-{os.getpid()}"
    path = find_lock_path(name)
    path.symlink_to(mine)
    try:
        with pytest.raises(OSError, match="symbolic links"), lock_engine(name, "x"):
            pass
    finally:
        path.unlink()
    assert mine.exists() is exists
    assert not exists or mine.read_text() == "precious"
