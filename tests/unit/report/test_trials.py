"""Bursts and soaks stand in the page, in summary.json and in the gate, each in one clear paragraph."""

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.analyse.result.trial_checks import check_any_requirement
from harness.model import MIB, CampaignResult, Judgement, Rule, Series
from harness.model.evidence import CpuStolen, EndedStep, NotReady
from harness.model.trials import (
    Burst,
    BurstOutcome,
    BurstPart,
    LongSoak,
    MemoryGrowth,
    ResponseDrift,
    SoakMemory,
    Trials,
)
from harness.plan import parse_any_requirement
from harness.report import build_summary, build_view, describe_check, render_html, render_report
from harness.report.view.trials import describe_trial, summarize_trial
from tests.summary_schema import VALIDATOR
from tests.unit.report import example

SIZE = example.build_campaign().sizing.recommended
assert SIZE is not None
CELL = SIZE.cell
OTHER = next(cell.cell for cell in example.NINE_SIZES if cell.cell.limits != CELL.limits)
STEAL = Judgement(Rule.STEAL, CpuStolen(0.14))
SERIES = Series(1.0, (30.0, 90.0), *[(1.0, 2.0, None)] * 9)

RECOVERED = Burst(
    CELL,
    400,
    1200,
    "2026-01-01T13:00:00+00:00",
    BurstOutcome.RECOVERED,
    held_s=60.0,
    before=BurstPart(30.0, 4560, 0, 152.0, 0.031, 0.12),
    during=BurstPart(60.0, 9120, 191, 149.0, 4.2, 8.21),
    after=BurstPart(40.0, 6000, 30, 150.0, 0.5, 7.4),
    steady_after_s=15.0,
    watched_s=40.0,
    series=SERIES,
)
MEMORY = SoakMemory(
    MemoryGrowth.LEVEL, 1800.0, 80 * MIB, 87 * MIB, 90 * MIB, 100.0, (-200.0, 400.0), None, 400_000.0
)
STEP = replace(example.build_step(9, 400, 1.0), window_s=1800.0)
SOAK = LongSoak(
    CELL,
    400,
    "2026-01-01T14:00:00+00:00",
    STEP,
    STEP.judgement,
    MEMORY,
    ResponseDrift(30, 60.0, 0.031, 0.01, (-0.03, 0.05)),
)


def campaign(*, bursts: tuple[Burst, ...] = (), soaks: tuple[LongSoak, ...] = ()) -> CampaignResult:
    return example.build_campaign(trials=Trials(bursts, soaks))


def test_a_burst_is_one_paragraph() -> None:
    size = f"{CELL.limits.cpu_cores:g} CPU / {CELL.limits.memory_bytes // MIB} MiB"
    assert describe_trial(RECOVERED) == (
        f"{size} under a burst: 400 users, then 1200 for 1 min. It was steady again 15 s after they left. "
        "In the burst 2.1 % of 9120 requests failed, with p95 4.20 s and 8.21 s at worst. "
        "After it 0.5 % of 6000 requests failed, with p95 0.50 s and 7.40 s at worst. "
        "Before it none of 4560 requests failed, with p95 0.031 s and 0.12 s at worst."
    )


@pytest.mark.parametrize(
    ("change", "words", "outcome"),
    [
        ({"steady_after_s": 0.0}, "steady again as soon as they left", "steady again as soon as they left"),
        (
            {"outcome": BurstOutcome.NOT_RECOVERED, "steady_after_s": None, "watched_s": 300.0},
            "It was not steady again in the 5 min after they left.",
            "not steady again within 5 min",
        ),
        (
            {
                "outcome": BurstOutcome.BROKE,
                "steady_after_s": None,
                "evidence": Judgement(Rule.DIED, EndedStep("exit code 1")),
            },
            "It broke: ",
            "broke",
        ),
        (
            {"outcome": BurstOutcome.UNTOLD, "steady_after_s": None, "evidence": STEAL, "later_doubt": STEAL},
            "This tells nothing: ",
            "tells nothing",
        ),
        (
            {"doubt": STEAL},
            "The burst may have been less than was asked: ",
            "steady again 15 s after they left",
        ),
    ],
)
def test_each_outcome_of_a_burst_has_its_words(change: dict[str, Any], words: str, outcome: str) -> None:
    burst = replace(RECOVERED, **change)
    assert words in describe_trial(burst)
    assert summarize_trial(burst) == outcome


