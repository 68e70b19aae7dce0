"""The certified users of a campaign are held again on fresh containers, stored, judged and counted."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.holds.__main__ import main
from bench.holds.campaign import Certificate, Hold, open_campaign
from bench.holds.holding import hold_certified
from bench.holds.table import compute_memory_rise, format_table
from harness.campaign import CampaignListener, run_campaign
from harness.cli.console import DONE, INTERRUPTED, NOT_MET, USER_MISTAKE
from harness.model import (
    MIB,
    EndReason,
    HostUse,
    Requests,
    Scenario,
    StepFacts,
    TargetSample,
    ThinkTimes,
)
from harness.store import CampaignFolder
from tests.builders import make_plan
from tests.fakes import FakeBackends, Service
from tests.unit.analyse.synthetic import make_closed_step, make_step

NO_MATRIX = "no-such-matrix.yaml"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Measure a campaign of one size, which sustains all 60 users; no test changes it."""
    project = tmp_path_factory.mktemp("holds")
    locustfile = project / "locustfile.py"
    locustfile.write_text("class Visitor(HttpUser): ...\n")
    plan = replace(
        make_plan((0.25, 256), users_limit=60),
        scenario=Scenario((locustfile,)),
        hashes={"matrix": "a", "scenario": "b", "target": "c"},
    )
    fake = FakeBackends()
    result, folder = run_campaign(
        plan, project / "results", CampaignListener(), connect=lambda *_: {None: fake.to_backends()}
    )
    assert result.cells[0].sustained_users == 60
    return folder.path


@pytest.fixture
def folder(tmp_path: Path, measured: Path) -> CampaignFolder:
    """Return a copy of the campaign."""
    return CampaignFolder.open(shutil.copytree(measured, tmp_path / measured.name))


def hold(folder: CampaignFolder, fake: FakeBackends, *more: str) -> int:
    arguments = [str(folder.path), "--minutes", "1", "--matrix", NO_MATRIX, *more]
    return main(arguments, connect=lambda *_: {None: fake.to_backends()})


