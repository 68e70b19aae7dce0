"""Parse values of the command line: a requirement, a size, a ratio, a growth, a price."""

import re

from harness.errors import UsageError
from harness.model import Limits, Price, Requirement
from harness.plan.schema import units
from harness.plan.schema.matrix import OLD_PRICE_KEY_NOTE

_REQUIREMENT = re.compile(
    r"\s*users\s*>=\s*(?P<users>[0-9]{1,9})\s*(?:\sat\s+(?P<bounds>.+))?", re.IGNORECASE
)
_BOUND = re.compile(
    r"(?P<key>cpus|memory)\s*<=\s*(?P<most>[0-9][0-9.]*\s*[A-Za-z]*)"
    r"|variant\s*=\s*(?P<variant>[A-Za-z0-9-]+)",
    re.IGNORECASE,
)
_PRICE = re.compile(
    r"(?P<key>cpu_hour|gib_hour|gb_hour)\s*=\s*(?P<rate>[0-9]{1,6}(\.[0-9]{1,9})?)\s*(?P<currency>[^\s\d=<>&]{0,8})"
)
_SIZE = re.compile(
    r"(?:(?P<replicas>[0-9]{1,3})\s*[x×]\s*)?(?P<cpus>[0-9]{1,4}(\.[0-9]{1,5})?)\s*(?:cpus?)?\s*/\s*"
    r"(?P<memory>[0-9][0-9.]*\s*[A-Za-z]*)",
    re.IGNORECASE,
)
_GROWTH = re.compile(
    r"\+?(?P<ratio>[0-9.]+\s?%?)\s*(?:/|\bper\b|\ban?\b)\s*(?P<period>[a-z]+)", re.IGNORECASE | re.ASCII
)
_MONTHS = {"week": 7 / (365.25 / 12), "month": 1.0, "quarter": 3.0, "year": 12.0}
_GROWTH_HINT = 'write "8%/month"; week, month, quarter and year are known'
_OLD_KEYS = {"gb_hour": "gib_hour"}
_REQUIREMENT_HINT = 'write "users >= 400 at cpus <= 1 and memory <= 256MiB"'


def parse_requirement(text: str) -> Requirement:
    """Parse a requirement such as `users >= 400 at cpus <= 1 and memory <= 256MiB and variant = four`.

    Raises:
        UsageError: the text is no requirement; the hint has an example.
    """
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a requirement", _REQUIREMENT_HINT)
    if int(match["users"]) == 0:
        raise UsageError(f"{text!r} asks for no users", _REQUIREMENT_HINT)
    bounds = _parse_bounds(text, match["bounds"])
    try:
        cores = units.parse_cores(float(bounds.get("cpus", units.CPU_MOST_CORES)))
        memory_bytes = (
            units.parse_memory_bytes(bounds["memory"]) if "memory" in bounds else units.MEMORY_MOST_BYTES
        )
    except ValueError as error:
        raise UsageError(f"{text!r}: {error}", _REQUIREMENT_HINT) from None
    limits = Limits(cores, memory_bytes, variant=bounds.get("variant"))
    return Requirement(text.strip(), int(match["users"]), limits)


def parse_size(text: str) -> Limits | None:
    """Parse a size such as `0.5/256MiB`, `0.5 CPU / 256 MiB` or `2 x 0.5/256MiB`; None if it is none."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    try:
        memory_bytes = units.parse_memory_bytes(match["memory"])
        return Limits(units.parse_cores(float(match["cpus"])), memory_bytes, int(match["replicas"] or 1))
    except ValueError:
        return None


def _parse_bounds(text: str, bounds_text: str | None) -> dict[str, str]:
    """Return the largest CPU and memory of a requirement, as written, and its variant, by their keys."""
    bounds: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", bounds_text.strip(), flags=re.IGNORECASE) if bounds_text else []:
        bound = _BOUND.fullmatch(part.strip())
        key = "" if bound is None else (bound["key"] or "variant").lower()
        if bound is None or key in bounds:
            raise UsageError(
                f"{text!r}: {part.strip()!r} is not a bound, or bounds the same value again",
                _REQUIREMENT_HINT,
            )
        bounds[key] = (bound["most"] or bound["variant"]).strip()
    return bounds


def parse_ratio(text: str) -> float:
    """Parse `30%` or 0.3.

    Raises:
        UsageError: the text is no ratio; the message says what to write instead.
    """
    try:
        return units.parse_ratio(units.parse_number_or_text(text.strip()))
    except ValueError as error:
        raise UsageError(str(error)) from None


def parse_growth(text: str) -> float:
    """Parse a growth of the users such as `8%/month` or `50%/year` into the ratio of a month, compounded.

    Raises:
        UsageError: the text is no growth; the hint has an example.
    """
    match = _GROWTH.fullmatch(text.strip())
    months = _MONTHS.get(match["period"].lower().removesuffix("s")) if match else None
    if match is None or months is None:
        raise UsageError(f"{text!r} is not a growth of the users", _GROWTH_HINT)
    ratio = parse_ratio(match["ratio"].replace(" ", ""))
    if ratio == 0:
        raise UsageError(f"{text!r} is no growth: the users stay as many", "leave --growth out")
    return float((1 + ratio) ** (1 / months) - 1)


def parse_price(text: str) -> Price:
    """Parse `cpu_hour=0.04 EUR, gib_hour=0.005`; `gb_hour` is an old name of `gib_hour`.

    Raises:
        UsageError: the text is no price; the hint has an example.
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
    """Return a note for the user if a price is written with its old key, else None."""
    return OLD_PRICE_KEY_NOTE if re.search(r"\bgb_hour\b", text) else None
