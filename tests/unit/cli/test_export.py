"""`harness export` prints a file, and nothing else, for a size of a campaign that was measured with fakes."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import UsageError
from harness.report import System
from tests.builders import make_plan
from tests.export_schemas import find_mistakes
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign

SIZES = ((0.25, 256), (0.5, 256), (1.0, 256))


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> str:
    campaign = FakeCampaign(tmp_path_factory.mktemp("export"), make_plan(*SIZES), Service())
    campaign.measure_cells()
    return str(campaign.folder.path)


def export(*arguments: str) -> str:
    outcome = CliRunner().invoke(app, ["export", *arguments], standalone_mode=False)
    if outcome.exception is not None:
        raise outcome.exception
    assert outcome.return_value == 0
    return outcome.output


@pytest.mark.parametrize("system", System)
def test_what_is_printed_is_a_valid_file(system: System, campaign: str) -> None:
    assert find_mistakes(system, export(campaign, "--as", system.value, "--size", "0.5/256MiB")) == []


def find_limits(text: str) -> dict[str, str]:
    workload, *_ = yaml.safe_load_all(text)
    limits: dict[str, str] = workload["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    return limits


@pytest.mark.parametrize("size", ["web-c0.50-m256", "0.5/256MiB", "0.5 CPU / 256 MiB", "1 x 0.5/256m"])
def test_a_size_is_named_in_several_ways(size: str, campaign: str) -> None:
    text = export(campaign, "--as", "kubernetes", "--size", size)
    assert find_limits(text) == {"cpu": "500m", "memory": "256Mi"}


def test_the_recommended_size_is_the_default(campaign: str) -> None:
    text = export(campaign, "--as", "kubernetes")
    page = (Path(campaign) / "report.html").read_text()
    assert find_limits(text)["cpu"] in ("500m", "1000m")
    assert "What to type" in page


def test_more_users_need_more_replicas(campaign: str) -> None:
    few, many = (
        yaml.safe_load(export(campaign, "--as", "compose", "--size", "0.25/256MiB", "--users", users))
        for users in ("1", "100000")
    )
    assert few["services"]["web"]["deploy"]["replicas"] == 1
    assert many["services"]["web"]["deploy"]["replicas"] > 100


def test_a_size_that_the_campaign_does_not_have_is_refused_with_those_that_it_has(campaign: str) -> None:
    with pytest.raises(UsageError, match="is no size of this campaign") as caught:
        export(campaign, "--as", "kubernetes", "--size", "7/1g")
    assert "web-c0.25-m256, web-c0.50-m256, web-c1.00-m256" in str(caught.value)
