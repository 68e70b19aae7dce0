"""A campaign measures every cell, on fakes of Docker and Locust, with the real store and report."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.search.search import order_cells
from harness.campaign.progress import rejudge
from harness.model import (
    MIB,
    CellResult,
    Limits,
    LocalWorkers,
    Rule,
    Slo,
    Status,
    Verdict,
)
from harness.model.evidence import SustainedBySmaller
from harness.report.view.explanations import explain_evidence
from tests.builders import SLOS, make_plan
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign, RecordingListener, StepInterrupter


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[FakeCampaign, Mapping[str, CellResult]]:
    """Measure a quarter of a core and half of one, which no test changes."""
    plan = make_plan((0.25, 256), (0.5, 256))
    campaign = FakeCampaign(tmp_path_factory.mktemp("measured"), plan, Service(), reports_each_step=True)
    return campaign, campaign.measure_cells()


def test_brackets_are_in_proportion_to_the_cpu_limits(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((0.25, 256), (0.5, 256), (1.0, 256)), Service())
    cells = campaign.measure_cells()
    quarter, half = cells["web-c0.25-m256"], cells["web-c0.50-m256"]
    assert (quarter.status, half.status) == (Status.BRACKETED, Status.BRACKETED)
    assert cells["web-c1.00-m256"].status is Status.CENSORED
    assert quarter.limiting_factor == "cpu"
    assert quarter.sustained_users is not None
    assert half.sustained_users is not None
    assert 1.7 < half.sustained_users / quarter.sustained_users < 2.3
    assert campaign.listener.phases == {"ramp", "settle", "window", "drain"}


def test_every_end_of_a_bracket_is_a_step_of_that_cell(
    measured: tuple[FakeCampaign, Mapping[str, CellResult]],
) -> None:
    """Half a core does not sustain the 400 users. So it is next below the decision, and a quarter is not."""
    _, cells = measured
    asked = {"web-c0.50-m256": 1.05, "web-c0.25-m256": 1.10}
    for result in cells.values():
        passed = {step.users for step in result.steps if step.verdict is Verdict.PASS}
        failed = {step.users for step in result.steps if step.verdict is Verdict.FAIL}
        assert result.sustained_users in passed
        assert result.broken_users in failed
        most_users = result.sustained_users * asked[result.cell.id]
        assert result.broken_users <= max(most_users, result.sustained_users + 1)
        assert 1 + (result.asked_precision_ratio or 0) == asked[result.cell.id]


def test_a_failed_step_is_followed_by_a_fresh_container(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((0.25, 256), strategy="bisect"), Service())
    (result,) = campaign.measure_cells().values()
    runs = [step.life for step in result.steps]
    for before, after in zip(result.steps, result.steps[1:], strict=False):
        assert (after.life > before.life) == (before.verdict is not Verdict.PASS)
    assert runs[-1] == len(campaign.fake.host.runs)
    assert campaign.fake.host.running == []


def test_an_slo_on_a_rare_request_does_not_end_a_campaign_at_its_light_step(tmp_path: Path) -> None:
    """10 users make 4 RPS, of which 0.12 are checkouts: 11 in 90 s, and a p95 needs 20.

    0.25 CPU at 6 ms for each request serve 41 RPS, with 1.2 checkouts a second: 20 of them take 16 s.
    """
    plan = replace(make_plan((0.25, 256)), slos=(*SLOS, Slo("p95", 2.0, "/checkout")))
    campaign = FakeCampaign(tmp_path, plan, Service())
    campaign.fake.generator.names = (("GET /", 0.97), ("GET /checkout", 0.03))
    (result,) = campaign.measure_cells().values()
    light, *others = result.steps
    assert (light.users, light.rule) == (10, Rule.TOO_FEW_REQUESTS)
    assert light.window_s == pytest.approx(20, abs=6)
    assert all(step.users > 10 for step in others)
    assert result.status is Status.BRACKETED


def test_a_name_that_no_request_has_ends_a_campaign_early(tmp_path: Path) -> None:
    """The largest size shows it in two steps. The other is not measured, for the same reason."""
    plan = replace(make_plan((1.0, 256), (0.5, 256)), slos=(*SLOS, Slo("p99", 2.0, "/items-of-nobody")))
    campaign = FakeCampaign(tmp_path, plan, Service())
    first, second = campaign.measure_cells().values()
    assert (first.status, second.status) == (Status.INVALID, Status.INVALID)
    assert (len(first.steps), len(second.steps)) == (2, 0)
    assert explain_evidence(first.evidence) == explain_evidence(second.evidence)
    assert "no request named /items-of-nobody" in explain_evidence(first.evidence)
    assert "only GET /, GET /item/[id]" in explain_evidence(first.evidence)


def test_a_campaign_notes_why_its_windows_are_longer_than_the_matrix_says(tmp_path: Path) -> None:
    plan = replace(make_plan((0.25, 256), users_limit=20), slos=(*SLOS, Slo("p95", 2.0, "/checkout")))
    campaign = FakeCampaign(tmp_path, plan, Service())
    campaign.fake.generator.names = (("GET /", 0.9), ("GET /checkout", 0.1))
    campaign.fake.generator.think_s = (18.0, 20.0)
    campaign.measure_cells()
    assert [note for note in campaign.listener.notes if "a user asks every 19 s" in note] != []
    assert [note for note in campaign.listener.notes if "an SLO needs more requests" in note] != []


def test_the_first_step_decides_how_many_locust_processes_the_next_container_run_has(tmp_path: Path) -> None:
    plan = replace(make_plan((0.25, 256)), load=LocalWorkers(None))
    campaign = FakeCampaign(tmp_path, plan, Service())
    campaign.fake.generator.cpu_per_request_s = 0.006
    (result,) = campaign.measure_cells().values()
    assert [load.workers for load in campaign.fake.generator.loads][:2] == [1, 3]
    assert [step.life for step in result.steps[:2]] == [1, 2]
    assert result.steps[0].verdict is Verdict.PASS
    assert any("3 Locust processes" in note for note in campaign.listener.notes)


def test_a_size_too_small_to_start_fails_once_and_the_next_cell_goes_on(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((1.0, 16), (1.0, 256)), Service(base_bytes=32 * MIB))
    cells = campaign.measure_cells()
    assert cells["web-c1.00-m16"].status is Status.FAILED
    assert cells["web-c1.00-m16"].limiting_factor == "memory"
    assert cells["web-c1.00-m256"].status is Status.CENSORED
    assert [cell.id for cell in campaign.fake.host.runs].count("web-c1.00-m16") == 1


def test_memory_that_runs_out_under_load_is_the_limiting_factor(tmp_path: Path) -> None:
    """20 MiB above the base hold 51 users of 400 KiB."""
    plan = make_plan((1.0, 40), users_limit=100)
    plan = replace(plan, timing=replace(plan.timing, steady_at_most_s=0.0))
    campaign = FakeCampaign(tmp_path, plan, Service(user_bytes=400 * 1024))
    (result,) = campaign.measure_cells().values()
    assert result.status is Status.BRACKETED
    assert result.limiting_factor == "memory"
    assert result.sustained_users is not None
    assert 37 < result.sustained_users < 65


def test_a_target_that_answers_only_errors_fails_at_its_first_step(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((1.0, 256)), Service(error_ratio=1.0))
    (result,) = campaign.measure_cells().values()
    assert result.status is Status.FAILED
    assert [step.users for step in result.steps] == [10]


def test_a_generator_that_cannot_reach_the_users_makes_the_cell_invalid(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((1.0, 256)), Service())
    campaign.fake.generator.max_users = 50
    (result,) = campaign.measure_cells().values()
    assert result.status is Status.INVALID
    assert result.limiting_factor == "generator"
    assert result.sustained_users == 10


def test_a_skipped_cell_is_not_measured(tmp_path: Path) -> None:
    plan = replace(make_plan((1.0, 256), (8.0, 256)), skipped={"web-c8.00-m256": "too large"})
    campaign = FakeCampaign(tmp_path, plan, Service())
    assert campaign.measure_cells()["web-c8.00-m256"].status is Status.SKIPPED
    assert {cell.id for cell in campaign.fake.host.runs} == {"web-c1.00-m256"}


@pytest.mark.parametrize("steps", [1, 3])
def test_a_campaign_goes_on_where_it_was_interrupted_however_often(tmp_path: Path, steps: int) -> None:
    """Interrupt it after each step, or after every third one, until it has seven or six steps."""
    campaign = FakeCampaign(tmp_path, make_plan((0.1, 256), (0.2, 256), (0.4, 256)), Service())
    stored: dict[str, list[str]] = {}
    for count in range(steps, 8, steps):
        campaign.listener = StepInterrupter(steps)
        with pytest.raises(KeyboardInterrupt):
            campaign.measure_cells()
        assert campaign.folder.read_log().state == "interrupted"
        stored = check_step_files(campaign, stored)
        assert sum(map(len, stored.values())) == count
        campaign.folder.mark_resumed()

    campaign.listener = RecordingListener()
    cells = campaign.measure_cells()
    assert campaign.folder.read_log().state == "complete"
    check_step_files(campaign, stored)
    assert all(cell.status in (Status.BRACKETED, Status.CENSORED) for cell in cells.values())


def check_step_files(campaign: FakeCampaign, stored: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Check that no step was stored twice and none of `stored` was lost; return what is stored now."""
    files = {id_: list(record.step_files) for id_, record in campaign.folder.read_log().last_attempts.items()}
    for id_, before in stored.items():
        assert files[id_][: len(before)] == before
    for each in files.values():
        assert len(set(each)) == len(each)
    return files


