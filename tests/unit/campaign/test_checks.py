"""A campaign checks itself by a drift check at its end, and by second attempts at contradictory cells."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.campaign.progress import CellProgress, rejudge
from harness.model import (
    CampaignResult,
    Cell,
    CellResult,
    Plan,
    Purpose,
    Status,
    Step,
    StepFacts,
    StepResult,
    Verdict,
)
from harness.report import build_summary, build_view
from harness.report.view.cell_text import format_bracket
from tests.builders import make_plan
from tests.examples import count_examples
from tests.fakes import Service
from tests.summary_schema import VALIDATOR
from tests.unit.analyse.synthetic import make_closed_step
from tests.unit.campaign.fake_campaign import FakeCampaign, RecordingListener

THREE = ((0.1, 256), (0.2, 256), (0.4, 256))
REFERENCE = "web-c0.40-m256"
SMALL, LARGE = "web-c0.10-m256", "web-c0.20-m256"
USERS_LIMIT = 100
USUAL = Service(law="deterministic")


def make_slower_service(factor: float) -> Service:
    return replace(USUAL, cpu_s=USUAL.cpu_s * factor)


class ServiceChanger(RecordingListener):
    """Changes the service at the drift check, or at a cell's attempt of a given number."""

    def __init__(
        self,
        campaign: FakeCampaign,
        on_drift_check: Callable[[FakeCampaign], None] = lambda _: None,
        attempts: Mapping[tuple[str, int], Service] | None = None,
    ) -> None:
        super().__init__()
        self.campaign = campaign
        self.on_drift_check = on_drift_check
        self.attempts = attempts or {}
        self.drift_checked: list[str] = []

    def container_starting(self, cell: Cell) -> None:
        number = find_attempt_number(self.campaign, cell)
        self.campaign.fake.services["web"] = self.attempts.get((cell.id, number), USUAL)  # type: ignore[index]
        if self.drift_checked:
            self.on_drift_check(self.campaign)

    def drift_check_started(self, cell: Cell) -> None:
        self.drift_checked.append(cell.id)


def find_attempt_number(campaign: FakeCampaign, cell: Cell) -> int:
    """Return the number of the attempt that starts: one more than the attempts that the log has finished."""
    record = campaign.folder.read_log().attempts
    return 1 + sum(attempt.is_done for (cell_id, _), attempt in record.items() if cell_id == cell.id)


def make_campaign(
    folder: Path,
    plan: Plan,
    on_drift_check: Callable[[FakeCampaign], None] = lambda _: None,
    attempts: Mapping[tuple[str, int], Service] | None = None,
) -> FakeCampaign:
    campaign = FakeCampaign(folder, plan, USUAL)
    campaign.listener = ServiceChanger(campaign, on_drift_check, attempts)
    return campaign


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> tuple[FakeCampaign, CampaignResult]:
    """Measure a campaign on a steady host, which no test changes."""
    campaign = make_campaign(tmp_path_factory.mktemp("steady"), make_plan(*THREE, users_limit=USERS_LIMIT))
    campaign.reports_each_step = True
    return campaign, campaign.measure()


def interrupt(campaign: FakeCampaign, attempts: Mapping[tuple[str, int], Service]) -> FakeCampaign:
    """Measure until a container is about to start for the drift check or for a second attempt."""
    campaign.listener = MomentInterrupter(campaign, "container", attempts=attempts)
    with pytest.raises(KeyboardInterrupt):
        campaign.measure()
    return campaign


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> FakeCampaign:
    """Measure three sizes, but no drift check yet. Tests go on with copies."""
    plan = make_plan(*THREE, users_limit=USERS_LIMIT)
    return interrupt(make_campaign(tmp_path_factory.mktemp("searched"), plan), {})


@pytest.fixture(scope="module")
def contradictory(tmp_path_factory: pytest.TempPathFactory) -> FakeCampaign:
    """Measure three sizes, of which one is slower than a smaller one, but not again yet."""
    plan = make_plan(*THREE, users_limit=USERS_LIMIT)
    return interrupt(make_campaign(tmp_path_factory.mktemp("contradictory"), plan), SLOW_ONCE)


def resume_copy(
    campaign: FakeCampaign,
    folder: Path,
    on_drift_check: Callable[[FakeCampaign], None] = lambda _: None,
    attempts: Mapping[tuple[str, int], Service] | None = None,
) -> FakeCampaign:
    copied = campaign.copy_to(folder)
    copied.listener = ServiceChanger(copied, on_drift_check, attempts)
    copied.folder.mark_resumed()
    return copied