def test_users_that_pass_again_survive(folder: CampaignFolder, capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeBackends()
    assert hold(folder, fake) == DONE
    printed = capsys.readouterr().out
    assert "| 0.25 CPU / 256 MiB | 60 users | PASS (slos) | 1 min |" in printed
    assert (
        "1 of 1 sizes survive 1 min at the users that they sustained, 1 of 1 at those or, on a host that "
        "had become slower, at fewer in proportion, 1 of 1 at those less the precision" in printed
    )
    assert (fake.host.running, fake.host.reserved_by) == ([], None)
    (file,) = (folder.path / "holds-1min").glob("*.json.gz")
    assert file.name == "web-c0.25-m256-at-60-1.json.gz"
    assert "1 of 1 sizes survive" in (folder.path / "holds-1min" / "holds.md").read_text()


def test_the_window_has_its_full_length_at_the_certified_users(folder: CampaignFolder) -> None:
    hold(folder, FakeBackends())
    campaign = open_campaign(folder.path, Path(NO_MATRIX), minutes=1)
    ((_, held),) = campaign.read_holds()
    assert held is not None
    assert held.result.users == 60
    assert held.result.window_s == pytest.approx(60, abs=0.5)
    assert held.result.shortfall_ratio is not None, "it is judged by the campaign's baseline"


@pytest.mark.parametrize(("sure_users", "held_users"), [(20, [60, 20]), (60, [60])])
def test_after_a_broken_slo_the_users_less_the_precision_are_held(
    folder: CampaignFolder, sure_users: int, held_users: list[int]
) -> None:
    """A quarter of a core answers 12.5 requests of 20 ms a second: 60 users want 24, and 20 users 8."""
    fake = FakeBackends(Service(cpu_s=0.02))
    campaign = open_campaign(folder.path, Path(NO_MATRIX), minutes=1)
    (certificate,) = campaign.certificates
    assert certificate.sure_users == 60, "nothing is known of a precision below the users limit"
    campaign = replace(campaign, certificates=(replace(certificate, sure_users=sure_users),))
    hold_certified(campaign, print, connect=lambda *_: {None: fake.to_backends()})
    holds = campaign.read_holds()
    assert [each.users for each, _ in holds] == held_users
    assert [hold is not None and hold.has_survived for _, hold in holds] == [
        users == 20 for users in held_users
    ]
    table = format_table(campaign, holds)
    assert "0 of 1 sizes survive 1 min at the users that they sustained, 0 of 1 at those or" in table
    assert f"{len(holds) - 1} of 1 at those less the precision" in table


def make_certificate(
    folder: CampaignFolder, users: int, sure_users: int, work_s: float | None
) -> Certificate:
    (certificate,) = open_campaign(folder.path, Path(NO_MATRIX), minutes=1).certificates
    return replace(certificate, users=users, sure_users=sure_users, work_s=work_s)


def test_users_are_reduced_in_proportion_to_a_slower_host(folder: CampaignFolder) -> None:
    """2.4 ms for work of 2 ms make requests 1.2 times as dear: 170 users become 141, 150 become 125."""
    certificate = make_certificate(folder, 170, 150, 0.002)
    slowed = certificate.reduce_to_speed(0.0024, elasticity=1.0)
    assert slowed is not None
    assert (slowed.users, slowed.sure_users, slowed.is_slowed) == (141, 125, True)
    assert slowed.reduce_to_speed(0.0048, elasticity=1.0) is None, "once is enough"
    sure = slowed.reduce_to_sure()
    assert sure is not None
    assert (sure.users, sure.is_slowed, sure.is_sure) == (125, True, True)


@pytest.mark.parametrize(
    ("certified_s", "work_s", "elasticity"),
    [
        pytest.param(0.002, 0.00208, 1.0, id="4 % are noise"),
        pytest.param(0.002, 0.0016, 1.0, id="faster"),
        pytest.param(0.002, 0.0024, 0.0, id="the pace changes nothing"),
        pytest.param(None, 0.0024, 1.0, id="the CPU does not stop the size"),
        pytest.param(0.002, None, 1.0, id="the pace is unknown"),
    ],
)
def test_users_are_not_reduced_without_a_slower_host(
    folder: CampaignFolder, certified_s: float | None, work_s: float | None, elasticity: float
) -> None:
    assert make_certificate(folder, 170, 150, certified_s).reduce_to_speed(work_s, elasticity) is None


def test_a_size_that_broke_on_a_slower_host_is_held_at_fewer_users(folder: CampaignFolder) -> None:
    """60 users want 24 requests of 20 ms a second of 12.5. A pace of 2 ms, not 0.4, allows 12."""
    fake = FakeBackends(Service(cpu_s=0.02))
    campaign = open_campaign(folder.path, Path(NO_MATRIX), minutes=1)
    (certificate,) = campaign.certificates
    campaign = replace(campaign, certificates=(replace(certificate, work_s=0.0004),), elasticity=1.0)
    hold_certified(campaign, print, connect=lambda *_: {None: fake.to_backends()})
    holds = campaign.read_holds()
    assert [each.users for each, _ in holds] == [60, 12]
    table = format_table(campaign, holds)
    assert "+400 %" in table
    assert "0 of 1 sizes survive 1 min at the users that they sustained, 1 of 1 at those or" in table


def test_users_whose_target_dies_do_not_survive(
    folder: CampaignFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 5 MiB a second the 236 MiB that are left are full after about 47 s, of which 20 s are no window."""
    assert hold(folder, FakeBackends(Service(leak_second_bytes=5 * MIB))) == NOT_MET
    printed = capsys.readouterr().out
    assert re.search(r"FAIL \(died\) .* \+30\d\.\d\d MiB/min .*ended under load", printed)
    assert "0 of 1 sizes survive" in printed


def test_what_was_held_before_is_not_held_again(folder: CampaignFolder) -> None:
    hold(folder, FakeBackends())
    fake = FakeBackends()
    assert hold(folder, fake) == DONE
    assert fake.host.runs == []
    assert hold(folder, fake, "--minutes", "0.5") == DONE
    assert len(fake.host.runs) == 1


def test_an_invalid_step_is_held_once_more(
    folder: CampaignFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeBackends()
    fake.generator.loop_lag_s = 2.0
    assert hold(folder, fake) == NOT_MET
    assert len(fake.host.runs) == 2
    assert "INVALID" in capsys.readouterr().out
    assert hold(folder, fake) == NOT_MET
    assert len(fake.host.runs) == 2, "two tries are enough"


def make_hold(judged_s: float, tries: int, verdict: str = "PASS") -> Hold:
    """Make a hold of a minute, of which only a part was judged because of a disturbance."""
    step = make_step(60, verdict)
    result = replace(step, window_s=judged_s, host=HostUse(left_out_s=60.0 - judged_s))
    return Hold(make_closed_step(60, window_s=60.0), result, tries)


def test_a_pass_by_a_small_part_of_the_window_is_no_survival_and_is_held_once_more(
    folder: CampaignFolder,
) -> None:
    assert (make_hold(30.0, tries=1).has_survived, make_hold(30.0, tries=1).is_final) == (True, True)
    short = make_hold(20.0, tries=1)
    assert (short.has_survived, short.is_final) == (False, False)
    assert (make_hold(20.0, tries=2).has_survived, make_hold(20.0, tries=2).is_final) == (False, True)
    assert make_hold(20.0, tries=1, verdict="FAIL").is_final
    campaign = open_campaign(folder.path, Path(NO_MATRIX), minutes=1)
    table = format_table(campaign, [(campaign.certificates[0], short)])
    assert "| PASS (slos) | 20 s of 1 min |" in table
    assert "0 of 1 sizes survive 1 min" in table


def test_a_target_that_does_not_start_does_not_survive(
    folder: CampaignFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hold(folder, FakeBackends(Service(exits_at_start=1))) == NOT_MET
    printed = capsys.readouterr().out
    assert "not held" in printed
    assert "0 of 1 sizes survive" in printed


def test_after_an_interrupt_the_same_command_goes_on(
    folder: CampaignFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    fake = FakeBackends()
    with fake.clock.notify(interrupt):
        assert hold(folder, fake) == INTERRUPTED
    assert (fake.host.running, fake.host.reserved_by) == ([], None)
    assert "the same command goes on" in capsys.readouterr().out
    assert hold(folder, FakeBackends()) == DONE


def test_a_campaign_of_another_matrix_is_refused(
    folder: CampaignFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    own_matrix = Path(__file__).parents[3] / "matrix.yaml"
    assert main([str(folder.path), "--matrix", str(own_matrix)]) == USER_MISTAKE
    assert "the scenario and the target changed since the campaign was measured" in capsys.readouterr().err


def make_facts(memory_bytes: list[int]) -> StepFacts:
    """Make a step with a window from 10 s on, and with a sample for each second since its start."""
    samples = [
        TargetSample(float(at_s), 0.0, 0, 0, 0.0, size, size, 0, 0) for at_s, size in enumerate(memory_bytes)
    ]
    return StepFacts(
        index=1,
        life=1,
        users=1,
        spawn_rate=1.0,
        ramp_from_s=0.0,
        settle_from_s=0.0,
        window_from_s=10.0,
        window_to_s=30.0,
        ended_s=31.0,
        end_reason=EndReason.HELD,
        note="",
        requests=Requests(),
        thinks=ThinkTimes(),
        target=tuple(samples),
        host=(),
        generator=(),
        events=(),
    )


def test_the_rise_of_memory_is_that_of_the_windows_second_half() -> None:
    """The second half of the window from 10 to 30 s begins at 20 s, where 3 MiB a second begin."""
    sizes = [100 * MIB + 3 * MIB * max(0, second - 20) for second in range(40)]
    assert compute_memory_rise(make_facts(sizes)) == pytest.approx((130 * MIB, 3 * MIB))
    assert compute_memory_rise(make_facts([MIB] * 40)) == pytest.approx((MIB, 0))
    assert compute_memory_rise(make_facts(sizes[:21])) is None
