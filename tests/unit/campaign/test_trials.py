"""A burst or a soak of a finished campaign is held, stored and judged; only a soak may change its answer."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.result.trial_checks import check_trial
from harness.campaign.listener import CampaignListener
from harness.campaign.preflight import EngineBackends
from harness.campaign.progress import rejudge
from harness.campaign.trial_spec import check_size_of_facts, count_burst_users
from harness.campaign.trials import require_complete, run_trial
from harness.errors import UsageError
from harness.measure.step import ProgressSample
from harness.model import MIB, CampaignResult, Cell, Plan, Purpose, Rule, Scenario, Verdict
from harness.model.evidence import Judgement, NotReady
from harness.model.trials import (
    Burst,
    BurstAsk,
    BurstOutcome,
    LongSoak,
    MemoryGrowth,
    SoakAsk,
    TrialAsk,
    TrialRequirement,
    Trials,
)
from harness.report import render_report
from harness.store import CampaignFolder
from tests.builders import make_plan
from tests.fakes import FakeBackends, Service
from tests.unit.analyse.synthetic import make_step
from tests.unit.campaign.fake_campaign import FakeCampaign, StepInterrupter

USERS = 50
USUAL = Service(law="deterministic")
"""Fifty users make 20 requests a second of 6 ms each: they need 0.12 cores of the size's 0.3."""