def change_service_to(service: Service) -> Callable[[FakeCampaign], None]:
    def change(campaign: FakeCampaign) -> None:
        campaign.fake.services["web"] = service  # type: ignore[index]

    return change


def build_valid_summary(result: CampaignResult) -> dict[str, object]:
    plain = json.loads(json.dumps(build_summary(result)))
    VALIDATOR.validate(plain)
    return dict(plain)


def test_the_reference_cell_is_held_once_more_at_the_end_in_a_fresh_container(
    steady: tuple[FakeCampaign, CampaignResult],
) -> None:
    campaign, result = steady
    assert result.drift is not None
    assert (result.drift.cell.id, result.drift.users) == (REFERENCE, USERS_LIMIT)
    assert (result.drift.verdict, result.drift.is_marked) == (Verdict.PASS, False)
    assert campaign.fake.host.runs[-1].id == REFERENCE
    record = campaign.folder.read_log().find_last_attempt(REFERENCE)
    assert len(record.drift_check_files) == len(record.drift_check_runs) == 1
    assert record.drift_check_runs[0].number == len(record.runs) + 1


def test_a_steady_host_leaves_no_mark_anywhere(steady: tuple[FakeCampaign, CampaignResult]) -> None:
    _, result = steady
    shown = build_view(result)
    assert shown.warnings == ()
    (line,) = (fact for fact in shown.trust if fact.label == "Drift")
    assert line.value.startswith("none")
    assert build_valid_summary(result)["drift"]["marked"] is False  # type: ignore[index]


def test_a_host_that_slows_down_marks_the_campaign_and_corrects_nothing(
    tmp_path: Path, searched: FakeCampaign, steady: tuple[FakeCampaign, CampaignResult]
) -> None:
    campaign = resume_copy(searched, tmp_path, change_service_to(make_slower_service(1.2)))
    result = campaign.measure()
    assert result.drift is not None
    assert result.drift.is_marked
    assert result.drift.cpu_per_request_ratio == pytest.approx(0.2, abs=0.03)
    assert result.cells == steady[1].cells
    assert any("may look smaller than they are" in warning for warning in build_view(result).warnings)
    assert build_valid_summary(result)["drift"]["marked"] is True  # type: ignore[index]
    assert rejudge(campaign.plan, campaign.folder).drift == result.drift


def test_a_reference_cell_that_fails_at_the_end_marks_the_campaign(tmp_path: Path) -> None:
    plan = make_plan((0.05, 256), *THREE[:2], users_limit=USERS_LIMIT)
    result = make_campaign(tmp_path, plan, change_service_to(make_slower_service(1.5))).measure()
    assert result.drift is not None
    assert (result.drift.verdict, result.drift.is_marked) == (Verdict.FAIL, True)
    assert result.cells[2].sustained_users == result.drift.users


def test_a_target_that_no_longer_starts_marks_the_campaign(tmp_path: Path, searched: FakeCampaign) -> None:
    gone = change_service_to(replace(USUAL, exits_at_start=1))
    result = resume_copy(searched, tmp_path, gone).measure()
    assert result.drift is not None
    assert (result.drift.verdict, result.drift.is_marked) == (Verdict.FAIL, True)
    assert "ended with exit code 1" in build_view(result).warnings[0]
    assert {cell.status for cell in result.cells} == {Status.BRACKETED, Status.CENSORED}
    build_valid_summary(result)


def test_an_invalid_drift_check_is_held_once_more_and_is_then_inconclusive(
    tmp_path: Path, searched: FakeCampaign
) -> None:
    def limit_users(campaign: FakeCampaign) -> None:
        campaign.fake.generator.max_users = 50

    campaign = resume_copy(searched, tmp_path, limit_users)
    result = campaign.measure()
    assert len(campaign.folder.read_log().find_last_attempt(REFERENCE).drift_check_files) == 2
    assert result.drift is not None
    assert (result.drift.verdict, result.drift.is_marked) == (Verdict.INVALID, False)
    assert result.drift.cpu_per_request_ratio is None
    assert build_valid_summary(result)["state"] == "complete"


@pytest.mark.parametrize("case", ["two sizes", "a demand"])
def test_two_sizes_and_a_demand_need_no_drift_check(tmp_path: Path, case: str) -> None:
    plan = make_plan(*(THREE[:2] if case == "two sizes" else THREE), users_limit=USERS_LIMIT)
    if case == "a demand":
        plan = replace(plan, users_required=80, users_limit=80)
    campaign = make_campaign(tmp_path, plan)
    assert campaign.measure().drift is None
    assert campaign.listener.drift_checked == []  # type: ignore[attr-defined]


