"""Memory is judged by the growth of its floors: a line through them must not reach the limit too soon."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.step.judge import judge_step
from harness.analyse.step.memory_floors import find_collections, fit_growth
from harness.analyse.step.memory_trend import assess_memory, find_filling_companions
from harness.model import (
    MIB,
    CompanionFacts,
    Limits,
    MemoryOutlook,
    MemoryTrend,
    Rule,
    StepFacts,
    TargetSample,
    Timing,
)
from harness.model.evidence import MemoryGrows
from harness.model.stalls import MemoryShort
from tests.builders import SLOS
from tests.unit.analyse.synthetic import make_closed_step, make_generator_samples, make_host_samples

HOUR_S = 3600.0
Memory = Callable[[float], float]
"""The memory in MiB by the seconds since the users were all there."""


def make_step_of_memory(memory: Memory, seconds: int, file_mib: float = 0.0) -> StepFacts:
    """Return a step whose users are all there from second 2 on, and whose window ends `seconds` later."""
    samples = [
        TargetSample(
            2.0 + second, 0.5 * second, 0, 0, 0.0, round((memory(second) + file_mib) * MIB), None, 0, 0,
            file_bytes=round(file_mib * MIB),
        )
        for second in range(seconds + 1)
    ]  # fmt: skip
    to_s = 2.0 + seconds
    facts = make_closed_step(10)
    return replace(
        facts,
        settle_from_s=2.0,
        window_from_s=12.0,
        window_to_s=to_s,
        ended_s=to_s + 1,
        target=tuple(samples),
        host=make_host_samples([sample.at_s for sample in samples]),
        generator=make_generator_samples([sample.at_s for sample in samples], 10),
    )


def assess(memory: Memory, seconds: int, limit_mib: int = 96) -> MemoryTrend:
    trend = assess_memory(make_step_of_memory(memory, seconds), limit_mib * MIB, HOUR_S)
    assert trend is not None
    return trend


def leak_a_mebibyte_a_minute(at_s: float) -> float:
    return 40 + at_s / 60


def fill_by_sixty(at_s: float) -> float:
    """Fill as the sessions of a shop do: 63 % of 60 MiB in the first 25 s."""
    return 30 + 60 * (1 - math.exp(-at_s / 25))


def test_a_leak_shows_how_long_the_limit_lasts() -> None:
    """After 5 minutes 45 MiB are used. 51 MiB are left, which last for 51 minutes more.

    At the end of the hour that began with these 5 minutes, 45 + 55 MiB are used.
    """
    trend = assess(leak_a_mebibyte_a_minute, 300)
    assert trend.outlook is MemoryOutlook.FILLS
    assert trend.growth_bytes_per_s == pytest.approx(MIB / 60, rel=1e-4)
    assert trend.lasts_s == pytest.approx(56 * 60, rel=1e-3)
    assert trend.projected_bytes == pytest.approx(100 * MIB, rel=0.01)
    assert (trend.start_bytes, trend.peak_bytes) == (40 * MIB, 45 * MIB)


def test_the_same_leak_lasts_for_the_horizon_below_a_larger_limit() -> None:
    """45 MiB are used after 5 minutes, and 55 more are leaked in the rest of the hour.

    130 MiB leave room for what is not certain.
    """
    assert assess(leak_a_mebibyte_a_minute, 300, limit_mib=130).outlook is MemoryOutlook.LASTS
    assert assess(leak_a_mebibyte_a_minute, 300, limit_mib=99).outlook is MemoryOutlook.FILLS


@pytest.mark.parametrize(
    ("seconds", "outlook"),
    [(30, MemoryOutlook.FILLS), (90, MemoryOutlook.UNKNOWN), (200, MemoryOutlook.LASTS)],
)
def test_memory_that_fills_up_is_known_to_last_once_it_is_nearly_level(
    seconds: int, outlook: MemoryOutlook
) -> None:
    """It levels off at 90 of 128 MiB."""
    assert assess(fill_by_sixty, seconds, limit_mib=128).outlook is outlook


def test_the_level_of_memory_that_fills_up_is_projected() -> None:
    trend = assess(fill_by_sixty, 300, limit_mib=128)
    assert trend.projected_bytes == pytest.approx(90 * MIB, rel=0.05)


def test_memory_that_fills_up_slowly_is_no_leak() -> None:
    """It levels off at 120 of 256 MiB. A line through the last 100 s reaches the limit within the hour."""
    trend = assess(lambda at_s: 20 + 100 * (1 - math.exp(-at_s / 120)), 310, limit_mib=256)
    assert trend.growth_bytes_per_s * HOUR_S > 136 * MIB
    assert (trend.outlook, trend.lasts_s) == (MemoryOutlook.LASTS, None)
    assert trend.projected_bytes == pytest.approx(120 * MIB, rel=0.1)


def test_a_leak_beside_sessions_that_fill_up_is_found() -> None:
    """It reaches 90 MiB and 5 more by the leak, which needs 60 MiB in the hour."""
    trend = assess(lambda at_s: fill_by_sixty(at_s) + at_s / 60, 310)
    assert trend.outlook is MemoryOutlook.FILLS
    assert assess(lambda at_s: fill_by_sixty(at_s) + at_s / 60, 310, 170).outlook is MemoryOutlook.LASTS


@pytest.mark.parametrize(
    ("limit_mib", "outlook"),
    [(58, MemoryOutlook.FILLS), (64, MemoryOutlook.UNKNOWN), (160, MemoryOutlook.LASTS)],
)
def test_a_cache_that_grows_as_a_logarithm_is_no_sure_leak(limit_mib: int, outlook: MemoryOutlook) -> None:
    """It has 30 + 5 ln(1 + t / 10) MiB: 47.2 after 300 s, 59.4 after an hour.

    Its latest third grows by 5 (ln 31 - ln 21) = 1.95 MiB in 100 s. So a line has 47.2 + 64 = 111 MiB then.
    """
    trend = assess(lambda at_s: 30 + 5 * math.log1p(at_s / 10), 300, limit_mib)
    assert trend.growth_bytes_per_s == pytest.approx(0.0195 * MIB, rel=0.05)
    assert trend.projected_bytes == pytest.approx(59.4 * MIB, rel=0.01)
    assert trend.outlook is outlook


def test_level_memory_lasts_once_it_is_no_mere_halt() -> None:
    """An allocator may halt for ten seconds. With a lot of room a short level is enough."""
    assert assess(lambda _: 64.0, 30).outlook is MemoryOutlook.UNKNOWN
    assert assess(lambda _: 64.0, 30, limit_mib=512).outlook is MemoryOutlook.LASTS
    trend = assess(lambda _: 64.0, 150)
    assert (trend.outlook, trend.growth_bytes_per_s, trend.lasts_s) == (MemoryOutlook.LASTS, 0.0, None)


def test_level_memory_far_from_its_limit_lasts_by_the_whole_time() -> None:
    """11 of 64 MiB: the floors of 30 s lie at 0, 6, 11, 16, 21 and 26 s, 463 s² about their mean.

    Taken to scatter by 0.1 MiB, they may rise by 2.776 * 0.1 / sqrt(463) = 0.0129 MiB a second: by 46 MiB in
    the rest of the hour, and 53 are left. The floors of 20 s allow 65 MiB. Of 22 MiB, 11 are left.
    """
    assert assess(lambda _: 11.0, 30, limit_mib=64).outlook is MemoryOutlook.LASTS
    assert assess(lambda _: 11.0, 20, limit_mib=64).outlook is MemoryOutlook.UNKNOWN
    assert assess(lambda _: 33.0, 30, limit_mib=64).outlook is MemoryOutlook.UNKNOWN


def test_memory_that_begins_to_grow_late_is_not_said_to_last() -> None:
    """Level for 60 s, then 1 MiB in ten seconds.

    The floors of all six blocks are 11 MiB: by the whole time it would last. The latest third rises by 0.03
    MiB a second, by 110 MiB in the rest of the hour, and 52 are left.
    """
    trend = assess(lambda at_s: 11 + max(0.0, at_s - 60) / 10, 70, limit_mib=64)
    assert trend.outlook is MemoryOutlook.UNKNOWN
    assert trend.growth_bytes_per_s * HOUR_S == pytest.approx(110 * MIB, rel=0.1)


def test_memory_that_rose_until_its_limit_held_it_is_full() -> None:
    trend = assess(lambda at_s: min(95.8, 60 + at_s), 60)
    assert trend.outlook is MemoryOutlook.FILLS
    assert trend.rose_to_full
    assert trend.growth_bytes_per_s == pytest.approx(MIB)


def test_memory_that_was_level_close_to_its_limit_is_not_known_to_fill() -> None:
    """A heap of a fixed size may fill a container by 99 % for years."""
    trend = assess(lambda _: 95.0, 310)
    assert (trend.outlook, trend.rose_to_full) == (MemoryOutlook.UNKNOWN, False)


def test_pages_of_files_do_not_count_because_the_kernel_drops_them() -> None:
    facts = make_step_of_memory(lambda _: 50.0, 150, file_mib=45.0)
    trend = assess_memory(facts, 96 * MIB, HOUR_S)
    assert trend is not None
    assert (trend.outlook, trend.peak_bytes) == (MemoryOutlook.LASTS, 50 * MIB)


@pytest.mark.parametrize("leak_mib", [0.0, 1.0])
def test_saw_teeth_are_judged_by_their_floors(leak_mib: float) -> None:
    """Garbage of 30 MiB is collected every 20 s; the leak of a MiB a minute is what is left over."""
    trend = assess(lambda at_s: 40 + 1.5 * (at_s % 20) + leak_mib * at_s / 60, 300)
    assert trend.outlook is (MemoryOutlook.FILLS if leak_mib else MemoryOutlook.LASTS)
    assert trend.growth_bytes_per_s == pytest.approx(leak_mib * MIB / 60, abs=200)


@pytest.mark.parametrize(
    "memory",
    [
        lambda at_s: 100 - 20 * (at_s >= 5),
        lambda at_s: 120 - 20 * (at_s >= 5) - 20 * (at_s >= 80),
        lambda at_s: 80 + 30 * math.exp(-at_s / 40),
        lambda at_s: 140 - at_s / 10,
        lambda at_s: 60 + at_s * (at_s < 40),
    ],
    ids=["at once", "in two steps", "ever more slowly", "all the time", "after it had grown"],
)
def test_memory_that_falls_and_stays_there_lasts(memory: Memory) -> None:
    """What arriving users needed is given back. As a saw-tooth it would have too few floors to tell."""
    trend = assess(memory, 300, limit_mib=256)
    assert (trend.outlook, trend.observed_s) == (MemoryOutlook.LASTS, 300)


def test_memory_that_grows_after_a_fall_is_told_once_it_is_above_what_it_was() -> None:
    """At 1 MiB a minute it comes from 80 to 85 MiB, and may be collected again before it is at 100.

    At 6 MiB a minute it is at 111 MiB after 310 s, and at 130 three minutes later.
    """

    def leak_after_fall(mib_a_minute: float) -> Memory:
        return lambda at_s: 100 - 20 * (at_s >= 5) + mib_a_minute * at_s / 60

    assert assess(leak_after_fall(1), 310, limit_mib=130).outlook is MemoryOutlook.UNKNOWN
    trend = assess(leak_after_fall(6), 310, limit_mib=130)
    assert trend.outlook is MemoryOutlook.FILLS
    assert trend.lasts_s == pytest.approx(500)


def test_a_slow_saw_tooth_is_not_taken_for_a_fall() -> None:
    """It was collected after 80 s and 220 s, and each time rises again as it did before."""
    assert assess(lambda at_s: 60 + 0.7 * ((at_s + 60) % 140), 310, 256).outlook is MemoryOutlook.UNKNOWN


@pytest.mark.parametrize(
    ("old", "outlook"),
    [
        (lambda at_s: 0.1 * ((at_s - 120) % 250), MemoryOutlook.UNKNOWN),
        (lambda at_s: 0.01 * ((at_s - 120) % 250), MemoryOutlook.LASTS),
        (lambda at_s: 0.1 * at_s, MemoryOutlook.FILLS),
    ],
    ids=["collected at second 120", "slowly", "never collected"],
)
def test_floors_that_were_as_high_before_may_fall_once_more(old: Memory, outlook: MemoryOutlook) -> None:
    """Garbage of 10 MiB is freed every 10 s. Beside it 6 MiB a minute would fill 96 MiB within 9 minutes.

    With a full collection every 250 s the floors came to 40 + 24.9 MiB before that of second 120, and to 58
    since. Without any they rise to 70 MiB, beyond all that was there before.
    """
    assert assess(lambda at_s: 40 + at_s % 10 + old(at_s), 305).outlook is outlook


def test_collections_that_have_ended_do_not_explain_a_rise() -> None:
    """Four teeth of 20 s and 10 MiB, then 12 MiB a minute without any collection: 84 of 96 MiB are used."""
    trend = assess(lambda at_s: 40 + (at_s % 20 / 2 if at_s < 80 else (at_s - 80) / 5), 300)
    assert trend.outlook is MemoryOutlook.FILLS
    assert trend.lasts_s == pytest.approx(360)


def test_memory_that_rises_in_stairs_does_not_last_because_it_stands_still() -> None:
    """It rises by 8 MiB in every 100 s. In the last third all floors are at 76 MiB, as in the one before.

    By stairs of 16 MiB in 300 s the rest of the hour needs 175 more. 400 MiB leave room for that.
    """
    stairs: Memory = lambda at_s: 60 + 8 * (at_s // 100)  # noqa: E731
    assert assess(stairs, 299, limit_mib=200).outlook is MemoryOutlook.UNKNOWN
    assert assess(stairs, 299, limit_mib=400).outlook is MemoryOutlook.LASTS


def test_memory_that_rose_once_lasts_after_twice_the_time_that_it_stood_still_before() -> None:
    """It rises by 20 MiB after 100 s. Another 20 MiB after the next 100 s would be nothing new."""
    rising: Memory = lambda at_s: 60 + 20 * (at_s >= 100)  # noqa: E731
    assert assess(rising, 280, limit_mib=128).outlook is MemoryOutlook.UNKNOWN
    assert assess(rising, 330, limit_mib=128).outlook is MemoryOutlook.LASTS


def test_regular_stairs_are_a_leak() -> None:
    """A job keeps 8 MiB every minute: 80 of 96 MiB after 5 minutes, and the other 16 last for 2 more.

    The begin of a stair is known to a block of 6.5 s.
    """
    trend = assess(lambda at_s: 40 + 8 * (at_s // 60), 310)
    assert trend.outlook is MemoryOutlook.FILLS
    assert trend.growth_bytes_per_s == pytest.approx(8 * MIB / 60, rel=0.03)
    assert trend.lasts_s == pytest.approx(430, abs=5)


def test_regular_stairs_are_found_in_what_collections_leave() -> None:
    """A job keeps 4 MiB every minute, and 10 MiB of garbage are freed every 10 s."""
    trend = assess(lambda at_s: 30 + 4 * (at_s // 60) + at_s % 10, 310)
    assert trend.outlook is MemoryOutlook.FILLS
    assert trend.growth_bytes_per_s == pytest.approx(4 * MIB / 60, rel=0.03)


@pytest.mark.parametrize(
    "memory",
    [
        lambda at_s: 40 + 8 * min(4, at_s // 50),
        lambda at_s: 40 + 8 * sum(at_s >= rise_s for rise_s in (30, 70, 150, 270)),
    ],
    ids=["they end", "of unlike lengths"],
)
def test_other_stairs_are_none(memory: Memory) -> None:
    """The last halt is 110 s, where all before are 50 s; or halts are 40, 80 and 120 s."""
    assert assess(memory, 310).outlook is not MemoryOutlook.FILLS


def test_fifty_healthy_saw_teeth_raise_no_false_alarm() -> None:
    random = np.random.default_rng(7)
    outlooks = []
    for _ in range(50):
        period_s, height_mib, noise_mib = random.uniform(2, 110), random.uniform(2, 45), random.uniform(0, 1)
        phase_s = random.uniform(0, period_s)

        def use_memory(at_s: float, p: float = period_s, h: float = height_mib, n: float = noise_mib,
                       first: float = phase_s) -> float:  # fmt: skip
            return float(40 + h * ((at_s + first) % p) / p + random.normal(0, n))

        outlooks.append(assess(use_memory, 310).outlook)
    assert MemoryOutlook.FILLS not in outlooks


def test_a_rise_above_all_earlier_peaks_is_not_explained_by_collections() -> None:
    """A collection after the start frees 5 MiB; then a MiB is leaked in every 10 s."""
    used = np.array([50.0, 52, 47, 47.5, 48, 50, 53, 57]) * MIB
    assert find_collections(used) == []
    assert find_collections(used[:6]) == [2]


def test_the_interval_of_a_growth_is_that_of_a_line() -> None:
    """The slope through (0, 0), (1, 2), (2, 1) is 1/2, with an error of sqrt(3)/2; one degree is free."""
    slope, low, high = fit_growth(np.array([0.0, 1, 2]), np.array([0.0, 2, 1]))
    assert slope == pytest.approx(0.5)
    assert (high - low) / 2 == pytest.approx(12.706 * math.sqrt(3) / 2, rel=1e-4)
    assert fit_growth(np.array([0.0, 1]), np.array([0.0, 2])) == (2.0, -math.inf, math.inf)


def test_too_few_samples_show_no_trend() -> None:
    assert assess_memory(make_step_of_memory(leak_a_mebibyte_a_minute, 4), 96 * MIB, HOUR_S) is None
    arriving = replace(make_step_of_memory(leak_a_mebibyte_a_minute, 60), settle_from_s=None)
    assert assess_memory(arriving, 96 * MIB, HOUR_S) is None


@pytest.mark.parametrize(
    ("seconds", "steady_at_most_s", "rule"),
    [
        (290, 300.0, Rule.SLOS_HOLD),
        (300, 300.0, Rule.MEMORY_GROWS),
        (60, 60.0, Rule.MEMORY_GROWS),
        (300, 0.0, Rule.SLOS_HOLD),
    ],
)
def test_a_growing_memory_fails_a_step_that_was_held_long_enough(
    seconds: int, steady_at_most_s: float, rule: Rule
) -> None:
    timing = Timing(steady_at_most_s=steady_at_most_s, horizon_s=HOUR_S)
    facts = make_step_of_memory(leak_a_mebibyte_a_minute, seconds)
    result = judge_step(facts, SLOS, None, Limits(1.0, 96 * MIB), timing)
    assert result.rule is rule
    if rule is Rule.MEMORY_GROWS:
        assert result.memory is not None
        assert result.judgement.evidence == MemoryGrows(result.memory, 96 * MIB, 10, HOUR_S)


def test_the_memory_is_that_of_the_whole_step_though_a_part_of_it_was_disturbed() -> None:
    """The event loop is late from second 160 to 200. Judged are the 145 s before, and not the 95 s after."""
    facts = make_step_of_memory(leak_a_mebibyte_a_minute, 300)
    lags = [replace(each, loop_lag_s=0.5) if 160 <= each.at_s <= 200 else each for each in facts.generator]
    result = judge_step(replace(facts, generator=tuple(lags)), SLOS, None, Limits(1.0, 96 * MIB))
    assert (result.rule, result.window_s) == (Rule.MEMORY_GROWS, 145.0)


def test_a_memory_that_rose_until_it_was_full_fails_at_once() -> None:
    facts = make_step_of_memory(lambda at_s: min(95.8, 60 + 2 * at_s), 30)
    assert judge_step(facts, SLOS, None, Limits(1.0, 96 * MIB)).rule is Rule.MEMORY_GROWS


def test_a_companion_is_named_whose_memory_will_be_full() -> None:
    """It grows by 3 MiB a minute for 300 s, and 1,024 - 915 MiB last for 36 minutes more.

    In a window that does not wait for the memory it may be a cache that fills.
    """

    def find(seconds: int, limit_mib: int) -> dict[str, MemoryTrend]:
        facts = make_step_of_memory(lambda at_s: 900 + at_s / 20, seconds)
        database = CompanionFacts(Limits(1.0, limit_mib * MIB), facts.target)
        return find_filling_companions(replace(facts, companions={"database": database}), Timing())

    assert find(300, 1024)["database"].lasts_s == pytest.approx(300 + 109 * 20, rel=1e-3)
    assert find(290, 1024) == {}
    assert find(300, 2048) == {}


def assess_with_faults(
    faults_per_s: int, used_mib: float, limit_mib: int = 960, replicas: int = 1
) -> MemoryTrend:
    """Assess level memory beside which a page is read from a disk so often a second."""
    facts = make_step_of_memory(lambda _: used_mib, 120)
    samples = [
        replace(sample, major_faults=faults_per_s * index) for index, sample in enumerate(facts.target)
    ]
    trend = assess_memory(replace(facts, target=tuple(samples)), limit_mib * MIB, HOUR_S, replicas)
    assert trend is not None
    return trend


def test_pages_are_read_again_by_all_replicas_together() -> None:
    """At 4,000 pages a second a replica waits 10 % of the time; of 5,000 each of two reads 2,500."""
    shortages = [assess_with_faults(5000, 900, replicas=count).shortage for count in (1, 2)]
    assert [each.slows_requests for each in shortages if each] == [True, False]


def test_full_memory_that_reads_its_program_again_and_again_is_not_known_to_last() -> None:
    """900 MiB of 960 MiB are more than 90 %. A longer window shows whether the target bears that."""
    trend = assess_with_faults(5000, 900)
    assert trend.outlook is MemoryOutlook.UNKNOWN
    assert trend.shortage == MemoryShort(None, 960 * MIB, 5000.0)
    assert trend.needs_longer_step(300)


@pytest.mark.parametrize(("faults_per_s", "used_mib"), [(9, 900), (5000, 860)], ids=["seldom", "with-room"])
def test_pages_that_are_read_seldom_or_with_memory_to_spare_raise_no_doubt(
    faults_per_s: int, used_mib: float
) -> None:
    """860 MiB of 960 MiB are less than 90 %: the target reads files for another reason."""
    assert assess_with_faults(faults_per_s, used_mib).outlook is MemoryOutlook.LASTS


def test_memory_that_may_be_pages_of_files_is_not_judged() -> None:
    """Podman's API counts these as memory. A file that is written fills any limit, and is no growth."""
    facts = make_step_of_memory(lambda at_s: min(95.8, 60 + 2 * at_s), 300)
    samples = tuple(replace(sample, includes_file_pages=True) for sample in facts.target)
    result = judge_step(replace(facts, target=samples), SLOS, None, Limits(1.0, 96 * MIB))
    assert (result.rule, result.memory) == (Rule.SLOS_HOLD, None)
    assert result.target.memory_peak_bytes is None


