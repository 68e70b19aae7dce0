"""Recommend the smallest size that is known to sustain the users, and claim no more than was measured."""

from dataclasses import replace
from typing import Any

from harness.analyse.result.sizing import recommend_size
from harness.model import (
    MIB,
    CampaignState,
    CellResult,
    Factor,
    Judgement,
    Margin,
    MemoryOutlook,
    MemoryTrend,
    Price,
    Rule,
    Sizing,
    Slo,
    Soak,
    Status,
)
from harness.model.evidence import BrokenByLarger, MemoryGrows, SloEvaluation, SlosHold, SustainedBySmaller
from harness.report import build_view, describe_sizing, render_html, write_recommendation
from harness.report.view.recommendation import build_recommendation
from tests.builders import make_result
from tests.unit.report import example


def recommend(*cells: CellResult, state: CampaignState = CampaignState.COMPLETE) -> str:
    return write_recommendation(build_view(example.build_campaign(cells, state=state)))


def test_the_smallest_size_is_taken_and_its_smaller_neighbour_explained() -> None:
    assert write_recommendation(build_view(example.build_campaign())) == (
        "For 400 users take 1 CPU / 96 MiB: it sustained all 400, and it is over 99 % sure that another run "
        "does too. It did so with p95 0.017 s and 80 % of its CPU. With less CPU, 0.5 CPU / 96 MiB sustains "
        "only 280 (280–294), because its CPU quota is used up (100 % used, throttled in 93 % of periods). "
        "With less memory, 1 CPU / 48 MiB sustains only 80 and breaks at 92, because it ran out of its 48 "
        "MiB and was killed at 92 users."
    )


SPACIOUS = Margin(800.0, True, 0.46, 0.7, 0.999, 0.99)
TIGHT = Margin(441.0, True, 0.02, None, 0.74, 0.14)


def recommend_with_headroom(**changes: Any) -> str:
    """Recommend 1 CPU for 400 users and 30 % more, where 0.5 CPU also sustains 400."""
    tight, roomy = example.build_censored_size(0.5, 96), example.build_censored_size(1.0, 96)
    view = build_view(example.build_campaign((tight, roomy)))
    sizing = Sizing(
        400, 520, roomy, roomy, tight, margin=SPACIOUS, just_enough=tight, just_enough_margin=TIGHT
    )
    return write_recommendation(replace(view, sizing=replace(sizing, **changes)))


def test_a_smaller_size_whose_interval_reaches_the_users_is_a_toss_up() -> None:
    """It sustains 280 of 400 users here; what is said of it depends on its margin alone."""
    view = build_view(example.build_campaign())

    def write(needed: int, *, keeps_headroom: bool = True) -> str:
        margin = Margin(395.0, False, 0.0, 0.5, 0.31, 0.02)
        changed = replace(
            view.sizing, next_smaller_margin=margin, needed=needed, keeps_headroom=keeps_headroom
        )
        return write_recommendation(replace(view, sizing=changed))

    toss_up = "; whether it sustains 400 users in another run is a toss-up (31 % sure). With less memory"
    assert toss_up in write(400)
    assert toss_up in write(520, keeps_headroom=False)
    assert "in another run is a toss-up" not in write(520)
    assert "in another run is a toss-up" not in write_recommendation(view)


def test_where_a_headroom_is_kept_the_toss_up_is_on_the_headroom() -> None:
    """It sustains 400 users with 60 %, and the 420 of a headroom of 5 % with 23 %."""
    view = build_view(example.build_campaign())
    close = Margin(405.0, False, 0.0, 0.5, 0.6, 0.23)
    sizing = replace(view.sizing, next_smaller_margin=close, needed=420, keeps_headroom=True)
    text = write_recommendation(replace(view, sizing=sizing))
    assert "; whether it keeps that room in another run is a toss-up (23 % sure)." in text
    assert "whether it sustains" not in text


