"""Two campaigns side by side: which differences count, and what may be compared at all."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyse.result.comparison import (
    compare_sizes,
    find_changed_parts,
    find_doubts,
    find_machine_differences,
    has_changed_variants,
)
from harness.analyse.result.soak import add_soak
from harness.model import (
    MIB,
    Cell,
    CellResult,
    Change,
    Difference,
    Factor,
    Fingerprint,
    HostSpeed,
    Limits,
    MachineDifference,
    ReferenceCapacity,
    Slo,
    Soak,
    Status,
    TargetUse,
    Variant,
)
from harness.model.decisions import NoCommonSize, ScenarioChanged, SlosChanged
from tests.builders import make_fingerprint, make_plan, make_result, make_variant
from tests.unit.analyse.synthetic import make_step


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
    before, after = (make_result(1.0, *ends, factor=Factor.MEMORY) for ends in (base, head))
    assert find_change(before, after) is expected


@pytest.mark.parametrize(
    ("estimate", "change"),
    [
        pytest.param(535.0, 360 / 400 - 1, id="above: the range's upper end, 400, counts"),
        pytest.param(300.0, 360 / 381 - 1, id="below: its lower end, 381, counts"),
        pytest.param(390.0, 360 / 390 - 1, id="within"),
    ],
)
def test_the_change_shown_lies_between_the_ranges_beside_it(estimate: float, change: float) -> None:
    base = replace(make_result(1.0, 381, 400, factor=Factor.MEMORY), estimate_users=estimate)
    head = replace(make_result(1.0, 353, 367, factor=Factor.MEMORY), estimate_users=360.0)
    (difference,) = compare_sizes([base], [head])
    assert difference.ratio == pytest.approx(1 + change)


def make_measured(
    users: float, work_s: float | None = None, sigma: float = 0.028, cpus: float = 1.0
) -> CellResult:
    """Make a size that the CPU stops, with a bracket of 5 % around `users`; `work_s` is the host's pace."""
    result = make_result(cpus, round(users / 1.0247), round(users * 1.0247))
    if work_s is None:
        return result
    at_reference = ReferenceCapacity(users, users, users, 0.0, work_s, users, sigma)
    return replace(result, at_reference=at_reference)


AS_THE_PACE = HostSpeed(0.002, elasticity=1.0, elasticity_sigma=0.0)


def compare_one(base: CellResult, head: CellResult, speed: HostSpeed | None = AS_THE_PACE) -> Difference:
    return compare_sizes([base], [head], speed=speed)[0]


def test_a_size_on_a_slower_host_is_compared_at_one_speed() -> None:
    difference = compare_one(make_measured(200, 0.0020), make_measured(170, 0.0024))
    assert difference.change is Change.SAME
    assert difference.ratio == pytest.approx(0.85, abs=0.01)
    assert difference.reference_ratio == pytest.approx(170 / 200 * 1.2)
    assert difference.slowdown_ratio == pytest.approx(0.2)
    # Each: 2.8 % of the fit, 2 % between campaigns. 2 * sqrt(2 * (0.000784 + 0.0004)) = 0.09732
    assert difference.counts_from_ratio == pytest.approx(math.expm1(0.09732), abs=1e-4)


def test_the_same_users_on_a_slower_host_are_an_improvement() -> None:
    assert compare_one(make_measured(200, 0.0020), make_measured(200, 0.0024)).change is Change.MORE
    assert compare_one(make_measured(200, 0.0024), make_measured(200, 0.0020)).change is Change.LESS


def test_an_elasticity_that_is_hardly_known_lets_only_large_differences_count() -> None:
    base, head = make_measured(200, 0.0020), make_measured(185, 0.0024)
    assert compare_one(base, head).change is Change.MORE
    unsure = compare_one(base, head, HostSpeed(0.002, elasticity=1.0, elasticity_sigma=0.25))
    assert unsure.change is Change.SAME
    # 0.25 * ln(1.2) = 0.04558 beside 0.04866
    assert unsure.counts_from_ratio == pytest.approx(math.expm1(2 * 0.06667), rel=1e-3)


