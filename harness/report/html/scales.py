"""Scales of a chart: from users, seconds and RPS to places, with ticks where a person would put them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps `low … high` onto `start … end`, beyond which it is clamped. `ticks` are values."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    is_log: bool = False
    unit: str = ""

    def __call__(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        if self.is_log:
            share = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            share = (inside - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def placed_ticks(self) -> tuple[Tick, ...]:
        return tuple(Tick(self(value), f"{value:g}{self.unit}") for value in self.ticks)


def linear(highest: float, start: float, end: float, about: int = 4) -> Scale:
    """From zero to `highest`, with round ticks."""
    highest = max(highest, 1e-9)
    step = nice_step(highest / about)
    count = math.floor(highest / step + 1e-9)
    return Scale(0.0, highest, start, end, tuple(round(index * step, 10) for index in range(count + 1)))


def nice_step(rough: float) -> float:
    """The next of 1, 2, 5, 10 … at or above `rough`."""
    decade = 10.0 ** math.floor(math.log10(rough))
    return next(factor * decade for factor in (1, 2, 5, 10) if factor * decade >= rough * (1 - 1e-9))


def decades(values: Sequence[float], start: float, end: float) -> Scale:
    """A logarithmic scale around the values, ticks at powers of ten; around 1 where there are none."""
    positive = [value for value in values if value > 0] or [0.5, 1.0]
    low, high = _below(min(positive)), _above(max(positive))
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    return Scale(low, high, start, end, tuple(10.0**power for power in powers), is_log=True, unit=" s")


def _below(value: float) -> float:
    decade = 10.0 ** math.floor(math.log10(value))
    return max(factor * decade for factor in (0.5, 1, 2, 5) if factor * decade < value)


def _above(value: float) -> float:
    decade = 10.0 ** math.floor(math.log10(value))
    return min(factor * decade for factor in (2, 5, 10, 20) if factor * decade > value)