def test_the_first_sentence_says_which_size_to_take_and_how_sure_that_is() -> None:
    for probability, sure in ((0.999, "over 99 % sure"), (0.9, "90 % sure"), (0.74, "only 74 % sure")):
        text = recommend_with_headroom(margin=replace(SPACIOUS, probability=probability))
        assert text.startswith(
            "For 400 users take 1 CPU / 96 MiB: it sustained all 400, "
            f"and it is {sure} that another run does too. "
        )


def test_the_page_begins_with_the_answer_and_gives_the_reasons_below() -> None:
    view = build_view(example.build_campaign())
    found = build_recommendation(view)
    assert found.answer.startswith("For 400 users take 1 CPU / 96 MiB")
    assert found.reasons[0] == "It did so with p95 0.017 s and 80 % of its CPU."
    assert write_recommendation(view) == " ".join((found.answer, *found.reasons))
    page = render_html(view).replace("\u00a0", " ")
    assert f'id="sentence">{found.answer}</p>' in page
    assert all(f"<li>{reason}</li>" in page for reason in found.reasons)


def test_a_size_that_was_not_measured_itself_does_not_pretend_it_was() -> None:
    """With prices a larger size may be cheaper than the smaller one from which its answer follows."""
    smaller, larger = example.build_censored_size(0.5, 96), example.build_censored_size(1.0, 96)
    inferred = replace(
        larger,
        status=Status.INFERRED,
        steps=(),
        p95_s=None,
        cpu_used_cores=None,
        evidence=SustainedBySmaller(400, smaller.cell.limits),
    )
    view = build_view(example.build_campaign((smaller, inferred)))
    sizing = Sizing(400, 400, inferred, inferred, smaller, margin=SPACIOUS)
    assert write_recommendation(replace(view, sizing=sizing)).startswith(
        "For 400 users take 1 CPU / 96 MiB: it was not measured itself, but the smaller 0.5 CPU / 96 MiB "
        "sustains them."
    )
    step = replace(larger.steps[-1], window_s=300.0)
    held = replace(inferred, soak=Soak(400, step, step.judgement, 330.0))
    assert write_recommendation(replace(view, sizing=replace(sizing, recommended=held))).startswith(
        "For 400 users take 1 CPU / 96 MiB: it sustained all 400 for 5 min, and it is over 99 % sure"
    )


def test_the_sentence_says_what_is_spare_and_which_size_would_just_do() -> None:
    assert recommend_with_headroom().endswith(
        "of its CPU. 46 % of its CPU and 70 % of its memory are spare at 400 users, room for 30 % more users "
        "(predicted). 0.5 CPU / 96 MiB also sustains 400 (74 % sure), with 2.0 % of its CPU spare: "
        "growth or a slower host breaks it."
    )


def test_what_the_data_does_not_tell_is_a_toss_up() -> None:
    close = replace(TIGHT, headroom_probability=0.42)
    assert "0.5 CPU / 96 MiB also sustains 400; whether it keeps that room is a toss-up (42 % sure)." in (
        recommend_with_headroom(just_enough_margin=close)
    )
    doubtful = replace(SPACIOUS, headroom_probability=0.6, probability=0.9)
    text = recommend_with_headroom(margin=doubtful)
    assert "room for 30 % more users (predicted, a toss-up)." in text
    assert "it is 90 % sure that another run does too." in text


def test_a_size_without_the_headroom_is_not_praised() -> None:
    text = recommend_with_headroom(keeps_headroom=False, margin=TIGHT, just_enough=None)
    assert "2.0 % of its CPU is spare at 400 users: no size keeps room for 30 % more users, " in text
    assert "this one sustains about 441 (predicted). Measure larger sizes too." in text
    unknown = recommend_with_headroom(
        keeps_headroom=False, margin=TIGHT, just_enough=None, is_headroom_open=True
    )
    assert "2.0 % of its CPU is spare at 400 users: no size is known to keep room for 30 % more" in unknown
    bounded = recommend_with_headroom(
        keeps_headroom=False, margin=replace(TIGHT, companion="db"), just_enough=None
    )
    assert "With them its companion db uses all of its CPU: give it more." in bounded