def test_stored_facts_give_the_same_answer_as_the_run(
    measured: tuple[FakeCampaign, Mapping[str, CellResult]],
) -> None:
    campaign, cells = measured
    rejudged = {cell.cell.id: cell for cell in rejudge(campaign.plan, campaign.folder).cells}
    assert {id_: (cell.status, cell.sustained_users, cell.broken_users) for id_, cell in cells.items()} == {
        id_: (cell.status, cell.sustained_users, cell.broken_users) for id_, cell in rejudged.items()
    }


def test_stricter_slos_never_raise_a_stored_capacity(
    measured: tuple[FakeCampaign, Mapping[str, CellResult]],
) -> None:
    campaign, _ = measured
    sustained: dict[str, int] = {}
    for limit_s in (2.0, 1.0, 0.5, 0.2, 0.05):
        plan = replace(campaign.plan, slos=(Slo("p95", limit_s), *SLOS[1:]))
        for cell in rejudge(plan, campaign.folder).cells:
            assert (cell.sustained_users or 0) <= sustained.get(cell.cell.id, 400)
            sustained[cell.cell.id] = cell.sustained_users or 0


def test_the_largest_memory_comes_first_and_its_largest_cpu() -> None:
    plan = make_plan((0.25, 64), (0.25, 128), (1.0, 64), (1.0, 128))
    assert [cell.id for cell in order_cells(plan.cells)] == [
        "web-c1.00-m128",
        "web-c0.25-m128",
        "web-c1.00-m64",
        "web-c0.25-m64",
    ]


def test_a_demand_measures_the_sizes_between_enough_and_too_small_and_infers_the_rest(tmp_path: Path) -> None:
    sizes = [(cores, mib) for cores in (0.25, 0.5, 1.0) for mib in (32, 64, 256)]
    plan = replace(make_plan(*sizes, users_limit=200), users_required=200)
    campaign = FakeCampaign(tmp_path, plan, Service(base_bytes=48 * MIB), reports_each_step=True)
    cells = campaign.measure_cells()
    assert len({cell.id for cell in campaign.fake.host.runs}) <= 5
    assert cells["web-c0.25-m256"].broken_users == 200
    assert cells["web-c0.50-m64"].status is Status.CENSORED
    assert cells["web-c0.50-m32"].status is Status.FAILED
    assert cells["web-c1.00-m64"].status is Status.INFERRED
    assert cells["web-c1.00-m64"].evidence == SustainedBySmaller(200, Limits(0.5, 64 * MIB))
    assert {cell.status for cell in rejudge(plan, campaign.folder).cells} == {
        cell.status for cell in cells.values()
    }
