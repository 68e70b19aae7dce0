"""A soak tells a leak from a healthy saw-tooth, from what fills up, and from what it can't tell."""

import math
import random
from collections.abc import Callable

import numpy as np
import pytest

from harness.analyse.step.soak_memory import assess_growth, assess_soak_memory
from harness.model import MIB
from harness.model.trials import MemoryGrowth, SoakMemory
from tests.unit.analyse.synthetic import make_closed_step, make_target_samples

MINUTE_S = 60.0
Memory = Callable[[float], float]
"""The memory in MiB by the seconds since the users were all there."""


def assess(memory: Memory, minutes: float, limit_mib: int = 512) -> SoakMemory:
    at_s = np.arange(0.0, minutes * MINUTE_S + 1)
    return assess_growth(at_s, np.array([memory(float(at)) * MIB for at in at_s]), limit_mib * MIB)


def leak(mib_a_minute: float, start_mib: float = 80.0) -> Memory:
    return lambda at_s: start_mib + mib_a_minute * at_s / MINUTE_S


class SawTooth:
    """Memory with a garbage collector whose collections differ, as do the floors that they leave."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.period_s = chance.uniform(4.0, 150.0)
        self.height_mib = chance.uniform(5.0, 60.0)
        self.floor_mib = chance.uniform(40.0, 90.0)
        self.noise_mib = chance.uniform(0.0, 1.0)
        self._ends_s: list[float] = []
        self._floors: list[float] = []
        at_s = 0.0
        while at_s < 3600:
            at_s += self.period_s * chance.uniform(0.7, 1.3)
            self._ends_s.append(at_s)
            self._floors.append(self.floor_mib + chance.gauss(0.0, self.noise_mib))

    def __call__(self, at_s: float) -> float:
        number = int(np.searchsorted(self._ends_s, at_s, side="right"))
        began_s = self._ends_s[number - 1] if number else 0.0
        return self._floors[number] + self.height_mib * (at_s - began_s) / self.period_s


@pytest.mark.parametrize("minutes", [10, 20, 30])
def test_no_leak_is_found_in_50_healthy_saw_teeth(minutes: int) -> None:
    found = [seed for seed in range(50) if assess(SawTooth(seed), minutes).growth is MemoryGrowth.GROWS]
    assert found == []


def test_most_healthy_saw_teeth_are_known_to_be_level_after_half_an_hour() -> None:
    kinds = [assess(SawTooth(seed), 30, limit_mib=512).growth for seed in range(50)]
    assert kinds.count(MemoryGrowth.LEVEL) >= 40


@pytest.mark.parametrize("minutes", [10, 15, 20, 30])
def test_a_leak_of_a_mebibyte_a_minute_is_found(minutes: int) -> None:
    """The limit is 512 MiB: after 20 minutes 100 are used, and the other 412 last for 412 minutes."""
    memory = assess(leak(1.0), minutes)
    assert memory.growth is MemoryGrowth.GROWS
    assert memory.growth_bytes_per_s == pytest.approx(MIB / MINUTE_S, rel=1e-3)
    assert memory.lasts_s == pytest.approx((432 - minutes) * MINUTE_S, rel=0.01)
    low, high = memory.growth_interval
    assert low < MIB / MINUTE_S < high


def test_a_leak_of_a_mebibyte_a_minute_is_found_beneath_saw_teeth_within_20_minutes() -> None:
    missed = []
    for seed in range(50):
        tooth, more = SawTooth(seed), leak(1.0, 0.0)
        if assess(lambda at_s: tooth(at_s) + more(at_s), 20).growth is not MemoryGrowth.GROWS:  # noqa: B023
            missed.append(seed)
    assert missed == []


def test_a_leak_is_found_whatever_the_room_that_is_left() -> None:
    assert assess(leak(1.0), 20, limit_mib=64 * 1024).growth is MemoryGrowth.GROWS


@pytest.mark.parametrize("mib_a_minute", [0.0, 0.02])
def test_memory_that_hardly_grows_is_level(mib_a_minute: float) -> None:
    memory = assess(leak(mib_a_minute), 30)
    assert memory.growth is MemoryGrowth.LEVEL
    assert memory.lasts_s is None


def test_little_growth_is_not_level_where_the_room_is_little() -> None:
    """1 MiB is left after half an hour: at 0.04 MiB a minute it lasts for 25 minutes, not for five hours."""
    assert assess(leak(0.04, start_mib=61.8), 30, limit_mib=64).growth is not MemoryGrowth.LEVEL


@pytest.mark.parametrize("tau_s", [20.0, 60.0])
def test_sessions_that_fill_in_a_minute_are_level_after_half_an_hour(tau_s: float) -> None:
    assert assess(lambda at_s: 30 + 60 * (1 - math.exp(-at_s / tau_s)), 30).growth is MemoryGrowth.LEVEL


@pytest.mark.parametrize("tau_s", [200.0, 300.0, 400.0, 600.0])
def test_a_cache_that_still_fills_is_neither_a_leak_nor_level(tau_s: float) -> None:
    memory = assess(lambda at_s: 30 + 200 * (1 - math.exp(-at_s / tau_s)), 30)
    assert memory.growth in (MemoryGrowth.SLOWS, MemoryGrowth.UNTOLD)


def test_what_surely_grows_ever_more_slowly_says_so() -> None:
    """In the middle third it grows by 46 MiB, in the last by 17."""
    assert assess(lambda at_s: 30 + 200 * (1 - math.exp(-at_s / 600)), 30).growth is MemoryGrowth.SLOWS


def test_a_leak_beneath_a_cache_that_is_full_is_found() -> None:
    """The cache is full after two minutes."""
    memory: Memory = lambda at_s: 30 + 60 * (1 - math.exp(-at_s / 40)) + at_s / MINUTE_S  # noqa: E731
    assert assess(memory, 20).growth is MemoryGrowth.GROWS


def test_one_collection_in_the_whole_soak_tells_nothing() -> None:
    """It fills for 12 minutes, is collected, and fills again: growth and a saw-tooth look alike."""
    assert assess(lambda at_s: 50 + 4 * (at_s % 720) / 60, 20).growth is MemoryGrowth.UNTOLD


def test_memory_that_fell_and_stayed_there_is_level() -> None:
    """It falls once, by what arriving users needed; a fall that is not seen to end tells nothing."""
    memory = assess(lambda at_s: 100 - 20 * (at_s >= 5), 30)
    assert memory.growth is MemoryGrowth.LEVEL
    assert (memory.start_bytes, memory.end_bytes, memory.peak_bytes) == (100 * MIB, 80 * MIB, 100 * MIB)
    slow: Memory = lambda at_s: 100 - 40 * (at_s >= 5) + at_s / 300  # noqa: E731
    assert assess(slow, 30).growth is MemoryGrowth.UNTOLD


def test_memory_that_rose_to_its_limit_grows() -> None:
    memory = assess(lambda at_s: min(63.9, 40 + at_s / 20), 20, limit_mib=64)
    assert (memory.growth, memory.is_full) == (MemoryGrowth.GROWS, True)


def test_a_collector_that_waits_for_the_limit_has_room_above_its_floors() -> None:
    """A saw-tooth of a minute between 30 MiB and the limit of 64 MiB."""
    memory = assess(lambda at_s: 30 + 34 * (at_s % 60) / 59.5, 30, limit_mib=64)
    assert memory.growth is MemoryGrowth.LEVEL


def test_facts_with_few_samples_tell_nothing() -> None:
    assert assess_soak_memory(make_closed_step(10, window_s=10.0), 256 * MIB) is None
    assert assess_soak_memory(make_closed_step(10, settle_from_s=None), 256 * MIB) is None


def test_memory_is_that_of_the_facts_from_the_end_of_the_ramp_on() -> None:
    """The samples hold 64 MiB all the time."""
    facts = make_closed_step(10, window_s=600.0, target=make_target_samples([float(at) for at in range(614)]))
    memory = assess_soak_memory(facts, 256 * MIB)
    assert memory is not None
    assert (memory.growth, memory.end_bytes, memory.peak_bytes) == (MemoryGrowth.LEVEL, 64 * MIB, 64 * MIB)
    assert memory.observed_s == pytest.approx(610.0)


@pytest.mark.parametrize(
    ("old", "growth"),
    [
        (lambda at_s: 0.05 * ((at_s - 300) % 1000), MemoryGrowth.UNTOLD),
        (lambda at_s: 0.05 * at_s, MemoryGrowth.GROWS),
    ],
    ids=["collected at minute 5", "never collected"],
)
def test_floors_that_were_as_high_before_do_not_show_growth(old: Memory, growth: MemoryGrowth) -> None:
    """Garbage of 10 MiB is freed every 10 s, and old objects of 3 MiB a minute only every 1,000 s.

    Before minute 5 the floors came to 80 + 50 MiB, and in the 15 minutes since to 80 + 45.
    """
    assert assess(lambda at_s: 80 + at_s % 10 + old(at_s), 20).growth is growth
