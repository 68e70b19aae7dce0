"""The commands that read stored campaigns, on campaigns that were measured with fakes."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from harness.analyse.result.sizing import recommend_size
from harness.campaign import rejudge
from harness.cli import app
from harness.cli.results import choose_exit_code, write_report
from harness.errors import UsageError
from harness.model import CampaignState, Margin, Plan, Price, Status
from harness.plan import plan_from_json, plan_to_json
from harness.store import CampaignFolder, hold_folder
from tests.builders import make_plan, make_result
from tests.fakes import Service
from tests.summary_schema import VALIDATOR
from tests.unit.campaign.fake_campaign import FakeCampaign

COLUMN = ((0.25, 256), (0.5, 256), (1.0, 256))


def measure_campaign(folder: Path, service: Service) -> str:
    folder.mkdir()
    campaign = FakeCampaign(folder, make_plan(*COLUMN), service)
    campaign.measure_cells()
    return str(campaign.folder.path)


def copy_with(campaign: str, folder: Path, change: Callable[[Plan], Plan]) -> str:
    """Copy a campaign into a folder, as if it had been measured by a changed plan."""
    shutil.copytree(campaign, folder, ignore=shutil.ignore_patterns("comparison.*"))
    stored = json.loads((folder / "plan.json").read_text())
    (folder / "plan.json").write_text(json.dumps(plan_to_json(change(plan_from_json(stored)))))
    return str(folder)


@pytest.fixture(scope="module")
def before(copy_campaign: Callable[[str], Path]) -> str:
    return str(copy_campaign("before"))


@pytest.fixture(scope="module")
def slower(tmp_path_factory: pytest.TempPathFactory) -> str:
    slow = Service(cpu_s=1.5 * Service().cpu_s)
    return measure_campaign(tmp_path_factory.mktemp("reading") / "slower", slow)


def run_harness(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, list(arguments), standalone_mode=False)
    if outcome.exception is not None:
        raise outcome.exception
    return int(outcome.return_value), outcome.output


def test_a_campaign_against_itself_shows_no_difference(before: str) -> None:
    code, output = run_harness("compare", before, before)
    assert code == 0
    assert "No difference shown at 3 of 3 sizes." in output


def test_a_slower_target_is_a_regression(before: str, slower: str) -> None:
    code, output = run_harness("compare", before, slower)
    assert code == 3
    assert "sustain less" in output
    assert "▼" in output
    page = (Path(slower) / "comparison.html").read_text()
    assert "sustains less" in page
    assert "http" not in page.replace("http-equiv", "")
    stored = json.loads((Path(slower) / "comparison.json").read_text())
    assert stored["regression"] is True
    assert [each["change"] for each in stored["sizes"]].count("less") >= 2
    code, output = run_harness("compare", slower, before)
    assert code == 0
    assert "sustain more" in output


def test_incomparable_campaigns_are_refused_and_can_be_compared_by_force(before: str, tmp_path: Path) -> None:
    other = copy_with(before, tmp_path / "other", lambda plan: replace(plan, cells=plan.cells[:2]))
    stored = json.loads((Path(other) / "environment.json").read_text())
    stored["machine"]["cores"] = 64
    (Path(other) / "environment.json").write_text(json.dumps(stored))
    with pytest.raises(UsageError, match="another machine: machine cores 64"):
        run_harness("compare", before, other)
    assert not (Path(other) / "comparison.html").exists()
    _, output = run_harness("compare", before, other, "--force")
    assert "warning: another machine" in output
    assert "only in the first" in output


def test_the_former_spellings_of_options_are_accepted_and_not_shown(before: str, slower: str) -> None:
    assert run_harness("compare", before, slower, "--least", "90%", "--anyway")[0] == 0
    assert run_harness("compare", before, slower, "--threshold", "90%", "--force")[0] == 0
    _, shown = run_harness("compare", "--help")
    assert "--least" not in shown
    assert "--anyway" not in shown
    assert "--force" in shown


def test_commands_are_listed_in_the_order_of_their_use() -> None:
    _, shown = run_harness("--help")
    places = [shown.index(f"│ {name} ") for name in ("init", "doctor", "plan", "run", "report", "clean")]
    assert places == sorted(places)


def test_the_version_is_that_of_the_package() -> None:
    assert run_harness("--version") == (0, f"harness {version('capacity-harness')}\n")


def test_the_smallest_size_for_the_users_is_named_with_its_evidence(before: str) -> None:
    code, output = run_harness("size", before, "--users", "100", "--headroom", "10%")
    assert code == 0
    assert "For 100 users and headroom (110)" in output
    assert "CPU / 256 MiB, which sustains" in output
    code, output = run_harness("size", before, "--users", "5000")
    assert code == 3
    assert "no measured size is known to be enough" in output


def test_a_size_without_headroom_is_told_beside_the_campaigns_own(before: str, tmp_path: Path) -> None:
    _, output = run_harness("size", before, "--users", "100")
    assert "headroom" not in output, "this campaign asks for none"
    path = copy_with(before, tmp_path / "roomy", lambda plan: replace(plan, headroom_ratio=0.3))
    _, output = run_harness("size", path, "--users", "100")
    assert "This leaves no headroom. The campaign's own answer does: --headroom 30%." in output
    _, output = run_harness("size", path, "--users", "100", "--headroom", "10%")
    assert "leaves no headroom" not in output


def test_the_exit_code_tells_too_little_room_from_a_room_of_which_nothing_tells() -> None:
    result = make_result(1.0, 400, None, Status.CENSORED, None)
    unknown = recommend_size([result], 400, 0.3)
    known = replace(unknown, margin=Margin(441.0, True, 0.02, None, 0.74, 0.14))
    another = replace(known, is_headroom_open=True)
    outcomes = [recommend_size([result], 500), recommend_size([result], 400), known, unknown, another]
    assert [choose_exit_code(each) for each in outcomes] == [3, 0, 3, 2, 2]


def test_a_comparison_without_an_answer_is_inconclusive(before: str, tmp_path: Path) -> None:
    """All sizes sustain the 10 users of the other campaign, so it does not tell what they lost."""
    few = FakeCampaign(tmp_path, make_plan(*COLUMN, users_limit=10), Service())
    few.measure_cells()
    code, output = run_harness("compare", before, str(few.folder.path))
    assert "No difference shown at 0 of 3 sizes; 3 without an answer" in output
    assert code == 2


def test_sizes_of_a_price_list_stay_all_there_are_at_other_prices(before: str, tmp_path: Path) -> None:
    price = Price("USD", 0.04, 0.004, source="list price")
    listed = copy_with(before, tmp_path / "listed", lambda plan: replace(plan, price=price))
    summary = json.loads((Path(before) / "summary.json").read_text())
    low, high = (summary["cells"][number]["sustained_users"] for number in (0, 1))
    asked = ("--users", str((low + high) // 2), "--price", "cpu_hour=0.05 EUR, gib_hour=0.01")
    for path, is_interpolated in ((before, True), (listed, False)):
        _, output = run_harness("size", path, *asked)
        assert "EUR an hour" in output
        assert ("Interpolated" in output) is is_interpolated


def test_beyond_the_measurements_replicas_are_reasoned_about(before: str) -> None:
    code, output = run_harness("size", before, "--users", "5000")
    assert code == 3
    assert "Reasoned, not measured: " in output
    _, output = run_harness("size", before, "--users", "100")
    assert "Reasoned" not in output


def test_a_growth_puts_months_on_the_sizes(before: str) -> None:
    code, output = run_harness("size", before, "--users", "100", "--growth", "8%/month")
    assert code == 0
    assert "As you grow, growing by 8 % a month from 100 users" in output
    assert "month " in output
    code, output = run_harness("report", before, "--growth", "50%/year")
    assert code == 0
    assert "As you grow, growing by 3.437 % a month from 400 users" in output
    assert "growing by 3.437 % a month" in (Path(before) / "report.html").read_text()


def test_the_brief_is_printed_and_written_beside_the_report(before: str) -> None:
    code, output = run_harness("report", before, "--brief")
    assert code == 0
    assert "Caveats:" in output
    assert max(map(len, output.splitlines())) <= 100
    assert len(output.splitlines()) <= 60
    assert "Before you sign" in (Path(before) / "brief.html").read_text()
    (Path(before) / "brief.html").unlink()


def test_a_report_during_a_run_says_that_it_runs(before: str, tmp_path: Path) -> None:
    """The log has no end yet: an interrupted campaign's has none either, but nobody holds its folder."""
    running = Path(shutil.copytree(before, tmp_path / "running"))
    log = running / "events.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(line for line in lines if '"campaign-finished"' not in line))
    assert "As measured until the interruption" in run_harness("report", str(running))[1]
    with hold_folder(running):
        assert "So far: " in run_harness("report", str(running))[1]
        assert "Still measuring" in (running / "report.html").read_text()
        assert json.loads((running / "summary.json").read_text())["state"] == "running"