def test_a_switch_ends_a_campaign_without_the_drift_check(tmp_path: Path, searched: FakeCampaign) -> None:
    """All sizes are searched, and the drift check would come next."""
    campaign = resume_copy(searched, tmp_path)
    campaign.plan = replace(campaign.plan, search=replace(campaign.plan.search, confirm=False))
    result = campaign.measure()
    assert (result.state, result.drift) == ("complete", None)
    assert campaign.listener.drift_checked == []  # type: ignore[attr-defined]


class MomentInterrupter(ServiceChanger):
    """Interrupts the campaign at a given moment of its drift check or of a second attempt."""

    def __init__(
        self, campaign: FakeCampaign, moment: str, **changes: Mapping[tuple[str, int], Service]
    ) -> None:
        super().__init__(campaign, attempts=changes.get("attempts"))
        self.moment = moment
        self.second_attempt = ""
        self.steps = 0

    def cell_started(self, cell: Cell) -> None:
        super().cell_started(cell)
        self.second_attempt = cell.id if find_attempt_number(self.campaign, cell) > 1 else ""

    def container_starting(self, cell: Cell) -> None:
        super().container_starting(cell)
        self.interrupt("container")

    def step_started(self, cell: Cell, step: Step) -> None:
        super().step_started(cell, step)
        self.interrupt("step")

    def step_judged(self, cell: Cell, result: StepResult) -> None:
        super().step_judged(cell, result)
        self.steps += bool(self.second_attempt)
        self.interrupt("judged" if self.steps < 2 else "judged twice")

    def cell_finished(self, result: CellResult) -> None:
        super().cell_finished(result)
        self.interrupt("done")

    def interrupt(self, moment: str) -> None:
        if moment == self.moment and (self.drift_checked or self.second_attempt):
            raise KeyboardInterrupt


def interrupt_and_resume(
    campaign: FakeCampaign, moment: str, attempts: Mapping[tuple[str, int], Service]
) -> CampaignResult:
    """Return the answer of a campaign that was interrupted at this moment and then resumed."""
    campaign.listener = MomentInterrupter(campaign, moment, attempts=attempts)
    with pytest.raises(KeyboardInterrupt):
        campaign.measure()
    campaign.listener = ServiceChanger(campaign, attempts=attempts)
    campaign.folder.mark_resumed()
    return campaign.measure()


@pytest.mark.parametrize("moment", ["container", "step", "judged"])
def test_a_drift_check_that_was_interrupted_is_held_again_and_a_stored_one_is_not(
    tmp_path: Path, searched: FakeCampaign, moment: str
) -> None:
    campaign = resume_copy(searched, tmp_path)
    result = interrupt_and_resume(campaign, moment, {})
    record = campaign.folder.read_log().find_last_attempt(REFERENCE)
    assert len(record.drift_check_files) == 1
    assert result.state == "complete"
    assert result.drift is not None
    assert not result.drift.is_marked
    held_steps = [line for line in campaign.listener.lines if line.startswith("hold")]
    assert len(held_steps) == (0 if moment == "judged" else 1)
    numbers = [run.number for run in (*record.runs, *record.drift_check_runs)]
    assert numbers == list(range(1, len(numbers) + 1))


SLOW_ONCE = {(LARGE, 1): make_slower_service(3)}
SLOW_TWICE = {(LARGE, 1): make_slower_service(3), (LARGE, 2): make_slower_service(3)}


def index_cells(result: CampaignResult) -> dict[str, CellResult]:
    return {cell.cell.id: cell for cell in result.cells}


def test_a_cell_below_a_smaller_one_is_measured_once_more_from_scratch(
    tmp_path: Path, contradictory: FakeCampaign
) -> None:
    campaign = resume_copy(contradictory, tmp_path, attempts=SLOW_ONCE)
    campaign.reports_each_step = True
    result = campaign.measure()
    large, small = index_cells(result)[LARGE], index_cells(result)[SMALL]
    assert large.first is not None
    assert (
        (large.first.broken_users or 0) * 1.05 < (small.sustained_users or 0) < (large.sustained_users or 0)
    )
    assert large.monotonicity_violation is None
    first, second = (campaign.folder.read_log().attempts[LARGE, number] for number in (1, 2))
    assert not set(first.step_files) & set(second.step_files)
    assert large.steps[0].index == len(first.step_files) + 1
    assert {step.life for step in large.steps} == {run.number for run in second.runs}
    assert {step.life for step in large.steps}.isdisjoint(run.number for run in first.runs)
    (line,) = (fact for fact in build_view(result).trust if fact.value == "measured twice")
    assert line.note == f"measured twice: {format_bracket(large.first)}, then {format_bracket(large)}"
    assert index_cells(rejudge(campaign.plan, campaign.folder)) == index_cells(result)


