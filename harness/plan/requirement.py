"""What a command line asks of stored answers: `users >= 400 at cpus <= 1 and memory <= 256MiB`, `30%`."""

import re

from harness.errors import UsageError
from harness.model import Limits, Requirement
from harness.plan.units import (
    CPU_MOST_CORES,
    MEMORY_MOST_BYTES,
    cpu_cores,
    memory_bytes,
    number_or_text,
    ratio,
)

REQUIREMENT = re.compile(r"\s*users\s*>=\s*(?P<users>[0-9]{1,9})\s*(?:\sat\s+(?P<within>.+))?", re.IGNORECASE)
BOUND = re.compile(r"(?P<what>cpus|memory)\s*<=\s*(?P<most>[0-9][0-9.]*\s*[A-Za-z]*)", re.IGNORECASE)
EXAMPLE = 'write "users >= 400 at cpus <= 1 and memory <= 256MiB"'


def parse_requirement(text: str) -> Requirement:
    """Raises UsageError with what to write instead."""
    match = REQUIREMENT.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a requirement", EXAMPLE)
    bounds = _bounds(text, match["within"])
    try:
        cores = cpu_cores(float(bounds.get("cpus", CPU_MOST_CORES)))
        size = memory_bytes(bounds["memory"]) if "memory" in bounds else MEMORY_MOST_BYTES
    except ValueError as error:
        raise UsageError(f"{text!r}: {error}", EXAMPLE) from None
    return Requirement(text.strip(), int(match["users"]), Limits(cores, size))


def _bounds(text: str, within: str | None) -> dict[str, str]:
    bounds: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", within.strip(), flags=re.IGNORECASE) if within else []:
        bound = BOUND.fullmatch(part.strip())
        if bound is None or bound["what"].lower() in bounds:
            raise UsageError(f"{text!r}: {part.strip()!r} is not a bound, or a second one", EXAMPLE)
        bounds[bound["what"].lower()] = bound["most"].strip()
    return bounds


def parse_ratio(text: str) -> float:
    """`30%` or 0.3. Raises UsageError with what to write instead."""
    try:
        return ratio(number_or_text(text.strip()))
    except ValueError as error:
        raise UsageError(str(error)) from None
