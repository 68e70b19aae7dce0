"""A comparison holds two versions in turn, stores what it sees, and gives the same answer again."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness.campaign.ab import AbRequest, run_ab
from harness.campaign.ab_listener import AbListener
from harness.campaign.ab_windows import Pilot, choose_timing, choose_users
from harness.campaign.resume import find_unfinished_campaign
from harness.campaign.stored_ab import find_unfinished_comparison, rejudge_ab
from harness.errors import BackendError, TargetStartError, UsageError
from harness.model import (
    CampaignState,
    ImageSource,
    Limits,
    Plan,
    Purpose,
    TargetUse,
    compute_ramp_rate,
)
from harness.model.ab import AbAnswer, AbOutcome, AbTest, Pair, Side
from harness.store import CampaignFolder
from tests.builders import make_plan
from tests.fakes import FakeBackends, Service
from tests.unit.analyse.synthetic import make_step
from tests.unit.campaign.fake_comparison import WORSE, connect_to, make_ab_plan

QUICK = AbRequest("unchanged", "web:2", users=20, within_s=600.0)


class Recorder(AbListener):
    """Records what a comparison shows."""

    def __init__(self, most_pairs: int = 1000) -> None:
        self.notes: list[str] = []
        self.pilots: list[Pilot] = []
        self.pairs: list[Pair] = []
        self.most_pairs = most_pairs

    def note(self, text: str) -> None:
        self.notes.append(text)

    def pilot_finished(self, test: AbTest, pilot: Pilot) -> None:
        self.pilots.append(pilot)

    def pair_finished(self, pair: Pair, answer: AbAnswer) -> None:
        self.pairs.append(pair)
        if len(self.pairs) == self.most_pairs:
            raise KeyboardInterrupt


@dataclass(frozen=True)
class Compared:
    """A comparison: the fakes it was held on, what it showed, its answer and its folder."""

    fake: FakeBackends
    listener: Recorder
    answer: AbAnswer
    folder: CampaignFolder


def make_fake() -> FakeBackends:
    """Make an engine on which web:2 is another image, which needs more CPU time."""
    fake = FakeBackends(services={"web:2": WORSE})
    fake.host.digests["web:2"] = "sha256:2"
    return fake


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return make_ab_plan(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Compared:
    """Hold a comparison to its end, which no test changes."""
    fake, listener = make_fake(), Recorder()
    answer, folder = run_ab(plan, QUICK, tmp_path_factory.mktemp("whole"), listener, connect=connect_to(fake))
    return Compared(fake, listener, answer, folder)


@pytest.fixture(scope="module")
def after_a_pair(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Path:
    """Interrupt a comparison after its first pair; return the folder of results, which no test changes."""
    results = tmp_path_factory.mktemp("interrupted") / "results"
    fake = interrupt(plan, results)
    assert fake.host.running == []
    return results


@pytest.fixture
def results(tmp_path: Path, after_a_pair: Path) -> Path:
    """Return a copy of the results of a comparison that was interrupted after its first pair."""
    return Path(shutil.copytree(after_a_pair, tmp_path / "results", symlinks=True))


def test_a_version_that_needs_more_cpu_time_is_found_and_the_facts_give_the_same_answer(
    whole: Compared,
) -> None:
    answer, folder = whole.answer, whole.folder
    assert (answer.outcome, answer.is_worse, answer.test.is_same_image) == (AbOutcome.MORE, True, False)
    assert answer.cpu is not None
    assert answer.cpu.change == pytest.approx(0.5, abs=0.1)
    record = rejudge_ab(CampaignFolder.open(folder.path))
    assert record is not None
    assert record.answer == answer
    assert json.loads((folder.path / "ab.json").read_text())["outcome"] == "more"
    assert "more CPU time per request" in (folder.path / "ab.md").read_text()
    assert "more CPU time per request" in (folder.path / "ab.html").read_text().replace("\u00a0", " ")
    assert folder.read_log().state is CampaignState.COMPLETE


def test_windows_follow_one_another_as_base_head_head_base_each_in_a_fresh_container(whole: Compared) -> None:
    pilot, *order = [image.reference for _, image in whole.fake.host.ran]
    assert pilot == "web:1"
    assert order[:8] == ["web:1", "web:2", "web:2", "web:1", "web:1", "web:2", "web:2", "web:1"]
    records = whole.folder.read_log().last_attempts.values()
    assert all(not record.runs and not record.step_files for record in records)
    held = len(order) // 2
    assert [len(record.get_step_files(Purpose.AB)) for record in records] == [1 + held, held]


def test_both_windows_of_a_pair_have_the_same_seed(whole: Compared) -> None:
    seeds = [crowd.seed for crowd in whole.fake.generator.crowds if crowd is not None]
    assert seeds[:5] == [0, 1, 1, 2, 2]


def interrupt(plan: Plan, results: Path, request: AbRequest = QUICK, most_pairs: int = 1) -> FakeBackends:
    """Interrupt a comparison after so many pairs."""
    fake = make_fake()
    with pytest.raises(KeyboardInterrupt):
        run_ab(plan, request, results, Recorder(most_pairs), connect=connect_to(fake))
    return fake


def test_an_interrupted_comparison_keeps_its_pairs_and_no_campaign_goes_on_with_it(
    results: Path, plan: Plan
) -> None:
    notes = list[str]()
    record = rejudge_ab(CampaignFolder.open(results / "latest"))
    assert record is not None
    answer = record.answer
    assert (answer.outcome, answer.pairs, answer.is_over) == (AbOutcome.UNDECIDED, 1, False)
    assert "Not finished" in (results / "latest/ab.html").read_text()
    ordinary = replace(plan, hashes={**plan.hashes, "matrix": "other"})
    assert find_unfinished_campaign(results, ordinary, notes.append) is None
    assert notes == []


def test_the_same_command_goes_on_with_the_pairs_that_are_left(
    tmp_path: Path, plan: Plan, whole: Compared
) -> None:
    """Without an interruption the same pairs come: each has the seed and the order of its number."""
    results, pairs = tmp_path / "results", whole.listener.pairs
    interrupt(plan, results, most_pairs=3)
    fake, rest = make_fake(), Recorder()
    answer, folder = run_ab(plan, QUICK, results, rest, connect=connect_to(fake))
    assert rest.pilots == []
    assert [pair.number for pair in rest.pairs] == [pair.number for pair in pairs[3:]]
    assert [crowd.seed for crowd in fake.generator.crowds if crowd is not None][:2] == [4, 4]
    assert [image.reference for _, image in fake.host.ran][:2] == ["web:2", "web:1"]
    assert answer.pairs == len(pairs)
    assert (answer.outcome, folder.read_log().state) == (AbOutcome.MORE, CampaignState.COMPLETE)
    assert answer.spent_s == pytest.approx(pairs[-1].ended_s, rel=0.2)
    files = [path.name for path in (folder.path / "cells").rglob("step-*")]
    assert len(files) == 1 + 2 * answer.pairs
    assert "interrupted after 3 pairs (--fresh starts a new comparison)" in rest.notes[0]


def test_a_window_whose_pair_was_interrupted_is_held_again_beside_what_is_stored(
    results: Path, plan: Plan
) -> None:
    folder = CampaignFolder.open(results / "latest")
    base = next(cell for cell in plan.cells if cell.limits.variant == "base")
    stored = folder.read_step(f"cells/{base.id}/step-002.json.gz")
    folder.add_step(base.id, replace(stored, index=3), purpose=Purpose.AB)
    interrupt(plan, results)
    pairs = [event for event in folder.event_log.read() if event["event"] == "pair-finished"]
    assert pairs[1]["base"] == f"cells/{base.id}/step-004.json.gz"


@pytest.mark.parametrize(
    ("fresh", "request_", "note"),
    [
        (True, QUICK, ""),
        (False, replace(QUICK, within_s=900.0), "what is asked changed since"),
        (False, replace(QUICK, users=None), "what is asked changed since"),
    ],
)
def test_another_question_or_fresh_starts_a_new_comparison(
    fresh: bool, request_: AbRequest, note: str, results: Path, plan: Plan
) -> None:
    listener = Recorder(most_pairs=1)
    old = CampaignFolder.open(results / "latest").path
    old.rename(results / "20260101-000000-web-ab")  # two that start in one second would have one name
    (results / "latest").unlink()
    (results / "latest").symlink_to("20260101-000000-web-ab")
    with pytest.raises(KeyboardInterrupt):
        run_ab(plan, request_, results, listener, fresh=fresh, connect=connect_to(make_fake()))
    assert len(listener.pilots) == 1
    assert any(note in each for each in listener.notes) if note else listener.notes == []


def test_an_image_that_changed_since_is_refused(results: Path, plan: Plan) -> None:
    fake = make_fake()
    fake.host.digests["web:2"] = "sha256:other"
    with pytest.raises(UsageError, match="the image of the head changed") as caught:
        run_ab(plan, QUICK, results, Recorder(), connect=connect_to(fake))
    assert "--fresh" in caught.value.hint


def test_a_comparison_of_an_older_harness_starts_anew(results: Path, plan: Plan) -> None:
    log = results / "latest" / "events.jsonl"
    events = [json.loads(line) for line in log.read_text().splitlines()]
    for event in events:
        for key in ("users_asked", "settle_s", "window_s", "cycle_s", "cpu_ratio"):
            event.pop(key, None)
    log.write_text("".join(json.dumps(event) + "\n" for event in events))
    record = rejudge_ab(CampaignFolder.open(results / "latest"))
    assert record is not None
    assert (record.answer.pairs, record.windows) == (1, None)
    notes = list[str]()
    assert find_unfinished_comparison(results, plan, QUICK.is_asked_in, notes.append) is None
    assert notes == []


def test_the_same_image_twice_is_no_difference_within_the_time(tmp_path: Path, plan: Plan) -> None:
    fake = FakeBackends()
    request = replace(QUICK, least_ratio=0.2)
    answer, _ = run_ab(plan, request, tmp_path / "results", Recorder(), connect=connect_to(fake))
    assert answer.test.is_same_image
    assert answer.outcome is AbOutcome.SAME
    assert answer.spent_s <= request.within_s


def test_a_head_that_does_not_come_up_ends_the_comparison(tmp_path: Path, plan: Plan) -> None:
    fake = FakeBackends(services={"web:2": Service(exits_at_start=1)})
    answer, folder = run_ab(plan, QUICK, tmp_path / "results", Recorder(), connect=connect_to(fake))
    assert (answer.outcome, answer.is_worse) == (AbOutcome.HEAD_BROKE, True)
    assert "exit code 1" in json.loads((folder.path / "ab.json").read_text())["sentence"]
    record = rejudge_ab(folder)
    assert record is not None
    assert record.answer == answer


def test_a_base_that_does_not_come_up_or_breaks_is_an_error(tmp_path: Path, plan: Plan) -> None:
    down = FakeBackends(services={"web:1": Service(exits_at_start=1)})
    with pytest.raises(TargetStartError, match="exit code 1"):
        run_ab(plan, QUICK, tmp_path / "results", Recorder(), connect=connect_to(down))
    failing = FakeBackends(services={"web:1": replace(Service(), error_ratio=1.0)})
    with pytest.raises(BackendError, match="the base breaks with 20 users") as caught:
        run_ab(plan, QUICK, tmp_path / "again", Recorder(), connect=connect_to(failing))
    assert "--users" in caught.value.hint


def test_more_users_than_the_matrix_allows_are_refused(tmp_path: Path, plan: Plan) -> None:
    with pytest.raises(UsageError, match="41 users are more than the matrix allows"):
        run_ab(plan, replace(QUICK, users=41), tmp_path, Recorder(), connect=connect_to(FakeBackends()))


def test_without_a_number_as_many_users_are_held_as_the_size_bears_well(tmp_path: Path, plan: Plan) -> None:
    """0.06 cores need 6 ms for a request: 0.75 · 0.06 / 0.006 = 7.5 requests a second, 19 users at 2.5 s."""
    cells = tuple(replace(cell, limits=replace(cell.limits, cpu_cores=0.06)) for cell in plan.cells)
    listener = Recorder(most_pairs=1)
    small, free = replace(plan, cells=cells), replace(QUICK, users=None)
    with pytest.raises(KeyboardInterrupt):
        run_ab(small, free, tmp_path / "results", listener, connect=connect_to(FakeBackends()))
    (pilot,) = listener.pilots
    assert 15 <= pilot.users <= 23
    assert pilot.cpu_ratio == pytest.approx(0.75, abs=0.2)


def test_several_engines_and_a_size_that_does_not_fit_are_refused(tmp_path: Path, plan: Plan) -> None:
    fake = FakeBackends()
    two = replace(plan, engines={"a": plan.engines[None], "b": plan.engines[None]})
    with pytest.raises(UsageError, match="several engines"):
        run_ab(two, QUICK, tmp_path, Recorder(), connect=connect_to(fake))
    cells = tuple(replace(cell, limits=replace(cell.limits, cpu_cores=64.0)) for cell in plan.cells)
    with pytest.raises(UsageError, match="can measure none of the sizes"):
        run_ab(replace(plan, cells=cells), QUICK, tmp_path, Recorder(), connect=connect_to(fake))


def test_the_users_need_three_quarters_of_the_cpu_by_the_utilisation_law() -> None:
    """0.5 cores · 0.75 / 4 ms = 93.75 requests a second; a user asks every 2 s: 187 users."""
    light = make_step(10, "PASS", target=TargetUse(cpu_per_request_s=0.004))
    light = replace(light, cycle_s=2.0)
    assert choose_users(Limits(0.5, 1), light, 400) == 187
    assert choose_users(Limits(0.5, 1, replicas=2), light, 1000) == 375
    assert choose_users(Limits(0.5, 1), light, 100) == 100
    assert choose_users(Limits(0.5, 1), replace(light, cycle_s=None), 400) == 400


@pytest.mark.parametrize(
    ("cycle_s", "rps", "settling_s", "settle_s", "window_s"),
    [
        (2.5, 100.0, 10.0, 3.0, 15.0),  # 10 s hold 1,000 requests; 15 s is the shortest window
        (2.5, 40.0, 10.0, 3.0, 25.0),
        (2.5, 4.0, 10.0, 3.0, 60.0),
        (40.0, 100.0, 10.0, 40.0, 80.0),  # two cycles of a user
        (2.5, 100.0, 30.0, 30.0, 15.0),  # it took 30 s to warm up
        (0.0, 0.0, 0.0, 3.0, 60.0),
    ],
)
def test_windows_are_as_long_as_the_pilot_asks_for(
    cycle_s: float, rps: float, settling_s: float, settle_s: float, window_s: float
) -> None:
    timing = choose_timing(make_plan((0.5, 256)), Pilot(100, cycle_s, rps, settling_s, 0.7))
    assert (timing.settle_s, timing.window_at_least_s, timing.window_at_most_s) == (
        settle_s,
        window_s,
        window_s,
    )


def test_a_quick_ramp_takes_one_cycle_and_three_seconds_at_least() -> None:
    assert compute_ramp_rate(100, 1000, 5.0, is_quick=True) == 20
    assert compute_ramp_rate(99, 1000, 1.0, is_quick=True) == 33
    assert compute_ramp_rate(100, 1000, 5.0) == 10
    assert compute_ramp_rate(99, 20, 1.0, is_quick=True) == 20


def test_base_and_head_may_be_two_targets_of_two_commits(tmp_path: Path, plan: Plan) -> None:
    """Then each side runs its own target with what the variant sets, as `harness change` needs it."""
    same = make_ab_plan(tmp_path, head="unchanged")
    before = replace(plan.target, source=ImageSource("web:0"), environment={"OLD": "1"})
    fake = FakeBackends(services={"web:0": replace(Service(), cpu_s=Service().cpu_s / 2)})
    fake.host.digests["web:0"] = "sha256:0"
    targets = {Side.BASE: before, Side.HEAD: plan.target}
    results = tmp_path / "results"
    answer, folder = run_ab(same, QUICK, results, Recorder(), targets=targets, connect=connect_to(fake))
    assert (answer.outcome, answer.test.is_same_image) == (AbOutcome.MORE, False)
    assert [image.reference for _, image in fake.host.ran][:3] == ["web:0", "web:0", "web:1"]
    record = rejudge_ab(folder)
    assert record is not None
    assert record.answer == answer
