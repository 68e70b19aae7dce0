"""Map users, seconds, RPS and prices to places in a chart, with round ticks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.view.text import format_count, format_number

_MOST_TICKS = 9


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A map from values in `low … high` to places in `start … end`.

    A value beyond an end gets the place of that end. `ticks` are values.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    is_log: bool = False
    unit: str = ""

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        clamped = min(max(value, self.low), self.high)
        if self.is_log:
            share = math.log(clamped / self.low) / math.log(self.high / self.low)
        else:
            share = (clamped - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def place_ticks(self) -> tuple[Tick, ...]:
        """Return the ticks with their places and labels."""
        return tuple(Tick(self(value), f"{_format_tick(value)}{self.unit}") for value in self.ticks)


def _format_tick(value: float) -> str:
    return format_count(round(value)) if value >= 1000 else format_number(value)


def build_linear_scale(highest: float, start: float, end: float, about_ticks: int = 4) -> Scale:
    """Return a scale from zero to `highest` with roughly `about_ticks` ticks at round values.

    The scale does not reach above 1e15: no measured value does.
    """
    highest = min(max(highest, 1e-9), 1e15)
    step = _round_up_step(highest / about_ticks)
    count = math.floor(highest / step + 1e-9)
    return Scale(0.0, highest, start, end, tuple(round(index * step, 10) for index in range(count + 1)))


def build_range_scale(
    values: Sequence[float], start: float, end: float, about_ticks: int = 4, unit: str = ""
) -> Scale:
    """Return a scale from a little below the lowest to a little above the highest value, with round ticks."""
    low, high = min(values), max(values)
    margin = max(0.08 * (high - low), 0.01 * max(abs(low), abs(high)), 1e-9)
    low, high = low - margin, high + margin
    step = _round_up_step((high - low) / about_ticks)
    numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return Scale(low, high, start, end, tuple(round(number * step, 10) for number in numbers), unit=unit)


def _round_up_step(rough: float) -> float:
    """Return the smallest of …, 0.5, 1, 2, 5, 10, … that is at least `rough`."""
    decade = 10.0 ** math.floor(math.log10(rough))
    return next(factor * decade for factor in (1, 2, 5, 10) if factor * decade >= rough * (1 - 1e-9))


def build_log_scale(
    values: Sequence[float], start: float, end: float, unit: str = " s", *, is_fine: bool = False
) -> Scale:
    """Return a logarithmic scale around the positive values, or around 1 if there is none.

    Ticks are at powers of ten; with `is_fine` also at 2 and 5 times these, and at both ends. The scale does
    not reach below 1e-12 or above 1e15: no measured value does.
    """
    positive = [min(max(value, 1e-12), 1e15) for value in values if 0 < value < math.inf] or [0.5, 1.0]
    low, high = _find_lower_end(min(positive)), _find_upper_end(max(positive))
    powers = range(math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9) + 1)
    rounds = [factor * 10.0**power for power in powers for factor in ((1, 2, 5) if is_fine else (1,))]
    ticks = tuple(value for value in rounds if low * (1 - 1e-9) <= value <= high * (1 + 1e-9))
    return Scale(low, high, start, end, _thin_out(ticks), is_log=True, unit=unit)


def _thin_out(ticks: tuple[float, ...]) -> tuple[float, ...]:
    """Return the ticks, or only the powers of ten if they are too many to be read."""
    if len(ticks) <= _MOST_TICKS:
        return ticks
    return tuple(value for value in ticks if abs(math.log10(value) % 1) < 1e-9)


def _find_lower_end(value: float) -> float:
    """Return the largest of …, 0.5, 1, 2, 5, 10, … below the value."""
    decade = 10.0 ** math.floor(math.log10(value))
    return max(factor * decade for factor in (0.5, 1, 2, 5) if factor * decade < value)


def _find_upper_end(value: float) -> float:
    """Return the smallest of …, 0.5, 1, 2, 5, 10, … above the value."""
    decade = 10.0 ** math.floor(math.log10(value))
    return min(factor * decade for factor in (2, 5, 10, 20) if factor * decade > value)