TEN_TIMES = BurstAsk(10.0, 20.0)
"""500 users would make 200 requests a second, which need 1.2 cores."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """Measure a campaign with one size, which no test changes."""
    folder = tmp_path_factory.mktemp("trials")
    locustfile = folder / "locustfile.py"
    locustfile.write_text("class Visitor(HttpUser): ...\n")
    plan = replace(
        make_plan((0.3, 256), users_limit=USERS),
        scenario=Scenario((locustfile,)),
        hashes={"matrix": "a", "scenario": "b", "target": "c"},
    )
    campaign = FakeCampaign(folder, plan, USUAL)
    campaign.measure()
    return campaign.folder.path, plan


class Finished:
    """A copy of the measured campaign, on fakes whose target may behave otherwise."""

    def __init__(self, path: Path, plan: Plan, service: Service = USUAL) -> None:
        self.folder = CampaignFolder.open(path)
        require_complete(self.folder)
        self.plan = plan
        self.fake = FakeBackends(service)

    def hold(self, ask: TrialAsk, listener: CampaignListener | None = None) -> None:
        def connect(_campaign: str, _plan: Plan) -> EngineBackends:
            return {None: self.fake.to_backends()}

        (cell,) = self.plan.cells
        run_trial(self.plan, self.folder, cell, USERS, ask, listener or CampaignListener(), connect=connect)

    def judge(self) -> CampaignResult:
        return rejudge(self.plan, self.folder)

    def burst(self, ask: BurstAsk = TEN_TIMES) -> Burst:
        self.hold(ask)
        return self.judge().trials.bursts[-1]

    def soak(self, for_s: float) -> LongSoak:
        self.hold(SoakAsk(for_s))
        return self.judge().trials.soaks[-1]


Finish = Callable[..., Finished]


@pytest.fixture
def finish(measured: tuple[Path, Plan], tmp_path: Path) -> Finish:
    def build(service: Service = USUAL) -> Finished:
        path, plan = measured
        return Finished(Path(shutil.copytree(path, tmp_path / "one")), plan, service)

    return build


def test_a_burst_that_is_too_much_is_worked_off_and_then_everything_is_as_before(finish: Finish) -> None:
    campaign = finish()
    burst = campaign.burst()
    assert (burst.outcome, burst.users, burst.burst_users) == (BurstOutcome.RECOVERED, USERS, 500)
    assert burst.held_s == pytest.approx(20.0, abs=0.5)
    assert burst.steady_after_s is not None
    assert burst.steady_after_s <= 20.0
    assert burst.before is not None
    assert burst.during is not None
    assert burst.before.rps == pytest.approx(20.0, rel=0.1)
    assert 30.0 < burst.during.rps < 51.0, "0.3 cores do 50 requests of 6 ms a second, some of them in part"
    assert burst.during.worst_s is not None
    assert burst.during.worst_s > 3.0
    assert burst.series is not None
    assert max(users or 0 for users in burst.series.users) == 500


def test_the_burst_is_in_a_fresh_container_of_its_own_which_is_removed(finish: Finish) -> None:
    campaign = finish()
    before = campaign.folder.read_log()
    campaign.burst()
    log = campaign.folder.read_log()
    (trial,) = log.trials
    assert trial.run.purpose is Purpose.BURST
    assert log.attempts == before.attempts
    assert log.state is before.state
    ((cell, (runs, steps)),) = before.last_numbers.items()
    assert log.last_numbers == {cell: (runs + 1, steps + 1)}
    assert campaign.fake.host.running == []
    assert campaign.fake.host.reserved_by is None
    assert campaign.fake.generator.running_count == 0


def test_no_other_answer_changes_by_a_burst_or_by_a_short_soak_that_passes(finish: Finish) -> None:
    campaign = finish()
    before = campaign.judge()
    campaign.burst()
    campaign.soak(60.0)
    after = campaign.judge()
    assert len(after.trials.bursts) == len(after.trials.soaks) == 1
    assert replace(after, trials=Trials()) == before
    assert render_report(after)["summary.csv"] == render_report(before)["summary.csv"]


def test_a_soak_that_breaks_the_size_counts_against_it_and_a_long_one_that_passes_for_it(
    finish: Finish,
) -> None:
    """The campaign held no soak itself, so five minutes are asked of a later one."""
    campaign = finish()
    campaign.soak(300.0)
    recommended = campaign.judge().sizing.recommended
    assert recommended is not None
    assert recommended.soak is not None
    assert (recommended.soak.verdict, recommended.soak.is_later) == (Verdict.PASS, True)
    campaign.fake = FakeBackends(replace(USUAL, cpu_s=0.06))
    campaign.soak(60.0)
    result = campaign.judge()
    assert result.sizing.recommended is None
    assert (result.cells[0].broken_users, result.cells[0].sustains(USERS)) == (USERS, False)
    check = check_trial(result, TrialRequirement("memory level"))
    assert check.decided_by is result.trials.soaks[-1], "it broke what would be the size to take"


def test_a_small_burst_needs_no_time_to_recover(finish: Finish) -> None:
    burst = finish().burst(BurstAsk(1.5, 10.0))
    assert (burst.outcome, burst.burst_users, burst.steady_after_s) == (BurstOutcome.RECOVERED, 75, 0.0)


def test_a_target_that_dies_in_the_burst_broke(finish: Finish) -> None:
    """Some 1000 requests come before the burst, and 50 a second in it."""
    burst = finish(replace(USUAL, dies_after_requests=1400)).burst()
    assert burst.outcome is BurstOutcome.BROKE
    assert isinstance(burst.evidence, Judgement)
    assert burst.evidence.rule is Rule.DIED


def test_a_target_that_dies_before_the_burst_tells_nothing_of_it(finish: Finish) -> None:
    burst = finish(replace(USUAL, dies_after_requests=300)).burst()
    assert burst.outcome is BurstOutcome.UNTOLD
    assert (burst.before, burst.during, burst.steady_after_s) == (None, None, None)


def test_a_target_that_is_too_slow_before_the_burst_tells_nothing_of_it(finish: Finish) -> None:
    """Twenty requests a second of 60 ms need 1.2 cores."""
    burst = finish(replace(USUAL, cpu_s=0.06)).burst()
    assert burst.outcome is BurstOutcome.UNTOLD


def test_a_leak_of_a_mebibyte_a_minute_is_found_in_a_soak_and_none_in_a_healthy_one(finish: Finish) -> None:
    campaign = finish(replace(USUAL, leak_second_bytes=MIB / 60))
    leaking = campaign.soak(900.0)
    assert leaking.memory is not None
    assert leaking.memory.growth is MemoryGrowth.GROWS
    assert leaking.memory.growth_bytes_per_s == pytest.approx(MIB / 60, rel=0.1)
    campaign.fake = FakeBackends(USUAL)
    healthy = campaign.soak(900.0)
    assert healthy.memory is not None
    assert healthy.memory.growth is MemoryGrowth.LEVEL
    assert healthy.step is not None
    assert (healthy.step.verdict, healthy.restarts, healthy.users) == (Verdict.PASS, 0, USERS)
    assert healthy.step.window_s == pytest.approx(900.0, abs=1.0)
    assert healthy.drift is not None
    assert not healthy.drift.is_told


def test_a_target_that_does_not_come_up_again_is_told_as_such(finish: Finish) -> None:
    campaign = finish(replace(USUAL, exits_at_start=1))
    burst = campaign.burst()
    assert burst.outcome is BurstOutcome.UNTOLD
    assert isinstance(burst.evidence, NotReady)
    soak = campaign.soak(60.0)
    assert soak.step is None
    assert isinstance(soak.evidence, NotReady)


class PhaseInterrupter(StepInterrupter):
    """Interrupts a trial when a phase of it begins."""

    def __init__(self, phase: str) -> None:
        super().__init__(steps=0)
        self.phase = phase

    def step_progressed(self, cell: Cell, sample: ProgressSample) -> None:
        if sample.phase == self.phase:
            raise KeyboardInterrupt


@pytest.mark.parametrize("phase", ["ramp", "window", "burst", "recovery"])
def test_an_interrupted_burst_leaves_nothing_behind_and_counts_for_nothing(
    finish: Finish, phase: str
) -> None:
    campaign = finish()
    with pytest.raises(KeyboardInterrupt):
        campaign.hold(TEN_TIMES, PhaseInterrupter(phase))
    assert campaign.fake.host.running == []
    assert campaign.fake.host.reserved_by is None
    assert campaign.fake.generator.running_count == 0
    assert campaign.judge().trials == Trials()
    assert campaign.burst(BurstAsk(2.0, 5.0)).outcome is BurstOutcome.RECOVERED
    assert len(campaign.judge().trials.bursts) == 1


@pytest.mark.parametrize("part", ["matrix", "scenario", "target"])
def test_a_changed_part_is_refused_before_anything_starts(finish: Finish, part: str) -> None:
    campaign = finish()
    campaign.plan = replace(campaign.plan, hashes={**campaign.plan.hashes, part: "changed"})
    with pytest.raises(UsageError, match=f"the {part} changed since this campaign was measured"):
        campaign.hold(TEN_TIMES)
    assert campaign.fake.host.runs == []


def test_another_machine_is_refused(finish: Finish) -> None:
    campaign = finish()
    campaign.fake.host.kernel = "6.6"
    with pytest.raises(UsageError, match="another machine"):
        campaign.hold(TEN_TIMES)


def test_another_image_is_refused(finish: Finish) -> None:
    campaign = finish()
    campaign.fake.host.digests["web"] = "sha256:other"
    with pytest.raises(UsageError, match="the image web:1 has changed"):
        campaign.hold(TEN_TIMES)
    assert campaign.fake.host.runs == []


def test_a_campaign_that_is_not_complete_is_refused(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, make_plan((0.3, 256), users_limit=USERS), USUAL)
    campaign.listener = StepInterrupter(1)
    with pytest.raises(KeyboardInterrupt):
        campaign.measure()
    with pytest.raises(UsageError, match="not complete"):
        require_complete(campaign.folder)


@pytest.mark.parametrize(("users", "factor", "burst_users"), [(400, 3.0, 1200), (7, 1.5, 11), (1, 1.1, 2)])
def test_a_burst_has_so_many_times_the_users_and_one_more_at_least(
    users: int, factor: float, burst_users: int
) -> None:
    assert count_burst_users(users, factor) == burst_users


def test_more_requests_than_one_file_may_hold_are_refused() -> None:
    """1000 users make 2000 requests a second: in an hour 7.2 million of 80 bytes, and 400 MiB hold 5.2."""
    steps = [make_step(10, "PASS", rps=20.0)]
    check_size_of_facts(steps, 1000, 2400.0)
    with pytest.raises(UsageError, match="2000 requests a second") as refused:
        check_size_of_facts(steps, 1000, 3600.0)
    assert "--for 43m" in refused.value.hint


def test_stored_trials_are_read_as_they_were_judged(finish: Finish) -> None:
    campaign = finish()
    burst = campaign.burst()
    again = rejudge(campaign.plan, CampaignFolder.open(campaign.folder.path))
    assert again.trials.bursts == (burst,)
