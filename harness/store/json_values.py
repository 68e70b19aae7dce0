"""Read single values of stored JSON documents. A value of another kind raises TypeError."""

from typing import Any


def parse_text(value: Any) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def parse_count(value: Any) -> int:
    """Return a whole number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise TypeError(f"{value!r} is not a whole number")
    return value


def parse_number(value: Any) -> float:
    """Return a finite number, of at most 1e300: more digits of a whole number are no float."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e300 <= value <= 1e300:
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def parse_optional_text(value: Any) -> str | None:
    """Return a text; None if there is none."""
    return None if value is None else parse_text(value)


def parse_optional_count(value: Any) -> int | None:
    """Return a whole number that is not negative; None if there is none."""
    return None if value is None else parse_count(value)


def parse_optional_number(value: Any) -> float | None:
    """Return a finite number; None if there is none."""
    return None if value is None else parse_number(value)