@pytest.mark.parametrize(
    ("during", "words"),
    [
        (BurstPart(60.0, 0, 0, 0.0, None, 8.21), "no request was answered: somebody waited for 8.21 s."),
        (BurstPart(60.0, 50, 50, 0.0, None, 2.5), "100 % of 50 requests failed, with 2.50 s at worst."),
    ],
)
def test_a_burst_without_any_good_answer_says_how_long_users_waited(during: BurstPart, words: str) -> None:
    burst = replace(RECOVERED, during=during)
    assert f"In the burst {words}" in describe_trial(burst)


def test_a_burst_without_a_container_says_so() -> None:
    burst = Burst(CELL, 0, 0, "", BurstOutcome.UNTOLD, NotReady("exit code 1"))
    assert "it did not come up again (" in describe_trial(burst)
    assert VALIDATOR.is_valid(build_summary(campaign(bursts=(burst,))))


def test_a_soak_is_one_paragraph() -> None:
    """400 bytes a second are 0.02 MiB a minute; 400,000 s are 4.6 days."""
    words = describe_trial(SOAK)
    assert "held with 400 users for 30 min: every SLO holds (" in words
    limit = f"{CELL.limits.memory_bytes // MIB} MiB"
    assert f"Memory is level at 87 MiB of {limit}: no growth that 30 min can tell (at most " in words
    assert "(at most 0.02 MiB a minute is likely, by which its limit lasts for 5 days or longer)." in words
    assert "p95 0.031 s: no drift that 30 min can tell (-3.0 % to +5.0 %). No process of it ended." in words


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (
            replace(
                MEMORY,
                growth=MemoryGrowth.GROWS,
                growth_bytes_per_s=MIB / 60,
                growth_interval=(0.9 * MIB / 60, 1.1 * MIB / 60),
                lasts_s=5 * 3600.0,
            ),
            "Memory grows by 1.00 MiB a minute (0.90 to 1.10): 87 MiB of ",
        ),
        (replace(MEMORY, growth=MemoryGrowth.GROWS, is_full=True), "Memory rose to its limit: 87 MiB of "),
        (replace(MEMORY, growth=MemoryGrowth.SLOWS), "Memory still grows, ever more slowly: 87 MiB of "),
        (replace(MEMORY, growth=MemoryGrowth.UNTOLD), "It is not known whether memory is level: 87 MiB of "),
        (replace(MEMORY, growth_interval=(-9.0, -1.0), lasts_at_least_s=None), "it rather falls"),
    ],
)
def test_each_growth_has_its_words(memory: SoakMemory, words: str) -> None:
    assert words in describe_trial(replace(SOAK, memory=memory))


def test_a_drift_that_is_told_says_by_how_much() -> None:
    drift = ResponseDrift(30, 60.0, 0.031, 0.12, (0.08, 0.16))
    words = describe_trial(replace(SOAK, drift=drift, restarts=2))
    assert "p95 0.031 s: it rose by 12 % over the soak (+8.0 % to +16 %)." in words
    assert "A process of it ended 2 times." in words


def test_the_page_shows_each_trial_with_its_table_and_its_curves() -> None:
    text = render_html(build_view(campaign(bursts=(RECOVERED,), soaks=(SOAK,))))
    assert "Bursts and soaks" in text
    assert "steady again 15 s after they left" in text.replace("\u00a0", " ")
    assert 'data-time="trial-1"' in text
    assert 'data-time="trial-2"' not in text, "this soak has no series"
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    assert data["trial-1"]["time"][0]["window"] == [30.0, 90.0]
    assert "Bursts and soaks" not in render_html(build_view(campaign()))


def test_summary_json_has_every_trial_and_follows_its_schema() -> None:
    summary = build_summary(
        campaign(bursts=(RECOVERED,), soaks=(SOAK, replace(SOAK, memory=None, drift=None)))
    )
    VALIDATOR.validate(summary)
    (burst,), (soak, _) = summary["bursts"], summary["soaks"]
    assert (burst["cell"], burst["outcome"], burst["steady_after_s"]) == (CELL.id, "recovered", 15.0)
    assert (burst["during"]["errors"], burst["during"]["worst_s"]) == (191, 8.21)
    assert (soak["verdict"], soak["memory"]["growth"], soak["p95_drift"]["told"]) == ("PASS", "level", False)
    assert summary == build_summary(campaign()) | {"bursts": summary["bursts"], "soaks": summary["soaks"]}


def test_the_text_for_a_pull_request_has_each_trial() -> None:
    assert "under a burst" in render_report(campaign(bursts=(RECOVERED,)))["summary.md"]


def check(text: str, result: CampaignResult) -> bool | None:
    return check_any_requirement(result, parse_any_requirement(text)).is_met