def assess_with_waits(stalled_ratio: float, limit_hits: int, used_mib: float) -> MemoryTrend:
    """Assess level memory at 960 MiB, while work waits for memory and nothing is read by page faults."""
    facts = make_step_of_memory(lambda _: used_mib, 120)
    samples = [
        replace(sample, memory_some_s=stalled_ratio * index, limit_hits=limit_hits * index)
        for index, sample in enumerate(facts.target)
    ]
    trend = assess_memory(replace(facts, target=tuple(samples)), 960 * MIB, HOUR_S)
    assert trend is not None
    return trend


def test_memory_for_which_work_waits_at_its_limit_is_not_known_to_last() -> None:
    """The latest third of 120 s are 40 samples a second apart, with 5 hits of the limit each."""
    trend = assess_with_waits(0.34, 5, 600)
    assert trend.outlook is MemoryOutlook.UNKNOWN
    assert trend.shortage is not None
    assert trend.shortage.stalled_ratio == pytest.approx(0.34)


@pytest.mark.parametrize(
    ("stalled_ratio", "limit_hits", "used_mib"),
    [(0.03, 5, 900), (0.34, 0, 900)],
    ids=["a cache of files fills it", "the host lacks memory"],
)
def test_short_waits_and_those_for_the_hosts_memory_raise_no_doubt(
    stalled_ratio: float, limit_hits: int, used_mib: float
) -> None:
    assert assess_with_waits(stalled_ratio, limit_hits, used_mib).outlook is MemoryOutlook.LASTS
