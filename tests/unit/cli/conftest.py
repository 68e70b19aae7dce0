"""A stored campaign for the commands that read one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders import make_plan
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign

SIZES = ((0.25, 256), (0.5, 256), (1.0, 256))


@pytest.fixture(scope="session")
def stored_campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Measure three sizes on fakes, of which the smaller two break; no test changes the folder."""
    campaign = FakeCampaign(tmp_path_factory.mktemp("stored"), make_plan(*SIZES), Service())
    campaign.measure_cells()
    return campaign.folder.path


@pytest.fixture(scope="session")
def copy_campaign(stored_campaign: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return what copies the campaign into a new folder of this name."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(stored_campaign, tmp_path_factory.mktemp(name) / stored_campaign.name))

    return copy
