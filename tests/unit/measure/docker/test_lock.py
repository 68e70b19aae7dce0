"""One campaign at a time on one engine."""

import os

import pytest

from harness.errors import UsageError
from harness.measure.docker.lock import engine_lock, lock_path


def test_a_second_owner_is_refused_and_told_who_the_first_is() -> None:
    name = f"engine-{os.getpid()}"
    with engine_lock(name, "campaign one"):
        with (
            pytest.raises(UsageError, match=rf"campaign one \(pid {os.getpid()}\)"),
            engine_lock(name, "two"),
        ):
            pass
        with engine_lock(f"another-{name}", "three"):
            pass


def test_a_released_lock_can_be_taken_again_and_leaves_no_file() -> None:
    name = f"released-{os.getpid()}"
    for _ in range(2):
        with engine_lock(name, "campaign"):
            assert lock_path(name).exists()
        assert not lock_path(name).exists()


def test_a_file_left_by_a_killed_owner_is_no_lock() -> None:
    name = f"killed-{os.getpid()}"
    lock_path(name).write_text("campaign of the dead (pid 1)\n")
    with engine_lock(name, "campaign"):
        assert "of the dead" not in lock_path(name).read_text()