def test_room_for_users_that_were_held_is_measured() -> None:
    """1 CPU sustained 400 users: 300 with 30 % more are 390, and 310 with 30 % more are 403."""
    assert "room for 30 % more users (measured)" in recommend_with_headroom(users=300, needed=390)
    assert "room for 30 % more users (predicted)" in recommend_with_headroom(users=310, needed=403)


def test_the_headroom_is_named_as_it_was_asked_for() -> None:
    """One user with 30 % more are 2 users, which would be 100 % more."""
    text = recommend_with_headroom(users=1, needed=2, headroom_ratio=0.3)
    assert "spare at 1 user, room for 30 % more users (measured)." in text
    assert "room for 12.5 % more users" in recommend_with_headroom(needed=450, headroom_ratio=0.125)


def test_a_predicted_capacity_is_rounded_down_as_the_rule_does() -> None:
    text = recommend_with_headroom(keeps_headroom=False, margin=replace(TIGHT, capacity_users=519.9))
    assert "this one sustains about 519 (predicted)" in text


def test_a_size_that_is_taken_for_want_of_a_roomier_one_is_not_called_the_cheapest() -> None:
    tight, roomy = example.build_censored_size(0.5, 96), example.build_censored_size(1.0, 96)
    view = build_view(example.build_campaign((tight, roomy), price=Price("EUR", 0.04, 0.0)))
    taken = view.sizing.recommended
    assert taken is not None
    assert "an hour the cheapest that is enough" in write_recommendation(view)
    loose = replace(view.sizing, needed=520, keeps_headroom=False)
    assert "an hour: it sustained all 400" in write_recommendation(replace(view, sizing=loose))
    assert "cheapest" not in describe_sizing(loose, 0.02, "EUR")[0]
    assert "for 0.0200 EUR an hour the cheapest" in describe_sizing(view.sizing, 0.02, "EUR")[0]


def test_a_sentence_names_one_user_and_no_reason_that_is_not_known() -> None:
    results = make_result(1.0, 1, None, Status.CENSORED, None), make_result(0.5, 190, 199)
    assert (
        "take 1 CPU / 256 MiB, which sustains at least 1 user."
        in describe_sizing(recommend_size(results[:1], 1))[0]
    )
    assert (
        "the best is 0.5 CPU / 256 MiB, which sustains 190 and breaks at 199 users."
        in describe_sizing(recommend_size(results, 300))[0]
    )


def test_an_unknown_margin_is_called_unknown() -> None:
    text = recommend_with_headroom(margin=None, just_enough_margin=None)
    assert text.startswith("For 400 users take 1 CPU / 96 MiB: it sustained all 400. ")
    assert "Whether it keeps room for 30 % more users is not known." in text
    assert "0.5 CPU / 96 MiB also sustains 400, and what it has to spare is not known." in text


def test_without_an_estimate_both_measured_ends_are_named() -> None:
    neighbour = replace(example.build_cpu_bound(0.5, 96, (10, 245), (257,)), estimate_users=None)
    assert "0.5 CPU / 96 MiB sustains only 245 and breaks at 257, because" in recommend(
        neighbour, example.build_censored_size()
    )


def test_a_smaller_neighbour_that_could_not_be_brought_up_is_explained() -> None:
    text = recommend(example.build_failed_size(0.5, 96), example.build_censored_size())
    assert text.endswith(
        "With less CPU, 0.5 CPU / 96 MiB could not be brought up: "
        "it was killed while starting: out of its 48 MiB of memory."
    )


def test_a_smaller_neighbour_that_follows_from_a_larger_one_is_explained() -> None:
    larger = example.build_cpu_bound(0.5, 256, (245,), (257,))
    inferred = replace(
        example.build_failed_size(0.5, 96),
        status=Status.INFERRED,
        limiting_factor=None,
        evidence=BrokenByLarger(400, larger.cell.limits),
    )
    assert recommend(inferred, example.build_censored_size()).endswith(
        "With less CPU, 0.5 CPU / 96 MiB does not sustain 400: nor does the larger 0.5 CPU / 256 MiB."
    )


