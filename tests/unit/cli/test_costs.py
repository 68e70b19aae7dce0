"""`harness costs` shows what requests cost, and predicts another mix, for a campaign of fakes."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.cli.console import DONE, NOT_MEASURED
from harness.errors import UsageError
from tests.builders import make_plan
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign


@pytest.fixture(scope="module")
def campaign(copy_campaign: Callable[[str], Path]) -> str:
    return str(copy_campaign("costs"))


def show_costs(*arguments: str, exit_code: int = DONE) -> str:
    outcome = CliRunner().invoke(app, ["costs", *arguments], standalone_mode=False)
    if outcome.exception is not None:
        raise outcome.exception
    assert outcome.return_value == exit_code
    return outcome.output


def test_each_request_name_has_its_cost(campaign: str) -> None:
    shown = show_costs(campaign, "--size", "0.5/256MiB")
    assert "What a request costs at 0.5 CPU / 256 MiB" in shown
    assert re.search(r"^GET /item/\[id\] +6\d %", shown, re.MULTILINE)
    assert re.search(r"^GET / +3\d %", shown, re.MULTILINE)
    assert "Predicted" not in shown


def test_another_mix_is_predicted(campaign: str) -> None:
    shown = show_costs(campaign, "--size", "0.5/256MiB", "--mix", "GET /=1, /item/[id]=4")
    assert "Predicted: in this mix an average request costs" in shown
    assert "would use as much CPU as its safe load" in shown


def test_an_unknown_name_is_refused_with_the_known_ones(campaign: str) -> None:
    with pytest.raises(UsageError, match="no request is named GET /items/") as caught:
        show_costs(campaign, "--size", "0.5/256MiB", "--mix", "GET /items/=1")
    assert "its requests are GET /, GET /item/[id]" in str(caught.value)


def test_a_name_that_is_given_twice_is_refused(campaign: str) -> None:
    with pytest.raises(UsageError, match="names GET / twice"):
        show_costs(campaign, "--size", "0.5/256MiB", "--mix", "GET /=1,/=2")


def test_a_size_that_was_not_measured_has_no_costs(tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = FakeCampaign(tmp_path_factory.mktemp("none"), make_plan((0.25, 256)), Service())
    shown = show_costs(str(empty.folder.path), "--size", "0.25/256MiB", exit_code=NOT_MEASURED)
    assert "is not known: no valid step of this size" in shown