def test_sizes_whose_pace_is_unknown_differ_only_by_more_than_campaigns_at_any_speed_do() -> None:
    # The table in docs/benchmarks.md: one commit on one machine. expm1(2 * sqrt(2) * 0.09) = 0.2899
    difference = compare_one(make_measured(179), make_measured(153))
    assert difference.change is Change.SAME
    assert difference.counts_from_ratio == pytest.approx(0.2899, abs=1e-4)
    assert difference.reference_ratio is None
    assert compare_one(make_measured(200), make_measured(150)).change is Change.LESS
    assert compare_one(make_measured(200, 0.002), make_measured(150)).reference_ratio is None


def count_changes(pairs: Iterable[tuple[CellResult, CellResult]], speed: HostSpeed | None) -> Counter[Change]:
    return Counter(compare_one(base, head, speed).change for base, head in pairs)


def draw_pairs(ratio: float, spread: float, speed_spread: float) -> Iterator[tuple[CellResult, CellResult]]:
    """Draw pairs of campaigns: the target sustains 180 users, and `ratio` times as many in the second."""
    random = Random(1)
    for _ in range(2000):
        paces = [0.002 * math.exp(random.gauss(0, speed_spread)) for _ in range(2)]
        users = [180 * true * math.exp(random.gauss(0, spread)) for true in (1.0, ratio)]
        base, head = (
            make_measured(each * 0.002 / pace, pace) for each, pace in zip(users, paces, strict=True)
        )
        yield base, head


def test_campaigns_of_one_commit_are_the_same_in_95_of_100_pairs() -> None:
    pairs = list(draw_pairs(1.0, 0.03, speed_spread=0.085))
    assert count_changes(pairs, AS_THE_PACE)[Change.SAME] >= 0.95 * len(pairs)
    assert count_changes(draw_pairs(1.0, 0.0, speed_spread=0.09), None)[Change.SAME] >= 0.95 * len(pairs)


def test_one_of_four_sizes_must_differ_by_more_than_a_single_one_and_all_four_need_not() -> None:
    """The standard deviation is 4.866 % (see above): 2 of them are 10.2 %, and 2.531 of them 13.1 %."""
    base = [make_measured(200, 0.002, cpus=cpus) for cpus in (1.0, 2.0, 3.0, 4.0)]
    one = [
        make_measured(users, 0.002, cpus=cpus)
        for users, cpus in ((179, 1.0), (200, 2.0), (200, 3.0), (200, 4.0))
    ]
    differences = compare_sizes(base, one, speed=AS_THE_PACE)  # -10.5 % is 2.28 deviations
    assert {each.change for each in differences} == {Change.SAME}
    assert differences[0].counts_from_ratio == pytest.approx(math.expm1(2.531 * 0.04866), abs=1e-3)
    assert compare_one(base[0], one[0]).change is Change.LESS
    all_less = [make_measured(179, 0.002, cpus=cpus) for cpus in (1.0, 2.0, 3.0, 4.0)]
    assert {each.change for each in compare_sizes(base, all_less, speed=AS_THE_PACE)} == {Change.LESS}


def make_open_end(users: int, work_s: float | None) -> CellResult:
    """Make a size that sustained all users of its campaign, at a pace of the host."""
    steps = (make_step(users, "PASS", work_s=work_s),)
    return replace(make_result(1.0, users, None, status=Status.CENSORED), steps=steps)