@pytest.mark.parametrize(
    ("burst", "is_met"),
    [
        (RECOVERED, True),
        (replace(RECOVERED, steady_after_s=65.0), False),
        (replace(RECOVERED, steady_after_s=65.0, later_doubt=STEAL), None),
        (replace(RECOVERED, doubt=STEAL), None),
        (replace(RECOVERED, outcome=BurstOutcome.NOT_RECOVERED, steady_after_s=None, watched_s=300.0), False),
        (replace(RECOVERED, outcome=BurstOutcome.NOT_RECOVERED, steady_after_s=None, watched_s=30.0), None),
        (replace(RECOVERED, outcome=BurstOutcome.BROKE, steady_after_s=None), False),
        (replace(RECOVERED, outcome=BurstOutcome.UNTOLD, steady_after_s=None), None),
        (replace(RECOVERED, cell=OTHER), None),
    ],
)
def test_a_burst_meets_a_requirement_or_not(burst: Burst, is_met: bool | None) -> None:
    assert check("recovers within 60s", campaign(bursts=(burst,))) is is_met


def test_the_last_burst_of_a_size_counts() -> None:
    slow = replace(RECOVERED, steady_after_s=65.0)
    assert check("recovers within 60s", campaign(bursts=(slow, RECOVERED))) is True
    assert check("recovers within 60s", campaign(bursts=(RECOVERED, slow))) is False
    assert check("recovers within 60s", campaign()) is None


def test_bounds_choose_other_sizes_than_the_one_to_take() -> None:
    other = replace(RECOVERED, cell=OTHER)
    bounds = f"at cpus <= {OTHER.limits.cpu_cores:g} and memory <= {OTHER.limits.memory_bytes // MIB}MiB"
    assert check(f"recovers within 60s {bounds}", campaign(bursts=(other,))) is True
    assert check("recovers within 60s at cpus <= 0.01", campaign(bursts=(other,))) is None


@pytest.mark.parametrize(
    ("growth", "is_met"),
    [
        (MemoryGrowth.LEVEL, True),
        (MemoryGrowth.GROWS, False),
        (MemoryGrowth.SLOWS, None),
        (MemoryGrowth.UNTOLD, None),
    ],
)
def test_a_soak_meets_the_requirement_that_memory_is_level_or_not(
    growth: MemoryGrowth, is_met: bool | None
) -> None:
    soak = replace(SOAK, memory=replace(MEMORY, growth=growth))
    assert check("memory level", campaign(soaks=(soak,))) is is_met
    assert check("memory is level", campaign(soaks=(soak,))) is is_met


def test_a_soak_without_a_container_or_with_a_killed_process_has_no_level_memory() -> None:
    killed = replace(STEP, target=replace(STEP.target, is_out_of_memory=True))
    assert check("memory level", campaign(soaks=(replace(SOAK, step=killed),))) is False
    assert check("memory level", campaign(soaks=(replace(SOAK, step=None, memory=None),))) is None


@pytest.mark.parametrize(
    "change",
    [
        {"restarts": 1},
        {"step": replace(STEP, judgement=Judgement(Rule.DIED, EndedStep("exit code 1")))},
        {"step": replace(STEP, judgement=Judgement(Rule.ALL_FAILED, EndedStep("")))},
    ],
    ids=["restarted", "died", "answered nothing"],
)
def test_a_soak_that_ended_before_its_time_does_not_tell_that_memory_is_level(change: dict[str, Any]) -> None:
    soak = replace(SOAK, **change)
    assert check("memory level", campaign(soaks=(soak,))) is None
    grows = replace(soak, memory=replace(MEMORY, growth=MemoryGrowth.GROWS))
    assert check("memory level", campaign(soaks=(grows,))) is False


def test_a_late_recovery_names_what_else_may_have_delayed_it() -> None:
    assert "It may not be the target that took so long: " in describe_trial(
        replace(RECOVERED, later_doubt=STEAL)
    )
    at_once = replace(RECOVERED, later_doubt=STEAL, steady_after_s=0.0)
    assert "took so long" not in describe_trial(at_once)


def test_a_check_says_what_decides_it_or_what_is_missing() -> None:
    requirement = parse_any_requirement("recovers within 60s")
    met = check_any_requirement(campaign(bursts=(RECOVERED,)), requirement)
    assert describe_check(met).startswith("met: recovers within 60s: ")
    assert "steady again 15 s after they left" in describe_check(met)
    missing = check_any_requirement(campaign(), parse_any_requirement("memory level"))
    assert describe_check(missing) == (
        "INCONCLUSIVE: memory level: `harness soak` has not held the size to take yet"
    )


def test_requirements_on_users_are_checked_as_before() -> None:
    requirement = parse_any_requirement("users >= 1")
    assert check_any_requirement(campaign(), requirement).is_met is True
