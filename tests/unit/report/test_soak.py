"""What a soak has shown stands in the sentence, the warnings, the trust section and summary.json."""

import json
from dataclasses import replace

import pytest

from harness.analyse.result.sizing import recommend_size
from harness.analyse.result.soak import add_soak
from harness.model import (
    MIB,
    CampaignResult,
    CellResult,
    HostUse,
    Judgement,
    MemoryOutlook,
    MemoryTrend,
    Rule,
    Soak,
    StepResult,
    TargetUse,
)
from harness.model.cell_evidence import BrokeInSoak
from harness.model.evidence import CpuQuotaUsed, EndedStep, NotReady
from harness.report import build_summary, build_view, render_report, write_recommendation
from harness.report.formats.sizing_text import describe_sizing
from harness.report.view.brief import Brief, build_brief
from harness.report.view.cell_text import describe_soak, format_bracket, list_figures, write_remark
from harness.report.view.explanations import explain_evidence
from harness.report.view.memory import describe_memory
from tests.summary_schema import VALIDATOR
from tests.unit.report import example

SIZE = example.build_censored_size(1.0, 96)
SMALLER = example.build_cpu_bound(0.5, 96, (245,), (257,))
STEP = replace(example.build_step(9, 400, 1.0), window_s=300.0, load_s=330.0)
"""By the closed model: p95 0.017 s, 80 % of its CPU, 34 + 400 × 0.13 = 86 MiB."""

SURVIVED = Soak(400, STEP, STEP.judgement, 330.0)
DEAD = Soak(400, None, NotReady("exit code 1"))


def break_soak(judgement: Judgement, step: StepResult = STEP) -> Soak:
    return Soak(400, replace(step, judgement=judgement), judgement, 330.0)


TOO_SLOW = break_soak(example.judge_too_slow(400, 1.0))
DIED = break_soak(
    Judgement(Rule.DIED, EndedStep("exit code 137")), replace(STEP, window_s=180.0, load_s=213.0)
)
STOLEN = break_soak(Judgement(Rule.GENERATOR, EndedStep("it was killed")))


def build_campaign(soak: Soak | None, *others: CellResult, soak_s: float = 300.0) -> CampaignResult:
    return example.build_campaign([SMALLER, add_soak(SIZE, soak), *others], soak_s=soak_s)


def recommend(soak: Soak | None, *others: CellResult) -> str:
    return write_recommendation(build_view(build_campaign(soak, *others)))


def test_the_recommendation_says_how_long_the_size_was_held_and_what_was_seen() -> None:
    assert recommend(SURVIVED).startswith(
        "For 400 users take 1 CPU / 96 MiB: it sustained all 400 for 5 min, and it is "
    )
    assert (
        " It did so with p95 0.017 s, 80 % of its CPU and 86 MiB of memory. With less CPU, 0.5 CPU / 96 MiB "
        "sustains only"
    ) in recommend(SURVIVED)


def test_the_size_for_another_number_of_users_is_named_with_its_soak() -> None:
    cells = build_campaign(SURVIVED).cells
    (line, *_) = describe_sizing(recommend_size(cells, 300))
    assert line.startswith(
        "For 300 users take 1 CPU / 96 MiB, which sustains at least 400 users. It is over 99 % sure that "
        "another run sustains 300 users. At the end of the campaign it was held for 5 min at 400 users: p95 "
        "0.017 s, 80 % of its CPU, 86 MiB of memory. The next smaller size is 0.5 CPU / 96 MiB, which "
    )
    assert "At the end" not in describe_sizing(recommend_size(build_campaign(None).cells, 300))[0]


def test_a_size_that_was_not_held_longer_does_not_pretend_it_was() -> None:
    assert "it sustained all 400, and it is" in recommend(None)
    assert " It did so with p95 0.017 s and 80 % of its CPU. With less CPU" in recommend(None)


def test_a_size_that_broke_gives_way_to_the_next_and_is_explained() -> None:
    sentence = recommend(TOO_SLOW, add_soak(example.build_censored_size(2.0, 96), SURVIVED))
    assert sentence.startswith("For 400 users take 2 CPU / 96 MiB: it sustained all 400 for 5 min")
    assert (
        "With less CPU, 1 CPU / 96 MiB sustains only 200 and breaks at 400, because at 400 users it passed "
        "for 40 s, but it broke when held for 5 min: " in sentence
    )


