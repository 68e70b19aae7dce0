"""`harness burst` and `harness soak` refuse what they can't try, before they start anything."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.cli.trials import load_measured_plan
from harness.errors import UsageError
from harness.plan import load_plan, plan_from_json
from harness.store import CampaignFolder
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign

MATRIX = """\
target: targets/shop
scenario: {locustfile: locustfile.py}
limits: {cpus: 0.5, memory: 256MiB}
users: {limit: 40}
search: {soak: 0s}
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Measure a campaign of a real matrix on fakes, and return its folder, which no test changes."""
    home = tmp_path_factory.mktemp("measured") / "home"
    (home / "targets/shop").mkdir(parents=True)
    (home / "targets/shop/target.yaml").write_text("name: shop\nimage: shop:1\nport: 80\n")
    (home / "locustfile.py").write_text("class Visitor(HttpUser): ...\n")
    (home / "matrix.yaml").write_text(MATRIX)
    (home / "results").mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(home)
        measured = FakeCampaign(home / "results", load_plan(Path("matrix.yaml")), Service())
    measured.measure()
    return measured.folder.path


@pytest.fixture
def campaign(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the campaign with its matrix, and stand in the folder of the matrix."""
    home = shutil.copytree(measured.parents[1], tmp_path / "home", symlinks=True)
    monkeypatch.chdir(home)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    return home / "results" / measured.name


def hold(*arguments: str) -> int:
    outcome = CliRunner().invoke(app, list(arguments), standalone_mode=False)
    if outcome.exception is not None:
        raise outcome.exception
    return int(outcome.return_value)


@pytest.mark.parametrize("command", ["burst", "soak"])
def test_a_changed_scenario_is_refused_with_its_name(campaign: Path, command: str) -> None:
    Path("locustfile.py").write_text("class Visitor(HttpUser): pass\n")
    with pytest.raises(UsageError, match="the scenario changed since this campaign was measured") as refused:
        hold(command, str(campaign))
    assert "--matrix" in refused.value.hint


def test_a_matrix_that_is_not_here_is_asked_for(
    campaign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("matrix.yaml").rename("moved.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UsageError, match=r"matrix\.yaml, the matrix of this campaign, is neither here"
    ) as refused:
        hold("burst", str(campaign))
    assert "--matrix" in refused.value.hint


def test_another_matrix_of_the_same_name_here_does_not_hide_the_one_beside_the_results(
    campaign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "matrix.yaml").write_text("nonsense: 1\n")
    monkeypatch.chdir(tmp_path)
    folder = CampaignFolder.open(campaign)
    stored = plan_from_json(folder.read_plan())
    assert load_measured_plan(None, folder, stored).hashes == stored.hashes


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--size", "7/1g", "is no size of this campaign"),
        ("--to", "3", "--to: '3'"),
        ("--for", "0s", "--for: "),
    ],
)
def test_a_wrong_value_is_refused(campaign: Path, option: str, value: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        hold("burst", str(campaign), option, value)


def test_a_mistyped_size_is_refused_before_the_facts_are_read(campaign: Path) -> None:
    steps = list((campaign / "cells").rglob("*.json.gz"))
    assert steps
    for step in steps:
        step.write_bytes(b"")
    for command in (["burst"], ["soak"], ["costs"], ["export", "--as", "compose"]):
        with pytest.raises(UsageError, match="is no size of this campaign"):
            hold(*command, str(campaign), "--size", "7/1g")


def test_the_gate_is_inconclusive_without_a_trial(campaign: Path) -> None:
    assert hold("check", str(campaign), "--require", "recovers within 60s") == 2
    assert hold("check", str(campaign), "--require", "memory level") == 2
