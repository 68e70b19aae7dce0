"""The generator and the target get separate cores if the host has enough of both."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.host.cpu_affinity import find_physical_cores, format_cpuset, parse_cpuset, split_cores


def build_cores(*groups: tuple[int, ...]) -> list[frozenset[int]]:
    return [frozenset(group) for group in groups]


def test_two_cores_are_too_few_to_separate_generator_and_target() -> None:
    assert split_cores(build_cores((0,), (1,)), 0.25) is None


def test_the_generator_gets_the_last_core_and_the_target_the_others() -> None:
    placement = split_cores(build_cores((0,), (1,), (2,), (3,)), 2)
    assert placement is not None
    assert (set(placement.generator), set(placement.target)) == ({3}, {0, 1, 2})


def test_cores_are_shared_if_the_quota_leaves_none_of_the_others_to_spare() -> None:
    assert split_cores(build_cores((0,), (1,), (2,), (3,)), 2.5) is None


def test_generator_and_target_share_no_physical_core() -> None:
    placement = split_cores(build_cores((0, 4), (1, 5), (2, 6), (3, 7)), 4)
    assert placement is not None
    assert placement.generator == {3, 7}


@given(st.integers(1, 64), st.sampled_from([1, 2]), st.floats(0.01, 64))
def test_a_placement_splits_all_cores_and_gives_the_target_one_more_than_its_quota(
    count: int, threads: int, quota: float
) -> None:
    physical = [frozenset(core + count * thread for thread in range(threads)) for core in range(count)]
    placement = split_cores(physical, quota)
    if placement is not None:
        assert placement.generator
        assert not placement.generator & placement.target
        assert placement.generator | placement.target == set(range(count * threads))
        assert len(placement.target) >= quota + 1


@pytest.mark.parametrize(("text", "expected"), [("0\n", {0}), ("0,4", {0, 4}), ("0-3,8", {0, 1, 2, 3, 8})])
def test_the_kernels_lists_of_cores_are_parsed(text: str, expected: set[int]) -> None:
    assert parse_cpuset(text) == expected
    assert parse_cpuset(format_cpuset(expected)) == expected


def test_without_a_visible_topology_each_core_is_a_group_of_its_own(tmp_path: Path) -> None:
    assert all(len(group) == 1 for group in find_physical_cores(tmp_path))