def test_a_size_that_sustained_all_users_and_now_breaks_sustains_less() -> None:
    """400 against 330 are a factor of 1.21. It counts from exp(2 · 0.047) = 1.10 on.

    0.047 are 0.028 of the fit, 0.02 between campaigns, twice, and 0.025 of the pass.
    """
    before, after = make_open_end(400, 0.002), make_measured(330, 0.002)
    worse, better = compare_one(before, after), compare_one(after, before)
    assert (worse.change, better.change) == (Change.LESS, Change.MORE)
    assert worse.counts_from_ratio == pytest.approx(math.expm1(2 * 0.047), rel=0.01)
    assert (worse.ratio, worse.reference_ratio, worse.slowdown_ratio) == (None, None, 0.0)


def test_a_size_that_sustained_all_users_on_a_faster_host_need_not_have_changed() -> None:
    """330 users on a host that is 20 % slower are 396 on the faster one."""
    assert compare_one(make_open_end(400, 0.002), make_measured(330, 0.0024)).change is Change.SAME
    unknown = compare_one(make_open_end(400, None), make_measured(330, 0.002))
    assert unknown.slowdown_ratio is None


@pytest.mark.parametrize("work_s", [0.002, None])
def test_a_campaign_that_asked_for_too_few_users_shows_nothing_of_a_larger_capacity(
    work_s: float | None,
) -> None:
    """600 users were measured, and the other campaign ended at 400: it may sustain 401 or a thousand."""
    small, large = make_open_end(400, work_s), make_measured(600, work_s)
    assert [compare_one(*pair).change for pair in ((small, large), (large, small))] == [Change.UNKNOWN] * 2
    assert compare_one(small, make_open_end(600, work_s)).change is Change.UNKNOWN
    assert compare_one(small, make_open_end(410, work_s)).change is Change.SAME, "2.5 % are within 5 %"
    repeated = compare_sizes([make_measured(390, work_s), small], [make_open_end(400, work_s)])
    assert repeated[0].change is Change.SAME, "a repetition that broke below the limit asks for no more users"


def test_a_change_of_15_percent_is_found_at_one_speed() -> None:
    changes = count_changes(draw_pairs(0.85, 0.03, speed_spread=0.085), AS_THE_PACE)
    assert changes[Change.LESS] >= 0.9 * changes.total()
    changes = count_changes(draw_pairs(1.15, 0.03, speed_spread=0.085), AS_THE_PACE)
    assert changes[Change.MORE] >= 0.8 * changes.total()


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


@pytest.mark.parametrize(
    ("base", "head", "change"),
    [
        ((6, None, Status.CENSORED), (None, 3, Status.INVALID), Change.LESS),
        ((None, 3, Status.INVALID), (6, None, Status.CENSORED), Change.MORE),
        ((100, 105, Status.BRACKETED), (200, None, Status.INVALID), Change.MORE),
        ((100, 105, Status.BRACKETED), (None, 90, Status.INVALID), Change.UNKNOWN),
        ((None, 3, Status.INVALID), (None, 3, Status.INVALID), Change.UNKNOWN),
        ((6, None, Status.CENSORED), (None, None, Status.INVALID), Change.UNKNOWN),
        ((6, None, Status.CENSORED), (None, None, Status.SKIPPED), Change.UNKNOWN),
    ],
)
def test_an_undecided_size_has_changed_if_it_broke_far_below_what_it_sustained(
    base: tuple[int | None, int | None, Status], head: tuple[int | None, int | None, Status], change: Change
) -> None:
    """Campaigns at different speeds of the host differ by up to 29 %: 3 · 1.29 < 6, and 90 · 1.29 > 100."""
    assert find_change(make_result(1.0, *base), make_result(1.0, *head)) is change


def soak(
    result: CellResult, verdict: str, work_s: float | None = None, used_cores: float = 0.5
) -> CellResult:
    """Return the result of a size that was held for five minutes at 400 users with this verdict."""
    step = make_step(400, verdict, work_s=work_s, target=TargetUse(cpu_cores=used_cores))
    return add_soak(result, Soak(400, step, step.judgement))


