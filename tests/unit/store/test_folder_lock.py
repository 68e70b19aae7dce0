"""One process at a time measures into a campaign's folder."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.model import CampaignState, Fingerprint
from harness.store import CampaignFolder, hold_folder, is_held, remove_partial_files


def test_a_held_folder_is_refused_to_others_until_it_is_released(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    with hold_folder(tmp_path):
        assert is_held(tmp_path)
        with pytest.raises(UsageError, match="another harness is measuring this"), hold_folder(tmp_path):
            pass
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_look_at_the_lock_refuses_nobody(tmp_path: Path) -> None:
    """A look locks for a moment, and may do so just when a campaign starts."""
    release = threading.Timer(0.03, lambda: os.close(descriptor))
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    release.start()
    with hold_folder(tmp_path):
        assert is_held(tmp_path)


def test_a_campaign_without_an_end_runs_while_its_folder_is_held(tmp_path: Path) -> None:
    folder = CampaignFolder.create(tmp_path, "one", {}, Fingerprint())
    assert folder.read_state() is CampaignState.INTERRUPTED
    with hold_folder(folder.path):
        assert folder.read_state() is CampaignState.RUNNING
        folder.finish(CampaignState.COMPLETE)
        assert folder.read_state() is CampaignState.COMPLETE


def test_a_link_to_a_folder_is_the_folder(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "latest").symlink_to("one")
    with hold_folder(tmp_path / "latest"):
        assert is_held(tmp_path / "one")


def test_half_written_files_of_a_campaign_that_is_being_measured_stay(tmp_path: Path) -> None:
    """The campaign may run on another engine, with the same folder of results."""
    folder = CampaignFolder.create(tmp_path, "one", {}, Fingerprint())
    half = folder.path / "cells" / "web" / "step-001.json.gz.part"
    half.parent.mkdir()
    half.touch()
    with hold_folder(folder.path):
        assert remove_partial_files(tmp_path) == []
    assert remove_partial_files(tmp_path) == [half]
