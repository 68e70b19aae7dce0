"""The commands on a stored comparison of two versions, which was measured with fakes."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.ab import AbRequest, run_ab
from harness.campaign.ab_listener import AbListener
from harness.campaign.preflight import EngineBackends
from harness.cli import run_command
from harness.cli.ab import show_ab
from harness.model import MIB, Limits, Plan, Scenario
from harness.model.ab import AbAnswer, AbOutcome, AbTest, Estimate, Measure
from harness.model.decisions import Change
from harness.plan.ab import plan_ab
from harness.store import CampaignFolder
from tests.builders import make_plan
from tests.fakes import FakeBackends, Service

TEST = AbTest("a", "b", Limits(0.5, 256 * MIB), users=10)
CPU = Estimate(Measure.CPU, 0.004, 0.004, 0.0, -0.01, 0.01, 0.984, Change.SAME)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compare two versions of which the second does not come up."""
    folder = tmp_path_factory.mktemp("compared")
    (folder / "locustfile.py").write_text("class Visitor(HttpUser): ...\n")
    plan = replace(make_plan((0.5, 256), users_limit=10), scenario=Scenario((folder / "locustfile.py",)))
    fake = FakeBackends(services={"web:2": Service(exits_at_start=1)})
    request = AbRequest("unchanged", "web:2", users=5)
    planned = plan_ab(plan, None, request.base, request.head)

    def connect(_name: str, _plan: Plan) -> EngineBackends:
        return {None: fake.to_backends()}

    return run_ab(planned, request, folder / "results", AbListener(), connect=connect)[1].path


def test_report_shows_the_answer_again_and_writes_its_files(
    comparison: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (comparison / "ab.md").unlink()
    assert run_command(["report", str(comparison)]) == 0
    assert "The head breaks with 5 users" in capsys.readouterr().out
    assert (comparison / "ab.md").exists()


def test_a_comparison_is_listed_in_the_index(comparison: Path) -> None:
    index = comparison.parent / "index.html"
    index.unlink(missing_ok=True)
    assert run_command(["report", str(comparison)]) == 0
    page = index.read_text()
    assert f"{comparison.name}/ab.html" in page
    assert "The head breaks with 5 users" in page


@pytest.mark.parametrize(
    "words",
    [
        ("judge", "CAMPAIGN", "--slo", "p95=1s"),
        ("size", "CAMPAIGN", "--users", "5"),
        ("check", "CAMPAIGN", "--require", "users >= 5"),
        ("export", "CAMPAIGN", "--as", "kubernetes"),
        ("compare", "CAMPAIGN", "CAMPAIGN"),
        ("costs", "CAMPAIGN"),
        ("report", "CAMPAIGN", "--brief"),
        ("report", "CAMPAIGN", "--growth", "8%/month"),
        ("report", "CAMPAIGN", "--price", "cpu_hour=1, gib_hour=1"),
        ("burst", "CAMPAIGN"),
        ("soak", "CAMPAIGN"),
    ],
)
def test_commands_on_capacities_say_that_a_comparison_has_none(
    words: tuple[str, ...], comparison: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command([word.replace("CAMPAIGN", str(comparison)) for word in words]) == 1
    assert "a comparison of two versions, which has no capacities" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (AbOutcome.SAME, 0),
        (AbOutcome.LESS, 0),
        (AbOutcome.UNDECIDED, 2),
        (AbOutcome.BASE_BROKE, 2),
        (AbOutcome.BOTH_BROKE, 2),
        (AbOutcome.HEAD_BROKE, 3),
    ],
)
def test_the_exit_code_says_what_was_found(outcome: AbOutcome, code: int, comparison: Path) -> None:
    folder = CampaignFolder.open(comparison)
    assert show_ab(AbAnswer(TEST, outcome, (CPU,)), folder) == code


@pytest.mark.parametrize("least", ["0%", "101%", "much"])
def test_a_difference_out_of_range_is_refused(least: str, tmp_path: Path) -> None:
    assert run_command(["ab", str(tmp_path / "matrix.yaml"), "--head", "x:1", "--difference", least]) == 1
