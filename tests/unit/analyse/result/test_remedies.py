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
        Remedy(Limits(1.0, 96 * MIB), 1, is_measured=True),
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


def test_memory_that_no_larger_size_shows_is_inferred_from_what_a_user_needs() -> None:
    """50 users use 48 MiB and 100 use 88 MiB: 0.8 MiB a user, so 96 MiB more hold 120 more users."""
    cell = use_memory((50, 48), (100, 88))
    cell = replace(cell, remedies=find_remedies(cell, [cell, MORE_CPU]))
    assert cell.remedies[0] == Remedy(Limits(0.5, 192 * MIB), 120, is_measured=False)
    assert describe_remedies(cell).startswith(
        "192 MiB instead of 96 MiB: about 120 users more (inferred from"
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


def test_nothing_is_inferred_from_windows_that_are_alike_or_use_no_more() -> None:
    for cell in (use_memory((95, 80), (100, 88)), use_memory((50, 88), (100, 88)), use_memory((100, 88))):
        assert find_remedies(cell, [cell]) == ()


def test_a_size_without_a_bracket_needs_no_help() -> None:
    censored = make_result(1.0, 400, None, Status.CENSORED)
    assert find_remedies(censored, [censored, make_result(2.0, 400, None, Status.CENSORED)]) == ()


def test_every_cell_of_a_campaign_is_asked() -> None:
    result = add_remedies(example.build_campaign())
    helped = {cell.cell.id for cell in result.cells if cell.remedies}
    assert helped == {"web-c0.25-m96", "web-c0.25-m256", "web-c0.50-m96", "web-c0.50-m256", "web-c1.00-m48"}
