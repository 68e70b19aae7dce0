"""Two campaigns side by side: which differences count, and what may be compared at all."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.result.comparison import (
    compare_sizes,
    find_changed_parts,
    find_machine_differences,
    find_objections,
)
from harness.model import MIB, Cell, CellResult, Change, Fingerprint, Limits, Slo, Status
from tests.builders import make_fingerprint, make_plan, make_result


def change(base: CellResult, head: CellResult) -> Change:
    (found,) = compare_sizes([base], [head])
    return found.change


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
    assert change(make_result(1.0, *base), make_result(1.0, *head)) is expected


def test_infinite_and_missing_ends_are_compared_too() -> None:
    open_ = make_result(1.0, 400, None, Status.CENSORED)
    assert change(open_, open_) is Change.SAME
    assert change(open_, make_result(1.0, 300, 315)) is Change.LESS
    assert change(make_result(1.0, 300, 315), open_) is Change.MORE
    assert change(make_result(1.0, None, 1, Status.NONE), make_result(1.0, 100, 105)) is Change.MORE
    assert change(make_result(1.0, 100, 105), make_result(1.0, None, None, Status.FAILED)) is Change.LESS
    assert change(make_result(1.0, 100, 105), make_result(1.0, 100, None, Status.INVALID)) is Change.UNKNOWN
    (found,) = compare_sizes([open_], [make_result(1.0, 300, 315)])
    assert found.ratio is None


def test_a_size_of_one_campaign_only_is_added_or_removed() -> None:
    before, after = make_result(1.0, 100, 105), make_result(2.0, 200, 210)
    assert [each.change for each in compare_sizes([before], [after])] == [Change.REMOVED, Change.ADDED]


def test_repetitions_of_a_size_count_together() -> None:
    base = [make_result(1.0, 100, 105), make_result(1.0, 108, 113)]
    assert compare_sizes(base, [make_result(1.0, 112, 118)])[0].change is Change.SAME
    assert compare_sizes(base, [make_result(1.0, 120, 126)])[0].change is Change.MORE


@given(st.integers(1, 400), st.integers(1, 40), st.integers(1, 400), st.integers(1, 40))
def test_turned_around_more_becomes_less(low: int, width: int, other: int, wide: int) -> None:
    one, two = make_result(1.0, low, low + width), make_result(1.0, other, other + wide)
    opposite = {Change.MORE: Change.LESS, Change.LESS: Change.MORE, Change.SAME: Change.SAME}
    assert change(two, one) is opposite[change(one, two)]
    assert change(one, one) is Change.SAME


def test_the_same_machine_is_the_same() -> None:
    assert find_machine_differences(make_fingerprint(), make_fingerprint()) == []
    assert (
        find_machine_differences(make_fingerprint(), make_fingerprint(machine_memory_bytes=(8 << 30) - 4096))
        == []
    )


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"machine_cores": 2}, "machine cores 2, was 4"),
        ({"machine_cpu_model": "y"}, "machine cpu model y, was x"),
        ({"engine_version": "25"}, "engine version 25, was 24"),
        ({"machine_memory_bytes": 4 << 30}, "machine memory bytes 4294967296, was 8589934592"),
    ],
)
def test_another_machine_is_described_by_its_differences(changes: dict[str, Any], difference: str) -> None:
    assert find_machine_differences(make_fingerprint(), make_fingerprint(**changes)) == [difference]


def test_a_fingerprint_of_another_shape_is_another_machine() -> None:
    assert find_machine_differences(Fingerprint.from_json({"machine": 3}), make_fingerprint())


def test_a_change_that_moves_a_capacity_by_itself_is_an_objection() -> None:
    base = replace(make_plan((0.5, 256), (1.0, 256)), hashes={"scenario": "a", "target": "b"})
    assert find_objections(base, replace(base, hashes={"scenario": "a", "target": "c"}), []) == []
    assert find_objections(base, replace(base, hashes={"scenario": "z"}), []) == ["the scenario changed"]
    assert "other SLOs" in find_objections(base, replace(base, slos=(Slo("p95", 0.5),)), [])[0]
    assert (
        "no size in common" in find_objections(base, replace(base, cells=make_plan((4.0, 256)).cells), [])[0]
    )
    assert find_objections(base, base, ["machine cores 2, was 4"]) == [
        "another machine: machine cores 2, was 4"
    ]


def test_changed_parts_are_named() -> None:
    stored = {"matrix": "a", "scenario": "b", "target": "c"}
    assert find_changed_parts(stored, {**stored, "target": "z", "matrix": "y"}) == [
        "the matrix",
        "the target",
    ]


def test_cells_are_told_apart_by_their_limits_alone() -> None:
    other = replace(make_result(1.0, 100, 105), cell=Cell("renamed", "web", Limits(1.0, 256 * MIB)))
    assert change(make_result(1.0, 100, 105), other) is Change.SAME
