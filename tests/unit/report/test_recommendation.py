"""Recommend the smallest size that is known to sustain the users, and claim no more than was measured."""

from dataclasses import replace

from hypothesis import given, settings

from harness.model import CampaignResult, CampaignState, CellResult, Factor, Status
from harness.report import build_view, write_recommendation
from tests.unit.report import example
from tests.unit.report.strategies import draw_campaign


def recommend(*cells: CellResult, state: CampaignState = CampaignState.COMPLETE) -> str:
    return write_recommendation(build_view(example.build_campaign(cells, state=state)))


def test_the_smallest_size_is_taken_and_its_smaller_neighbour_explained() -> None:
    assert write_recommendation(build_view(example.build_campaign())) == (
        "For 400 users take 1 CPU / 96 MiB: it sustained all 400 with p95 0.017 s and 80 % of its CPU; "
        "the next smaller size, 0.5 CPU / 96 MiB, sustains 287 (280–294) and stops there because "
        "its CPU quota is used up (100 % used, throttled in 93 % of periods)."
    )


def test_without_an_estimate_both_measured_ends_are_named() -> None:
    neighbour = replace(example.build_cpu_bound(0.5, 96, (10, 245), (257,)), estimate_users=None)
    assert "0.5 CPU / 96 MiB, sustains 245 and breaks at 257 and stops there" in recommend(
        neighbour, example.build_censored_size()
    )


def test_a_smaller_neighbour_that_could_not_be_brought_up_is_explained() -> None:
    text = recommend(example.build_failed_size(0.5, 96), example.build_censored_size())
    assert text.endswith(
        "0.5 CPU / 96 MiB, could not be brought up: "
        "it was killed while starting: out of its 48 MiB of memory."
    )


def test_a_smaller_size_without_an_answer_is_named() -> None:
    assert write_recommendation(build_view(example.build_campaign_with_undecided_sizes())).endswith(
        "Smaller, but without an answer: 0.5 CPU / 256 MiB."
    )


def test_smaller_sizes_are_recommended_if_all_sizes_sustain_the_users() -> None:
    text = recommend(example.build_censored_size(0.5, 96), example.build_censored_size(1.0, 96))
    assert text.startswith("All of these sizes sustain 400 users; the smallest, 0.5 CPU / 96 MiB, did so")
    assert text.endswith(": measure smaller ones.")


def test_the_best_size_and_a_remedy_are_named_if_no_size_sustains_the_users() -> None:
    text = recommend(
        example.build_cpu_bound(0.25, 96, (100,), (110,)),
        example.build_cpu_bound(0.5, 96, (245,), (257,)),
    )
    assert text.startswith(
        "None of these sizes sustains 400 users: the best, 0.5 CPU / 96 MiB, sustains 251 (245–257)"
    )
    assert text.endswith("; measure sizes with more CPU.")


def test_a_larger_size_is_no_remedy_for_a_target_that_waits_for_something_else() -> None:
    slow = replace(example.build_cpu_bound(0.5, 96, (245,), (257,)), limiting_factor=Factor.TARGET)
    assert recommend(slow).endswith("a larger size alone will not help, find what its requests wait for.")


def test_the_largest_size_is_explained_if_no_size_sustains_any_users() -> None:
    assert (
        "nor any number that was measured: the largest, 0.5 CPU / 48 MiB, does not even sustain 10 users"
        in recommend(example.build_failed_size(), example.build_size_without_capacity())
    )


def test_the_recommendation_of_a_running_campaign_is_about_measured_sizes_only() -> None:
    text = write_recommendation(build_view(example.build_running_campaign()))
    assert text.startswith("So far: none of the sizes with an answer sustains 400 users")
    assert "measure sizes with" not in text
    assert (
        recommend(example.build_running_size(), state=CampaignState.RUNNING)
        == "No size has an answer yet. Without an answer: 0.5 CPU / 256 MiB."
    )


def test_a_size_is_not_recommended_if_one_repetition_does_not_sustain_the_users() -> None:
    once = example.build_censored_size(0.5, 96)
    again = example.build_cpu_bound(0.5, 96, (380,), (396,))
    again = replace(again, cell=replace(again.cell, id="web-c0.50-m96-r2", repetition=2))
    assert recommend(once, again).startswith("None of these sizes sustains 400 users")


@settings(deadline=None)
@given(draw_campaign())
def test_the_recommended_size_is_the_smallest_that_sustains_the_users(result: CampaignResult) -> None:
    def sustains_users(cell: CellResult) -> bool:
        known = cell.status in (Status.CENSORED, Status.BRACKETED, Status.INFERRED)
        return known and (cell.sustained_users or 0) >= result.users_limit

    answered: dict[tuple[float, int], list[bool]] = {}
    for cell in result.cells:
        if cell.status not in (Status.INVALID, Status.SKIPPED, Status.RUNNING):
            limits = cell.cell.limits
            answered.setdefault((limits.cpu_cores, limits.memory_bytes), []).append(sustains_users(cell))
    sustaining = sorted(size for size, answers in answered.items() if all(answers))
    recommended = result.sizing.recommended
    size = recommended.cell.limits if recommended else None
    assert (size and (size.cpu_cores, size.memory_bytes)) == (sustaining[0] if sustaining else None)
