"""What a command line asks of stored answers: a requirement, a ratio such as `30%`, prices."""

import re

from harness.errors import UsageError
from harness.model import Limits, Price, Requirement
from harness.plan.schema.units import (
    CPU_MOST_CORES,
    MEMORY_MOST_BYTES,
    cpu_cores,
    memory_bytes,
    number_or_text,
    ratio,
)

REQUIREMENT = re.compile(r"\s*users\s*>=\s*(?P<users>[0-9]{1,9})\s*(?:\sat\s+(?P<within>.+))?", re.IGNORECASE)
BOUND = re.compile(r"(?P<what>cpus|memory)\s*<=\s*(?P<most>[0-9][0-9.]*\s*[A-Za-z]*)", re.IGNORECASE)
PRICE = re.compile(
    r"(?P<what>cpu_hour|gb_hour)\s*=\s*(?P<rate>[0-9]{1,6}(\.[0-9]{1,9})?)\s*(?P<currency>[^\s\d=<>&]{0,8})"
)
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


def parse_price(text: str) -> Price:
    """`cpu_hour=0.04 EUR, gb_hour=0.005`. Raises UsageError with what to write instead."""
    rates: dict[str, float] = {}
    currency = ""
    for part in text.split(","):
        rate = PRICE.fullmatch(part.strip())
        if (
            rate is None
            or rate["what"] in rates
            or rate["currency"] not in ("", currency or rate["currency"])
        ):
            raise UsageError(f"{text!r} is not a price", 'write "cpu_hour=0.04 EUR, gb_hour=0.005"')
        rates[rate["what"]] = float(rate["rate"])
        currency = currency or rate["currency"]
    return Price(currency, rates.get("cpu_hour"), rates.get("gb_hour"))
