"""Two campaigns side by side: which differences count, and what may be compared at all."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.result.comparison import (
    compare_sizes,
    find_changed_parts,
    find_doubts,
    find_machine_differences,
)
from harness.model import (
    MIB,
    Cell,
    CellResult,
    Change,
    Fingerprint,
    Limits,
    MachineDifference,
    Slo,
    Status,
)
from harness.model.decisions import NoCommonSize, ScenarioChanged, SlosChanged
from tests.builders import make_fingerprint, make_plan, make_result


def find_change(base: CellResult, head: CellResult) -> Change:
    (difference,) = compare_sizes([base], [head])
    return difference.change


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ((100, 105), (100, 105), Change.SAME),
        ((100, 105), (104, 109), Change.SAME),
        ((100, 105), (105, 110), Change.SAME),
        ((100, 105), (106, 112), Change.MORE),
        ((100, 105), (90, 94), Change.LESS),
        ((100, 140), (90, 101), Change.SAME),
    ],
)
def test_a_difference_counts_beyond_both_brackets_and_the_minimum_ratio(
    base: tuple[int, int], head: tuple[int, int], expected: Change
) -> None:
    assert find_change(make_result(1.0, *base), make_result(1.0, *head)) is expected


def test_censored_and_failed_sizes_are_compared() -> None:
    censored = make_result(1.0, 400, None, Status.CENSORED)
    assert find_change(censored, censored) is Change.SAME
    assert find_change(censored, make_result(1.0, 300, 315)) is Change.LESS
    assert find_change(make_result(1.0, 300, 315), censored) is Change.MORE
    assert find_change(make_result(1.0, None, 1, Status.NONE), make_result(1.0, 100, 105)) is Change.MORE
    assert find_change(make_result(1.0, 100, 105), make_result(1.0, None, None, Status.FAILED)) is Change.LESS
    assert (
        find_change(make_result(1.0, 100, 105), make_result(1.0, 100, None, Status.INVALID)) is Change.UNKNOWN
    )
    (difference,) = compare_sizes([censored], [make_result(1.0, 300, 315)])
    assert difference.ratio is None


def test_a_size_of_one_campaign_only_is_added_or_removed() -> None:
    before, after = make_result(1.0, 100, 105), make_result(2.0, 200, 210)
    assert [each.change for each in compare_sizes([before], [after])] == [Change.REMOVED, Change.ADDED]


def test_repetitions_of_a_size_count_together() -> None:
    base = [make_result(1.0, 100, 105), make_result(1.0, 108, 113)]
    assert compare_sizes(base, [make_result(1.0, 112, 118)])[0].change is Change.SAME
    assert compare_sizes(base, [make_result(1.0, 120, 126)])[0].change is Change.MORE


@given(st.integers(1, 400), st.integers(1, 40), st.integers(1, 400), st.integers(1, 40))
def test_swapping_both_campaigns_turns_more_into_less(low: int, width: int, other: int, wide: int) -> None:
    one, two = make_result(1.0, low, low + width), make_result(1.0, other, other + wide)
    opposite = {Change.MORE: Change.LESS, Change.LESS: Change.MORE, Change.SAME: Change.SAME}
    assert find_change(two, one) is opposite[find_change(one, two)]
    assert find_change(one, one) is Change.SAME


def test_the_same_machine_has_no_differences() -> None:
    assert find_machine_differences(make_fingerprint(), make_fingerprint()) == []
    assert (
        find_machine_differences(make_fingerprint(), make_fingerprint(machine_memory_bytes=(8 << 30) - 4096))
        == []
    )


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"machine_cores": 2}, MachineDifference("machine.cores", 4, 2)),
        ({"machine_cpu_model": "y"}, MachineDifference("machine.cpu_model", "x", "y")),
        ({"engine_version": "25"}, MachineDifference("engine.version", "24", "25")),
        ({"machine_memory_bytes": 4 << 30}, MachineDifference("machine.memory_bytes", 8 << 30, 4 << 30)),
    ],
)
def test_another_machine_is_described_by_its_differences(
    changes: dict[str, Any], difference: MachineDifference
) -> None:
    assert find_machine_differences(make_fingerprint(), make_fingerprint(**changes)) == [difference]


def test_a_fingerprint_of_another_shape_is_another_machine() -> None:
    assert find_machine_differences(Fingerprint.from_json({"machine": 3}), make_fingerprint())


def test_a_change_that_moves_a_capacity_by_itself_is_a_doubt() -> None:
    base = replace(make_plan((0.5, 256), (1.0, 256)), hashes={"scenario": "a", "target": "b"})
    assert find_doubts(base, replace(base, hashes={"scenario": "a", "target": "c"}), []) == []
    assert find_doubts(base, replace(base, hashes={"scenario": "z"}), []) == [ScenarioChanged()]
    assert find_doubts(base, replace(base, slos=(Slo("p95", 0.5),)), []) == [SlosChanged()]
    assert find_doubts(base, replace(base, cells=make_plan((4.0, 256)).cells), []) == [NoCommonSize()]
    fewer_cores = MachineDifference("machine.cores", 4, 2)
    assert find_doubts(base, base, [fewer_cores]) == [fewer_cores]


def test_changed_parts_are_named() -> None:
    stored = {"matrix": "a", "scenario": "b", "target": "c"}
    assert find_changed_parts(stored, {**stored, "target": "z", "matrix": "y"}) == ["matrix", "target"]


def test_sizes_are_matched_by_their_limits_alone() -> None:
    other = replace(make_result(1.0, 100, 105), cell=Cell("renamed", "web", Limits(1.0, 256 * MIB)))
    assert find_change(make_result(1.0, 100, 105), other) is Change.SAME
