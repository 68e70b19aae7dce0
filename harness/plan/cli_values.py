"""Parse values of the command line: a requirement, a ratio such as `30%`, prices."""

import re

from harness.errors import UsageError
from harness.model import Limits, Price, Requirement
from harness.plan.schema import units

_REQUIREMENT = re.compile(
    r"\s*users\s*>=\s*(?P<users>[0-9]{1,9})\s*(?:\sat\s+(?P<within>.+))?", re.IGNORECASE
)
_BOUND = re.compile(r"(?P<what>cpus|memory)\s*<=\s*(?P<most>[0-9][0-9.]*\s*[A-Za-z]*)", re.IGNORECASE)
_PRICE = re.compile(
    r"(?P<key>cpu_hour|gib_hour|gb_hour)\s*=\s*(?P<rate>[0-9]{1,6}(\.[0-9]{1,9})?)\s*(?P<currency>[^\s\d=<>&]{0,8})"
)
_OLD_KEYS = {"gb_hour": "gib_hour"}
_EXAMPLE = 'write "users >= 400 at cpus <= 1 and memory <= 256MiB"'


def parse_requirement(text: str) -> Requirement:
    """Parse a requirement such as `users >= 400 at cpus <= 1 and memory <= 256MiB`.

    Raises:
        UsageError: it is none; with what to write instead.
    """
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a requirement", _EXAMPLE)
    bounds = _parse_bounds(text, match["within"])
    try:
        cores = units.parse_cores(float(bounds.get("cpus", units.CPU_MOST_CORES)))
        size = units.parse_memory_bytes(bounds["memory"]) if "memory" in bounds else units.MEMORY_MOST_BYTES
    except ValueError as error:
        raise UsageError(f"{text!r}: {error}", _EXAMPLE) from None
    return Requirement(text.strip(), int(match["users"]), Limits(cores, size))


def _parse_bounds(text: str, bounds_text: str | None) -> dict[str, str]:
    bounds: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", bounds_text.strip(), flags=re.IGNORECASE) if bounds_text else []:
        bound = _BOUND.fullmatch(part.strip())
        if bound is None or bound["what"].lower() in bounds:
            raise UsageError(
                f"{text!r}: {part.strip()!r} is not a bound, or bounds the same value again", _EXAMPLE
            )
        bounds[bound["what"].lower()] = bound["most"].strip()
    return bounds


def parse_ratio(text: str) -> float:
    """Parse `30%` or 0.3.

    Raises:
        UsageError: it is no ratio; with what to write instead.
    """
    try:
        return units.parse_ratio(units.parse_number_or_text(text.strip()))
    except ValueError as error:
        raise UsageError(str(error)) from None


def parse_price(text: str) -> Price:
    """Parse `cpu_hour=0.04 EUR, gib_hour=0.005`; `gb_hour` is an old name of `gib_hour`.

    Raises:
        UsageError: it is no price; with what to write instead.
    """
    rates: dict[str, float] = {}
    currency = ""
    for part in text.split(","):
        rate = _PRICE.fullmatch(part.strip())
        key = _OLD_KEYS.get(rate["key"], rate["key"]) if rate else ""
        if rate is None or key in rates or rate["currency"] not in ("", currency or rate["currency"]):
            raise UsageError(f"{text!r} is not a price", 'write "cpu_hour=0.04 EUR, gib_hour=0.005"')
        rates[key] = float(rate["rate"])
        currency = currency or rate["currency"]
    return Price(currency, rates.get("cpu_hour"), rates.get("gib_hour"))


def find_price_note(text: str) -> str | None:
    """Return a note if a price is written with an old key, else None."""
    return "gb_hour is per GiB: write gib_hour" if re.search(r"\bgb_hour\b", text) else None
