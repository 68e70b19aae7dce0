"""What would help a size is the next larger one that was measured, or inferred from the memory of a user."""

from dataclasses import replace

from harness.analyse.result.remedies import add_remedies, find_remedies
from harness.model import MIB, CellResult, Factor, Limits, Status, TargetUse
from harness.model.curves import Remedy
from harness.report.view.curves import describe_remedies
from tests.builders import make_result
from tests.unit.analyse.synthetic import make_step
from tests.unit.report import example

SMALL = make_result(0.5, 100, 110, mib=96)
MORE_MEMORY = make_result(0.5, 190, 200, mib=256)
MORE_CPU = make_result(1.0, 101, 111, mib=96)


def use_memory(*users_and_mib: tuple[int, int]) -> CellResult:
    """Return the small size, which memory stops, with a window for each number of users and its memory."""
    steps = tuple(
        make_step(users, "PASS", rps=10.0, target=TargetUse(memory_peak_bytes=mib * MIB))
        for users, mib in users_and_mib
    )
    return replace(SMALL, limiting_factor=Factor.MEMORY, steps=steps)


def test_the_next_larger_sizes_tell_what_helps_the_most_first() -> None:
    remedies = find_remedies(SMALL, [SMALL, MORE_CPU, make_result(0.5, 400, 410, mib=512), MORE_MEMORY])
    assert remedies == (
        Remedy(Limits(0.5, 256 * MIB), 90, is_measured=True),
        Remedy(Limits(1.0, 96 * MIB), 1, is_measured=True, is_clear=False),
    )


def test_it_is_said_in_words() -> None:
    cell = replace(SMALL, remedies=find_remedies(SMALL, [SMALL, MORE_CPU, MORE_MEMORY]))
    assert describe_remedies(cell) == (
        "256 MiB instead of 96 MiB: 90 users more (measured); "
        "1 CPU instead of 0.5 CPU hardly helps (measured)"
    )


def test_a_size_that_sustained_all_users_gives_a_lower_bound() -> None:
    all_users = make_result(0.5, 400, None, Status.CENSORED, mib=256)
    cell = replace(SMALL, remedies=find_remedies(SMALL, [all_users]))
    assert describe_remedies(cell) == "256 MiB instead of 96 MiB: at least 300 users more (measured)"


def test_a_size_that_may_sustain_far_more_than_was_tried_does_not_hardly_help() -> None:
    """390 of 400 users are nearly as many as all, which is all that is known of the larger size."""
    nearly, all_users = (make_result(0.5, 390, 400, mib=96), make_result(0.5, 400, None, Status.CENSORED))
    cell = replace(nearly, remedies=find_remedies(nearly, [nearly, all_users]))
    assert describe_remedies(cell) == (
        "256 MiB instead of 96 MiB: no clear difference up to 400 users (measured)"
    )


def test_memory_that_no_larger_size_shows_is_inferred_from_what_a_user_needs() -> None:
    """50 users use 48 MiB and 100 use 88 MiB: 0.8 MiB a user, so 96 MiB more hold 120 more users."""
    cell = use_memory((50, 48), (100, 88))
    cell = replace(cell, remedies=find_remedies(cell, [cell, MORE_CPU]))
    assert cell.remedies[0] == Remedy(Limits(0.5, 192 * MIB), 120, is_measured=False)
    assert describe_remedies(cell).startswith(
        "192 MiB instead of 96 MiB: about 120 users more (inferred from what a user needs)"
    )


def test_pages_of_files_are_no_memory_of_a_user() -> None:
    """They fill 60 and 24 of 96 MiB. Without them 50 users use 30 MiB and 100 use 70: 0.8 MiB a user."""
    cell = use_memory((50, 90), (100, 94))
    steps = tuple(
        replace(step, target=replace(step.target, own_memory_peak_bytes=own_mib * MIB))
        for step, own_mib in zip(cell.steps, (30, 70), strict=True)
    )
    cell = replace(cell, steps=steps)
    assert find_remedies(cell, [cell]) == (Remedy(Limits(0.5, 192 * MIB), 120, is_measured=False),)