def test_a_cell_that_stays_below_a_smaller_one_is_flagged_and_not_measured_a_third_time(
    tmp_path: Path, contradictory: FakeCampaign
) -> None:
    campaign = resume_copy(contradictory, tmp_path, attempts=SLOW_TWICE)
    result = campaign.measure()
    large = index_cells(result)[LARGE]
    assert large.monotonicity_violation is not None
    assert large.monotonicity_violation.id == SMALL
    assert [number for cell_id, number in campaign.folder.read_log().attempts if cell_id == LARGE] == [1, 2]
    (record,) = (cell for cell in build_valid_summary(result)["cells"] if cell["id"] == LARGE)  # type: ignore[attr-defined]
    assert (record["breach"], record["attempts"]) == (SMALL, 2)
    shown = build_view(result)
    assert any("0.2 CPU / 256 MiB sustains less than the smaller 0.1" in text for text in shown.warnings)
    (cell,) = (cell for cell in shown.cells if cell.id == LARGE)
    assert cell.why.startswith("sustains less than the smaller 0.1 CPU / 256 MiB, also when measured again")


@pytest.mark.parametrize(
    ("moment", "attempts"),
    [
        ("container", SLOW_ONCE),
        ("step", SLOW_TWICE),
        ("judged", SLOW_ONCE),
        ("judged twice", SLOW_TWICE),
        ("done", SLOW_ONCE),
    ],
    ids=["container", "step", "judged", "judged twice", "done"],
)
def test_a_second_attempt_that_was_interrupted_goes_on_where_it_was(
    tmp_path: Path, contradictory: FakeCampaign, moment: str, attempts: Mapping[tuple[str, int], Service]
) -> None:
    campaign = resume_copy(contradictory, tmp_path)
    result = interrupt_and_resume(campaign, moment, attempts)
    large = index_cells(result)[LARGE]
    assert result.state == "complete"
    assert large.first is not None
    assert (large.monotonicity_violation is None) is (attempts is SLOW_ONCE)
    record = campaign.folder.read_log().attempts
    assert [number for cell_id, number in record if cell_id == LARGE] == [1, 2]
    files = [file for number in (1, 2) for file in record[LARGE, number].step_files]
    assert files == [f"cells/{LARGE}/step-{number:03d}.json.gz" for number in range(1, len(files) + 1)]
    assert index_cells(rejudge(campaign.plan, campaign.folder)) == index_cells(result)


def test_a_demand_measures_a_size_that_contradicts_a_smaller_one_once_more(tmp_path: Path) -> None:
    plan = replace(
        make_plan((0.3, 128), (0.3, 256), (0.4, 128), (0.4, 256)), users_limit=80, users_required=80
    )
    bad = {(REFERENCE, number): make_slower_service(6) for number in (1, 2)}
    for attempts, flagged in (({(REFERENCE, 1): make_slower_service(6)}, False), (bad, True)):
        campaign = make_campaign(tmp_path / str(flagged), plan, attempts=attempts)
        large = index_cells(campaign.measure())[REFERENCE]
        assert [step.users for step in large.steps] == [80]
        assert large.first is not None
        assert (large.monotonicity_violation is not None) is flagged
        assert campaign.listener.lines.count(f"start {REFERENCE}") == 2


USERS = st.integers(1, 60)


@functools.cache
def make_closed_facts(users: int, index: int) -> StepFacts:
    return make_closed_step(users, index=index)


@settings(max_examples=count_examples(40))
@given(
    st.lists(USERS, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 4), USERS), max_size=3),
    st.sampled_from([Purpose.CONFIRM, Purpose.SOAK]),
)
def test_the_search_never_sees_a_step_of_the_drift_check_or_of_the_soak(
    users: list[int], checks: list[tuple[int, int]], purpose: Purpose
) -> None:
    """Check steps of `users`, and `checks`: each with the number of the step before it, and its users."""
    plan = make_plan((1.0, 256))
    unchecked, checked = CellProgress(plan.cells[0]), CellProgress(plan.cells[0])
    for number, step_users in enumerate(users, 1):
        facts = make_closed_facts(step_users, number)
        unchecked.add_step(plan, facts)
        checked.add_step(plan, facts)
        for after, check_users in checks:
            if after == number:
                checked.add_step(plan, make_closed_facts(check_users, 90), purpose)
        checked.step_number = number
    assert checked.steps == unchecked.steps
    assert checked.baseline == unchecked.baseline
    assert checked.build_result(plan) == unchecked.build_result(plan)
    assert checked.finish() == unchecked.finish()