def test_less_memory_that_is_enough_too_is_no_limit() -> None:
    """Of two repetitions the worse one counts, as for the size to take."""
    taken, enough = example.build_censored_size(1.0, 256), example.build_censored_size(1.0, 96)
    less_cpu = example.build_cpu_bound(0.5, 256, (245,), (257,))
    view = build_view(example.build_campaign((less_cpu, enough, taken)))
    sizing = Sizing(400, 400, taken, taken, less_cpu)
    assert "With less memory" not in write_recommendation(replace(view, sizing=sizing))
    again = example.build_cpu_bound(1.0, 96, (353,), (367,))
    again = replace(again, cell=replace(again.cell, id="again", repetition=2))
    view = build_view(example.build_campaign((less_cpu, enough, again, taken)))
    assert "With less memory, 1 CPU / 96 MiB sustains only 353 (353–367), because" in write_recommendation(
        replace(view, sizing=sizing)
    )


def test_a_smaller_size_without_an_answer_is_named() -> None:
    assert write_recommendation(build_view(example.build_campaign_with_undecided_sizes())).endswith(
        "Smaller, but without an answer: 0.5 CPU / 256 MiB."
    )


def test_smaller_sizes_are_recommended_if_all_sizes_sustain_the_users() -> None:
    text = recommend(example.build_censored_size(0.5, 96), example.build_censored_size(1.0, 96))
    assert text.startswith("For 400 users take 0.5 CPU / 96 MiB: it sustained all 400")
    assert text.endswith("All sizes sustain them: measure smaller ones too, one may be enough.")
    alone = recommend(example.build_censored_size(0.5, 96))
    assert alone.endswith("No other size was measured: a smaller one may be enough.")


def test_the_only_size_is_called_so() -> None:
    alone = recommend(example.build_cpu_bound(0.5, 96, (245,), (257,)))
    assert alone.startswith(
        "The only size, 0.5 CPU / 96 MiB, does not sustain 400 users. It sustains only 245 (245–257), because"
    )
    failed = recommend(example.build_failed_size())
    assert "does not sustain 400 users. It could not be brought up: it was killed while starting" in failed
    tight = example.build_campaign([example.build_censored_size()], headroom_ratio=0.5)
    assert write_recommendation(build_view(tight)).endswith(
        "Measure larger sizes too. No other size was measured."
    )


def test_a_size_with_a_name_is_called_by_it_too() -> None:
    size = example.build_censored_size()
    size = replace(size, cell=replace(size.cell, size_name="large"))
    assert recommend(size).startswith("For 400 users take 1 CPU / 96 MiB (large): it sustained all 400")


def test_the_response_times_are_those_that_slos_limit() -> None:
    """An SLO on one request is left out; without a value of any other the p95 is named."""
    size = example.build_censored_size()
    named = SloEvaluation(Slo("p50", 0.3, "GET /"), 0.2, True, True)
    times = (
        SloEvaluation(Slo("p99", 0.5), 0.31, True, True),
        SloEvaluation(Slo("mean", 0.2), 0.1, True, True),
    )

    def recommend_after(*evaluations: SloEvaluation) -> str:
        last = replace(size.steps[-1], judgement=Judgement(Rule.SLOS_HOLD, SlosHold(evaluations)))
        return recommend(replace(size, steps=(*size.steps[:-1], last)))

    assert "It did so with p99 0.31 s, mean 0.10 s and 80 % of its CPU." in recommend_after(named, *times)
    assert "It did so with p95 0.017 s and 80 % of its CPU." in recommend_after(named)


def test_the_next_smaller_size_is_called_by_what_it_has_less_of() -> None:
    """Of two neighbours the one with less CPU is explained."""
    taken = example.build_censored_size(1.0, 96)
    less_memory = example.build_memory_bound()
    assert less_memory.cell.limits < taken.cell.limits
    assert "With less memory, 1 CPU / 48 MiB sustains only" in recommend(less_memory, taken)
    both = recommend(less_memory, example.build_cpu_bound(0.5, 96, (245,), (257,)), taken)
    assert 0 < both.index("With less CPU, 0.5 CPU / 96 MiB") < both.index("With less memory, 1 CPU / 48 MiB")
    other = example.build_cpu_bound(0.5, 256, (245,), (257,))
    assert "The next smaller size, 0.5 CPU / 256 MiB, sustains only" in recommend(other, taken)