def test_what_is_inferred_is_bound_by_the_cpu_that_a_user_needs() -> None:
    """100 users use 0.4 of 0.5 cores, so the CPU serves 125: 25 more, although memory would hold 120 more."""
    cell = replace(use_memory((50, 48), (100, 88)), cpu_used_cores=0.4)
    assert find_remedies(cell, [cell]) == (Remedy(Limits(0.5, 192 * MIB), 25, is_measured=False),)


def test_what_is_inferred_never_contradicts_what_is_measured() -> None:
    """0.25 CPU with 192 MiB sustained 300 users, and 1 CPU with 256 MiB broke at 181."""
    cell = use_memory((50, 48), (100, 88))
    smaller, larger = make_result(0.25, 300, 310, mib=192), make_result(1.0, 170, 181)
    (bound,) = find_remedies(cell, [cell, larger])
    assert bound.more_users == 80
    (bound,) = find_remedies(cell, [cell, smaller])
    assert bound.more_users == 200


def test_memory_that_the_cpu_leaves_unused_hardly_helps() -> None:
    cell = replace(use_memory((50, 48), (100, 88)), cpu_used_cores=0.5)
    cell = replace(cell, remedies=find_remedies(cell, [cell]))
    assert describe_remedies(cell) == (
        "192 MiB instead of 96 MiB hardly helps (inferred from what a user needs)"
    )


def test_where_neither_cpu_nor_memory_helps_alone_more_of_both_does() -> None:
    """Four sizes: both limits of the smallest stop it at 100 users, so twice of one adds nothing."""
    both = make_result(1.0, 200, 210, mib=192)
    others = [make_result(0.5, 101, 111, mib=192), MORE_CPU, both, make_result(2.0, 400, 410, mib=512)]
    cell = replace(SMALL, remedies=find_remedies(SMALL, [SMALL, *others]))
    assert describe_remedies(cell) == (
        "1 CPU / 192 MiB instead of 0.5 CPU / 96 MiB: 100 users more (measured); "
        "192 MiB instead of 96 MiB hardly helps (measured); 1 CPU instead of 0.5 CPU hardly helps (measured)"
    )


def test_a_difference_that_the_hosts_speed_may_explain_is_not_clear() -> None:
    """Without the host's pace, what the CPU sustains differs by up to 29 % between windows."""
    slightly_more = make_result(0.5, 117, 127, mib=256)
    cell = replace(SMALL, remedies=find_remedies(SMALL, [SMALL, slightly_more]))
    assert describe_remedies(cell) == (
        "256 MiB instead of 96 MiB: 17 users more, which noise or the host's speed may explain (measured)"
    )


def test_a_size_that_did_not_come_up_is_helped_by_one_that_did() -> None:
    failed = make_result(0.5, None, None, Status.FAILED, Factor.MEMORY, mib=48)
    cell = replace(failed, remedies=find_remedies(failed, [failed, SMALL]))
    assert describe_remedies(cell) == "96 MiB instead of 48 MiB: 100 users more (measured)"


def test_a_larger_size_that_sustains_nothing_is_no_help_and_nothing_is_inferred_beside_it() -> None:
    cell = use_memory((50, 48), (100, 88))
    cell = replace(cell, remedies=find_remedies(cell, [cell, make_result(0.5, None, 1, Status.NONE)]))
    assert describe_remedies(cell) == "256 MiB instead of 96 MiB hardly helps (measured)"


def test_nothing_is_inferred_from_windows_that_are_alike_or_full_or_use_no_more() -> None:
    """The kernel keeps 95 of 96 MiB, whatever more users would use."""
    for windows in ([(95, 80), (100, 88)], [(50, 88), (100, 88)], [(100, 88)], [(50, 48), (100, 95)]):
        cell = use_memory(*windows)
        assert find_remedies(cell, [cell]) == ()


def test_a_size_without_an_answer_that_stopped_it_needs_no_help() -> None:
    censored = make_result(1.0, 400, None, Status.CENSORED)
    assert find_remedies(censored, [censored, make_result(2.0, 400, None, Status.CENSORED)]) == ()


def test_every_cell_of_a_campaign_that_something_stopped_is_asked() -> None:
    result = add_remedies(example.build_campaign())
    helped = {cell.cell.id for cell in result.cells if cell.remedies}
    stopped = {cell.cell.id for cell in result.cells if cell.status is not Status.CENSORED}
    assert len(helped) == 7
    assert helped == stopped