def test_a_campaign_that_ends_while_its_report_is_written_has_the_report_of_its_end(
    before: str, tmp_path: Path
) -> None:
    """The result is that of a campaign that ran a moment ago; its log now says that it is complete."""
    folder = CampaignFolder.open(Path(shutil.copytree(before, tmp_path / "ended")))
    plan = plan_from_json(folder.read_plan())
    running = replace(rejudge(plan, folder), state=CampaignState.RUNNING)
    assert write_report(folder, plan, running, None).state is CampaignState.COMPLETE
    assert json.loads((folder.path / "summary.json").read_text())["state"] == "complete"


def test_the_cheapest_size_is_named_with_its_price(before: str) -> None:
    code, output = run_harness(
        "size", before, "--users", "100", "--price", "cpu_hour=0.04 EUR, gib_hour=0.004"
    )
    assert code == 0
    assert "EUR an hour the cheapest, and the smallest" in output
    code, _ = run_harness("report", before, "--price", "cpu_hour=0.04 EUR")
    assert code == 0
    assert "EUR an hour" in (Path(before) / "report.html").read_text()
    assert "EUR" in (Path(before) / "summary.md").read_text()


def test_what_lies_between_two_sizes_is_called_interpolated(before: str) -> None:
    summary = json.loads((Path(before) / "summary.json").read_text())
    low, high = (summary["cells"][number]["sustained_users"] for number in (0, 1))
    _, output = run_harness("size", before, "--users", str((low + high) // 2))
    assert "Interpolated, not measured" in output


def test_a_requirement_decides_the_exit_code(before: str, tmp_path: Path) -> None:
    junit = tmp_path / "requirements.xml"
    code, output = run_harness(
        "check", before, "--require", "users >= 100 at cpus <= 1", "--junit", str(junit)
    )
    assert code == 0
    assert output.startswith("met: users >= 100")
    assert ElementTree.parse(junit).getroot().get("failures") == "0"
    code, output = run_harness(
        "check", before, "--require", "users >= 390 at cpus <= 0.25", "--junit", str(junit)
    )
    assert code == 3
    assert "NOT MET" in output
    assert ElementTree.parse(junit).getroot().get("failures") == "1"
    code, output = run_harness("check", before, "--require", "users >= 401")
    assert code == 2
    assert "INCONCLUSIVE" in output


def test_nonsense_is_refused(before: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a requirement"):
        run_harness("check", before, "--require", "fast")
    with pytest.raises(UsageError, match="not a ratio"):
        run_harness("size", before, "--users", "10", "--headroom", "much")
    with pytest.raises(UsageError, match="not a growth"):
        run_harness("report", before, "--growth", "8%")
    with pytest.raises(UsageError, match="no campaign here"):
        run_harness("compare", str(tmp_path), before)
    with pytest.raises(UsageError, match="No such file"):
        run_harness("check", before, "--require", "users >= 1", "--junit", str(tmp_path / "no" / "x.xml"))


def test_the_summary_follows_its_schema(before: str) -> None:
    VALIDATOR.validate(json.loads((Path(before) / "summary.json").read_text()))


@pytest.mark.parametrize(
    ("slo", "words"),
    [
        ("p95@/nope=500ms", "named /nope"),
        ("p95@GET /itm/[id]=500ms", "(did you mean GET /item/[id]?)"),
        ("errors@POST /=1%", "(did you mean GET /?)"),
    ],
)
def test_an_slo_on_a_name_that_never_came_is_refused(before: str, slo: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        run_harness("judge", before, "--slo", slo)
    assert "no window of this campaign holds a request" in caught.value.what
    assert words in caught.value.what
    assert caught.value.hint == "its requests are GET /, GET /item/[id]"


@pytest.mark.parametrize("slo", ["p95@/item/[id]=9s", "p95@GET /=9s", "p95=9s"])
def test_an_slo_on_a_name_that_came_is_judged(before: str, slo: str) -> None:
    assert run_harness("judge", before, "--slo", slo)[0] == 0