@pytest.mark.parametrize(
    ("soak", "doubt"),
    [
        (STOLEN, "because holding it was invalid twice (the load ended early: it was killed; "),
        (DEAD, "because it did not come up again (exit code 1); hold it again with harness soak."),
    ],
)
def test_a_size_that_could_not_be_held_longer_is_recommended_with_a_doubt(soak: Soak, doubt: str) -> None:
    """It is sure of windows such as that of 40 s in which it passed, unless its target came up no more."""
    assert f". It is not confirmed for longer at 400 users, {doubt}" in recommend(soak)
    assert "it sustained all 400 for 40 s" in recommend(soak)
    assert "for 5 min" not in recommend(soak)
    is_sure = soak is not DEAD
    assert ("% sure that another run does too" in recommend(soak)) is is_sure
    (line, *_) = describe_sizing(recommend_size(build_campaign(soak).cells, 300))
    assert ("% sure that another run sustains 300 users" in line) is is_sure
    assert any("not confirmed for longer at 400 users" in each for each in build_brief_of(soak).caveats)


def build_brief_of(soak: Soak) -> Brief:
    return build_brief(build_view(build_campaign(soak)))


def test_a_soak_that_was_held_later_is_told_as_such() -> None:
    later = replace(SURVIVED, is_later=True)
    assert recommend(later) == recommend(SURVIVED)
    assert "; later held for 5 min" in f"; {write_remark(add_soak(SIZE, later))}"
    (line, *_) = describe_sizing(recommend_size(build_campaign(later).cells, 300))
    assert "After the campaign it was held for 5 min at 400 users" in line


def test_more_users_than_those_of_the_campaign_are_named() -> None:
    step = replace(STEP, users=500, window_s=1800.0)
    more = Soak(500, step, step.judgement, is_later=True)
    assert "it sustained all 400, and 500 for 30 min, and it is " in recommend(more)


def test_a_size_that_takes_the_place_of_one_that_broke_later_was_not_held_itself() -> None:
    sentence = recommend(replace(TOO_SLOW, is_later=True), example.build_censored_size(2.0, 96))
    assert sentence.startswith("For 400 users take 2 CPU / 96 MiB: it sustained all 400, and it is")
    assert "It is not confirmed for longer than its windows; hold it with harness soak." in sentence


def test_a_size_that_broke_with_fewer_users_than_it_had_passed_with_names_both() -> None:
    evidence = BrokeInSoak(300, 40.0, 1800.0, False, CpuQuotaUsed(1.0, 0.5, None), 400)
    assert explain_evidence(evidence).startswith(
        "at 400 users it passed for 40 s, but it broke when held for 30 min at 300 users: its CPU quota"
    )


@pytest.mark.parametrize(
    ("own_mib", "words"),
    [
        (None, "250 MiB of memory"),
        (226, "250 MiB of memory"),
        (50, "50 MiB of memory (250 MiB with pages of files)"),
    ],
)
def test_pages_of_files_are_told_from_what_the_program_needs(own_mib: int | None, words: str) -> None:
    own_bytes = None if own_mib is None else own_mib * MIB
    use = TargetUse(memory_peak_bytes=250 * MIB, own_memory_peak_bytes=own_bytes)
    assert list_figures(replace(STEP, target=use), SIZE.cell.limits)[-1] == words


def test_a_size_that_broke_on_a_slower_host_first_says_so() -> None:
    """A fixed piece of work took 2.3 ms then, and 2 ms when the size survived."""
    failed = replace(STEP, judgement=example.judge_too_slow(400, 1.0), host=HostUse(work_s=0.0023))
    soak = replace(SURVIVED, step=replace(STEP, host=HostUse(work_s=0.002)), slow_failure=failed)
    reason = explain_evidence(failed.judgement)
    doubt = f"broke when it was held before, while the host was 15 % slower ({reason})"
    assert f" It {doubt}. With less CPU" in recommend(soak)
    assert describe_soak(add_soak(SIZE, soak)).endswith(f"; it {doubt}")


def make_trend(outlook: MemoryOutlook, observed_s: float, mib: int) -> MemoryTrend:
    """Return memory that grows by 3 MiB a minute; 96 MiB then last for so many minutes as 3 MiB fit."""
    growth = 3 * MIB / 60
    return MemoryTrend(
        outlook, observed_s, 0, mib * MIB, growth, growth, growth, 0.0, (96 - mib) * MIB / growth
    )


def test_the_memory_of_a_size_is_that_at_the_end_of_its_soak() -> None:
    searched = replace(SIZE.steps[-1], memory=make_trend(MemoryOutlook.UNKNOWN, 30.0, 36))
    size = replace(SIZE, steps=(*SIZE.steps[:-1], searched))
    assert "not known how long its memory lasts: 36 MiB of 96 MiB at 400 users" in write_remark(size)
    lasting = replace(STEP, memory=make_trend(MemoryOutlook.LASTS, 310.0, 90))
    known = replace(size, soak=Soak(400, lasting, lasting.judgement))
    assert describe_memory(known).startswith("90 MiB of 96 MiB at 400 users, growing by 3.0 MiB a minute")
    assert "not known" not in write_remark(known)


