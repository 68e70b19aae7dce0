"""A line of a list in a report."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """What, its value, and how to read it."""

    label: str
    value: str
    note: str = ""