def test_the_best_size_and_a_remedy_are_named_if_no_size_sustains_the_users() -> None:
    text = recommend(
        example.build_cpu_bound(0.25, 96, (100,), (110,)),
        example.build_cpu_bound(0.5, 96, (245,), (257,)),
    )
    assert text.startswith(
        "None of these sizes sustains 400 users. The best, 0.5 CPU / 96 MiB, sustains only 245 (245–257)"
    )
    assert text.endswith("; measure sizes with more CPU.")


def test_no_size_is_said_to_sustain_a_number_of_users_that_broke_it() -> None:
    """All windows together put the capacity at 16 to 20 users, although 16 broke in a window of their own."""
    size = replace(
        example.build_cpu_bound(0.5, 96, (14,), (16,)),
        estimate_users=16.3, estimate_low=14.6, estimate_high=20.0,
    )  # fmt: skip
    assert "sustains only 14 (by all windows 15–20), because" in recommend(size)


def test_a_larger_size_is_no_remedy_for_a_target_that_waits_for_something_else() -> None:
    slow = replace(example.build_cpu_bound(0.5, 96, (245,), (257,)), limiting_factor=Factor.TARGET)
    assert recommend(slow).endswith("a larger size alone will not help, find what its requests wait for.")


def test_the_largest_size_is_explained_if_no_size_sustains_any_users() -> None:
    assert (
        "nor any number that was measured. The largest, 0.5 CPU / 48 MiB, does not even sustain 10 users"
        in recommend(example.build_failed_size(), example.build_size_without_capacity())
    )


def test_a_leak_that_fills_the_memory_with_any_users_is_not_said_to_need_a_larger_size() -> None:
    """1 MiB a minute fills what is left of 96 MiB after 41 minutes."""

    def leak(*, rose_to_full: bool) -> CellResult:
        growth = MIB / 60
        trend = MemoryTrend(
            MemoryOutlook.FILLS, 300.0, 50 * MIB, 55 * MIB, growth, growth, growth, 110.0 * MIB, 41 * 60.0,
            rose_to_full,
        )  # fmt: skip
        evidence = Judgement(Rule.MEMORY_GROWS, MemoryGrows(trend, 96 * MIB, 1, 3600.0))
        size = example.build_size_without_capacity()
        return replace(size, broken_users=1, limiting_factor=Factor.MEMORY, evidence=evidence)

    sentence = recommend(leak(rose_to_full=False))
    assert (
        "does not even sustain 1 user, because its memory grows by 1.0 MiB a minute at 1 user: " in sentence
    )
    assert sentence.endswith("; find what its memory keeps, more of it only lasts longer.")
    assert recommend(leak(rose_to_full=True)).endswith("; measure sizes with more memory.")


def test_the_recommendation_of_a_running_campaign_is_about_measured_sizes_only() -> None:
    text = write_recommendation(build_view(example.build_running_campaign()))
    assert text.startswith("So far: none of the sizes with an answer sustains 400 users")
    assert "measure sizes with" not in text
    assert (
        recommend(example.build_running_size(), state=CampaignState.RUNNING)
        == "No size has an answer yet. Without an answer: 0.5 CPU / 256 MiB."
    )
    assert recommend(example.build_running_size(), state=CampaignState.INTERRUPTED).startswith(
        "No size has an answer yet."
    )


def test_a_size_is_not_recommended_if_one_repetition_does_not_sustain_the_users() -> None:
    once = example.build_censored_size(0.5, 96)
    again = example.build_cpu_bound(0.5, 96, (380,), (396,))
    again = replace(again, cell=replace(again.cell, id="web-c0.50-m96-r2", repetition=2))
    assert recommend(once, again).startswith("None of these sizes sustains 400 users")
