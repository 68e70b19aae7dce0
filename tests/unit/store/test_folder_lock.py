"""One process at a time measures into a campaign's folder."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.model import Fingerprint
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