def test_a_size_that_broke_only_in_a_soak_is_compared_with_one_that_was_soaked_too() -> None:
    censored = make_result(1.0, 400, None, Status.CENSORED)
    broken, survived, unknown = (soak(censored, verdict) for verdict in ("FAIL", "PASS", "INVALID"))
    assert find_change(survived, broken) is Change.LESS
    assert find_change(broken, survived) is Change.MORE
    assert find_change(broken, broken) is Change.SAME
    for other in (censored, unknown):
        assert find_change(other, broken) is Change.UNKNOWN
        assert find_change(broken, other) is Change.UNKNOWN
    assert find_change(censored, survived) is Change.SAME
    assert find_change(make_result(1.0, 500, 515), broken) is Change.UNKNOWN
    assert find_change(make_result(1.0, 300, 315), broken) is Change.SAME


@pytest.mark.parametrize(
    ("work_s", "used_cores", "change"),
    [
        (0.00211, 0.99, Change.UNKNOWN),
        (0.00209, 0.99, Change.LESS),
        (0.00211, 0.5, Change.LESS),
        (None, 0.99, Change.LESS),
    ],
)
def test_a_size_that_its_cpu_broke_in_a_soak_on_a_slower_host_need_not_have_changed(
    work_s: float | None, used_cores: float, change: Change
) -> None:
    """It survived where a piece of work took 2 ms. 5 % more are 5 % fewer users, if the CPU stops it."""
    censored = make_result(1.0, 400, None, Status.CENSORED)
    survived, broken = soak(censored, "PASS", 0.002), soak(censored, "FAIL", work_s, used_cores)
    assert compare_one(survived, broken).change is change
    assert compare_one(survived, broken, speed=None).change is Change.LESS
    broken_too = soak(censored, "FAIL", 0.002, used_cores)
    assert compare_one(broken_too, broken).change is Change.SAME


def test_a_size_of_one_campaign_only_is_added_or_removed() -> None:
    before, after = make_result(1.0, 100, 105), make_result(2.0, 200, 210)
    assert [each.change for each in compare_sizes([before], [after])] == [Change.REMOVED, Change.ADDED]


def test_repetitions_of_a_size_count_together() -> None:
    one, two, near, far = (
        make_result(1.0, *ends, factor=Factor.MEMORY)
        for ends in ((100, 105), (108, 113), (112, 118), (120, 126))
    )
    assert compare_sizes([one, two], [near])[0].change is Change.SAME
    assert compare_sizes([one, two], [far])[0].change is Change.MORE


def test_repetitions_at_one_speed_are_averaged_and_narrow_the_interval() -> None:
    base = [make_measured(180, 0.002), make_measured(200, 0.002)]
    (difference,) = compare_sizes(base, [make_measured(190, 0.002)], speed=AS_THE_PACE)
    assert difference.reference_ratio == pytest.approx(190 / math.sqrt(180 * 200))
    # variances: 0.000784 / 2 + 0.0004 and 0.000784 + 0.0004
    assert difference.counts_from_ratio == pytest.approx(math.expm1(2 * math.sqrt(0.001976)))


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


def test_a_variant_of_a_common_size_that_sets_something_else_has_changed() -> None:
    two = make_variant("two", 1.0, 100, 105).cell
    before, after = (
        replace(make_plan(), cells=(replace(two, variant=Variant({"WORKERS": count})),)) for count in "23"
    )
    assert has_changed_variants(before, after)
    assert not has_changed_variants(before, before)
    larger = replace(two, limits=replace(two.limits, cpu_cores=2.0), variant=Variant({"WORKERS": "3"}))
    assert not has_changed_variants(before, replace(before, cells=(larger,)))


def test_sizes_are_matched_by_their_limits_alone() -> None:
    other = replace(make_result(1.0, 100, 105), cell=Cell("renamed", "web", Limits(1.0, 256 * MIB)))
    assert find_change(make_result(1.0, 100, 105), other) is Change.SAME
