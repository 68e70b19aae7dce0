"""Several sizes at once get whole physical cores of their own, each with a core for its generator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.host.cpu_affinity import Placement, split_lanes


def build_cores(count: int, threads: int = 1) -> list[frozenset[int]]:
    return [frozenset(core + count * thread for thread in range(threads)) for core in range(count)]


def test_sixteen_cores_hold_five_sizes_of_one_cpu() -> None:
    """Core 0 is left to the rest. Each takes two cores for a quota of 1, and one for its generator."""
    lanes = split_lanes(build_cores(16), [1.0] * 9, 9)
    assert len(lanes) == 5
    assert lanes[0] == Placement(generator=frozenset({3}), target=frozenset({1, 2}))
    assert lanes[4] == Placement(generator=frozenset({15}), target=frozenset({13, 14}))


def test_a_physical_core_is_never_split() -> None:
    """Of 8 physical cores with 2 threads, one serves a quota of 1: cores 1 and 9 for the first target."""
    lanes = split_lanes(build_cores(8, 2), [1.0] * 9, 9)
    assert len(lanes) == 3
    assert lanes[0] == Placement(generator=frozenset({2, 10}), target=frozenset({1, 9}))


@pytest.mark.parametrize(("cores", "quota"), [(1, 0.25), (2, 0.25), (6, 1.0), (16, 7.0)])
def test_one_size_at_a_time_where_two_do_not_fit(cores: int, quota: float) -> None:
    assert split_lanes(build_cores(cores), [quota] * 8, 8) == ()


def test_no_more_lanes_than_are_asked_for() -> None:
    assert len(split_lanes(build_cores(16), [1.0] * 9, 2)) == 2


def test_a_number_of_its_own_shares_each_core_between_generator_and_target() -> None:
    """On two cores, two sizes of half a CPU leave half a core to each generator."""
    first, second = split_lanes(build_cores(2), [0.5, 0.5], 2, may_share=True)
    assert first == Placement(frozenset({0}), frozenset({0}))
    assert second == Placement(frozenset({1}), frozenset({1}))
    assert split_lanes(build_cores(2), [0.25, 0.6], 2, may_share=True) == ()
    assert split_lanes(build_cores(2), [0.25] * 3, 3, may_share=True) == ()


@pytest.mark.parametrize(
    ("cores", "quotas", "most", "widths"),
    [
        # 9 sizes on 4 lanes: those from 0, 2, 4 and 6 of the largest first, so 2, 2, 1 and 0.5 CPU. Each has
        # a core more, and one for its generator: 4 + 4 + 3 + 3 = 14 of 15 cores.
        (16, [0.5, 1, 2] * 3, 4, [3, 3, 2, 2]),
        # Of 15 cores 4, 4, 2 and 1 CPU would need 6 + 6 + 4 + 3; three lanes of 4, 2 and 1 CPU need 13.
        (16, [1, 2, 4] * 3, 4, [5, 3, 2]),
        # 25 sizes, five of each quota: 4, 2, 1 and 0.5 CPU (from 0, 6, 12 and 18) need 6 + 4 + 3 + 3 = 16.
        # Three lanes of 4, 2 and 0.5 CPU (from 0, 8 and 16) need 13.
        (16, [0.25, 0.5, 1, 2, 4] * 5, 12, [5, 3, 2]),
        # One large size and a small one: 12 + 1 + 1 and 3 cores.
        (18, [12, 1], 2, [13, 2]),
        (17, [12, 1], 2, []),
    ],
)
def test_a_lane_is_as_large_as_the_largest_of_its_sizes_needs(
    cores: int, quotas: list[float], most: int, widths: list[int]
) -> None:
    assert [len(lane.target) for lane in split_lanes(build_cores(cores), quotas, most)] == widths


def test_a_lane_knows_the_largest_quota_for_which_it_has_the_cores() -> None:
    """One core is kept free for the kernel, or half of one for a generator on the same cores."""
    assert Placement(frozenset({3}), frozenset({1, 2})).most_cores == 1.0
    assert Placement(frozenset({0, 1}), frozenset({0, 1})).most_cores == 1.5


@given(
    st.integers(1, 64),
    st.sampled_from([1, 2]),
    st.lists(st.floats(0.01, 64), min_size=1, max_size=12),
    st.integers(2, 64),
    st.booleans(),
)
def test_lanes_share_no_core_and_every_size_has_one(
    count: int, threads: int, quotas: list[float], most: int, may_share: bool
) -> None:
    lanes = split_lanes(build_cores(count, threads), quotas, most, may_share=may_share)
    assert len(lanes) in {0, *range(2, most + 1)}
    used = [core for lane in lanes for core in lane.target | lane.generator]
    assert len(used) == len(set(used)) <= count * threads
    for lane in lanes:
        assert lane.most_cores >= min(quotas) - 1e-9
        assert lane.target == lane.generator or not lane.target & lane.generator
    assert not lanes or max(lane.most_cores for lane in lanes) >= max(quotas) - 1e-9