def test_the_recommendation_says_if_it_is_not_known_how_long_the_memory_lasts() -> None:
    growing = replace(STEP, memory=make_trend(MemoryOutlook.UNKNOWN, 310.0, 90))
    assert (
        "of memory. It is not known how long its memory lasts: 90 MiB of 96 MiB at 400 users, growing by 3.0 "
        "MiB a minute: full after 2 min (watched for 5 min 10 s, which is too short to tell). With less CPU"
    ) in recommend(Soak(400, growing, growing.judgement))


@pytest.mark.parametrize(
    ("low_share", "lasts_s", "is_said"),
    [(1.0, 43_200.0, True), (1.0, 43_201.0, False), (0.51, 43_200.0, True), (0.5, 43_200.0, False)],
)
def test_memory_that_surely_grows_and_is_full_within_half_a_day_is_warned_of(
    low_share: float, lasts_s: float, is_said: bool
) -> None:
    """Growth is sure if its interval reaches down to more than half of it."""
    trend = make_trend(MemoryOutlook.LASTS, 310.0, 60)
    trend = replace(trend, growth_low=low_share * trend.growth_low, lasts_s=lasts_s)
    growing = replace(STEP, memory=trend)
    sentence = "Its memory grows by 3.0 MiB a minute at 400 users: 96 MiB last 12 h 00 min"
    assert (sentence in recommend(Soak(400, growing, growing.judgement))) is is_said


def test_a_target_that_ended_broke_after_the_time_that_it_lasted() -> None:
    result = add_soak(SIZE, DIED)
    assert (
        "at 400 users it passed for 40 s, but it broke after 3 min 33 s when held longer: "
        in explain_evidence(result.evidence)
    )


def test_a_size_that_only_followed_from_a_smaller_one_is_not_said_to_have_passed() -> None:
    evidence = BrokeInSoak(400, None, 300.0, False, CpuQuotaUsed(1.0, 0.5, None))
    assert explain_evidence(evidence).startswith(
        "at 400 users a smaller size passed, but it broke when held for 5 min: its CPU quota is used up"
    )


def test_a_size_that_broke_is_warned_of_and_shown_with_its_bracket() -> None:
    broken = add_soak(SIZE, TOO_SLOW)
    assert format_bracket(broken) == "200 – 400"
    assert format_bracket(add_soak(replace(SIZE, steps=SIZE.steps[-1:]), TOO_SLOW)) == "< 400"
    (warning,) = (line for line in build_view(build_campaign(TOO_SLOW)).warnings if "not recommended" in line)
    assert warning.startswith("1 CPU / 96 MiB is not recommended for 400 users: at 400 users it passed for")
    assert "at the end broken at 400 users when held longer" in write_remark(broken)


@pytest.mark.parametrize(
    ("soak", "value"),
    [(SURVIVED, "survived"), (TOO_SLOW, "broke"), (STOLEN, "not confirmed"), (DEAD, "not confirmed")],
)
def test_each_soak_is_a_line_of_the_trust_section(soak: Soak, value: str) -> None:
    facts = {fact.label: fact for fact in build_view(build_campaign(soak)).trust}
    assert facts["Soak of 1 CPU / 96 MiB"].value == value
    assert facts["Soak of 1 CPU / 96 MiB"].note == describe_soak(add_soak(SIZE, soak))
    assert "Soak" not in facts


def test_a_campaign_without_a_soak_says_that_none_was_held() -> None:
    facts = {fact.label: fact.value for fact in build_view(build_campaign(None, soak_s=0.0)).trust}
    assert facts["Soak"] == "off"


def test_the_load_of_a_soak_that_was_the_drift_check_as_well_counts_once() -> None:
    campaign = build_campaign(SURVIVED)
    cells_s = sum(cell.load_s for cell in campaign.cells)
    (load,) = (fact.value for fact in build_view(campaign).trust if fact.label == "Load in all")
    minutes, seconds = divmod(round(cells_s + 330), 60)
    assert load == f"{minutes} min {seconds} s"


@pytest.mark.parametrize("soak", [None, SURVIVED, TOO_SLOW, DIED, STOLEN, DEAD])
def test_the_summary_of_every_soak_follows_the_schema(soak: Soak | None) -> None:
    VALIDATOR.validate(json.loads(render_report(build_campaign(soak))["summary.json"]))


def test_the_summary_holds_the_verdict_and_the_figures() -> None:
    (_, cell) = build_summary(build_campaign(SURVIVED))["cells"]
    assert (cell["soak_verdict"], cell["soak_users"], cell["soak_window_s"]) == ("PASS", 400, 300.0)
    assert cell["soak_memory_peak_bytes"] == 86 * 2**20
    (_, cell) = build_summary(build_campaign(DEAD))["cells"]
    assert (cell["soak_verdict"], cell["soak_users"], cell["soak_window_s"]) == ("INVALID", 400, None)
