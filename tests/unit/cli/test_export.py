"""`harness export` prints a file, and nothing else, for a size of a campaign that was measured with fakes."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.compute
import pyarrow.parquet
import pytest
import yaml
from typer.testing import CliRunner

from harness.cli import app, run_command
from harness.errors import UsageError
from harness.report import System
from harness.store import CampaignFolder
from tests.export_schemas import find_mistakes


@pytest.fixture(scope="module")
def campaign(copy_campaign: Callable[[str], Path]) -> str:
    return str(copy_campaign("export"))


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
    assert "Files that run the size to take" in page


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


def test_the_file_is_written_instead_of_printed(campaign: str, tmp_path: Path) -> None:
    words = (campaign, "--as", "compose", "--size", "0.5/256MiB")
    assert export(*words, "--output", str(tmp_path / "compose.yaml")) == ""
    assert (tmp_path / "compose.yaml").read_text() == export(*words)


@pytest.mark.parametrize("name", ["nomad", "KUBERNETES", "", "parquet "])
def test_another_name_is_refused_with_those_that_there_are(
    name: str, campaign: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["export", campaign, "--as", name]) == 1
    said = capsys.readouterr().err
    assert repr(name) in said
    assert "kubernetes, compose, ecs, cloud-run, terraform, parquet" in " ".join(said.split())


def test_a_table_has_every_request_of_the_campaign(
    campaign: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = CampaignFolder.open(Path(campaign))
    events = [event for event in folder.event_log.read() if event["event"] == "step-finished"]
    steps = [folder.read_step(event["file"]).requests for event in events]
    count = sum(len(step.start_s) + len(step.unfinished_start_s) for step in steps)
    assert export(campaign, "--as", "parquet") == f"one.parquet: {count} requests of {len(steps)} steps\n"
    table = pyarrow.parquet.read_table("one.parquet")
    assert table.num_rows == count
    answered = pyarrow.compute.sum(pyarrow.compute.equal(table["outcome"], "answered")).as_py()
    assert answered == sum(int((step.error == -1).sum()) for step in steps)
    assert set(table["cpu_cores"].to_pylist()) == {0.25, 0.5, 1.0}


@pytest.mark.parametrize("option", ["--size", "--users"])
def test_a_table_is_not_of_one_size(option: str, campaign: str) -> None:
    with pytest.raises(UsageError, match="requests of all sizes"):
        export(campaign, "--as", "parquet", option, "1")
