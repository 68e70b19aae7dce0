"""Parse values of the command line: a requirement, a size, a ratio, a growth, a price, a trial, a mix."""

import re
from collections.abc import Sequence

from harness.errors import UsageError
from harness.model import Limits, Price, Requirement
from harness.model.trials import TrialRequirement
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
    r"\+?(?P<amount>[0-9.]+)\s?(?P<unit>[%x×]?)\s*(?:/|\bper\b|\ban?\b)\s*(?P<period>[a-z]+)", re.IGNORECASE
)
_MONTHS = {"week": 7 / (365.25 / 12), "month": 1.0, "quarter": 3.0, "year": 12.0}
_GROWTH_HINT = 'write "8%/month" or "2x/year"; week, month, quarter and year are known'
_WEIGHT = re.compile(r"\s*=\s*(?P<weight>[0-9]{1,9}(\.[0-9]{1,9})?)\s*(?P<percent>%?)\s*(?:,\s*|$)")
_MIX_HINT = 'write "GET /item=3, POST /cart=1": the name of each request, and how often it comes'
_PERCENT_TOLERANCE = 1.0
"""Shares that are rounded don't add up to 100 % exactly: three of 33.3 % are 99.9 %."""

_OLD_KEYS = {"gb_hour": "gib_hour"}
_REQUIREMENT_HINT = (
    'write "users >= 400 at cpus <= 1 and memory <= 256MiB", "recovers within 60s" or "memory level"'
)
_TRIAL_REQUIREMENT = re.compile(
    r"\s*(?:recovers\s+within\s+(?P<within>[0-9][0-9.]*\s*[a-z]*)|memory\s+(?:is\s+)?level)"
    r"\s*(?:\sat\s+(?P<bounds>.+))?",
    re.IGNORECASE | re.ASCII,
)
_FACTOR = re.compile(r"(?P<before>[x×]\s*)?(?P<times>[0-9]{1,3}(\.[0-9]{1,3})?)(?P<after>\s*[x×])?")
_MOST_FACTOR = 100.0
_MOST_GROWTH = 11.0
_BURST_MOST_S = 3600.0
_SOAK_LEAST_S, _SOAK_MOST_S = 60.0, 24 * 3600.0


def parse_any_requirement(text: str) -> Requirement | TrialRequirement:
    """Parse a requirement on users, or one on a trial: `recovers within 60s` or `memory level`.

    Each may have the same bounds. Raises as `parse_requirement` does.
    """
    trial = _TRIAL_REQUIREMENT.fullmatch(text)
    if trial is None:
        return parse_requirement(text)
    return _build_trial_requirement(text, trial["within"], trial["bounds"])


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
    return Requirement(text.strip(), int(match["users"]), _parse_limits(text, match["bounds"]))


def _build_trial_requirement(text: str, within: str | None, bounds: str | None) -> TrialRequirement:
    try:
        within_s = None if within is None else units.parse_duration_s(within.strip())
    except ValueError as error:
        raise UsageError(f"{text!r}: {error}", _REQUIREMENT_HINT) from None
    return TrialRequirement(text.strip(), within_s, None if bounds is None else _parse_limits(text, bounds))


def parse_factor(text: str) -> float:
    """Parse how many times the users a burst has: `3x`, `2.5 x` or `×3`, more than 1 and at most 100.

    Raises:
        UsageError: the text is no such factor; the hint has an example.
    """
    match = _FACTOR.fullmatch(text.strip())
    if match is None or bool(match["before"]) == bool(match["after"]):
        raise UsageError(f"--to: {text!r} does not say how many times the users come", 'write "3x"')
    factor = float(match["times"])
    if not 1 < factor <= _MOST_FACTOR:
        raise UsageError(f"--to: {text!r} is out of range", 'write a factor above 1 and up to "100x"')
    return factor


def parse_burst_length(text: str) -> float:
    """Parse for how many seconds a burst lasts, such as `60s` or `2m`: from a second to an hour.

    Raises:
        UsageError: the text is no such length; the message says what to write instead.
    """
    return _parse_length(text, 1.0, _BURST_MOST_S, "a burst lasts from 1s to 60m")


def parse_soak_length(text: str) -> float:
    """Parse for how many seconds a soak lasts, such as `30m` or `2h`: from a minute to a day.

    Raises:
        UsageError: the text is no such length; the message says what to write instead.
    """
    return _parse_length(text, _SOAK_LEAST_S, _SOAK_MOST_S, "a soak lasts from 1m to 24h")


def _parse_length(text: str, least_s: float, most_s: float, bounds: str) -> float:
    try:
        seconds = units.parse_span_s(text.strip())
    except ValueError as error:
        raise UsageError(f"--for: {error}") from None
    if not least_s <= seconds <= most_s:
        raise UsageError(f"--for: {text!r} is out of range: {bounds}")
    return seconds


def _parse_limits(text: str, bounds_text: str | None) -> Limits:
    """Return the largest limits that a requirement allows."""
    bounds = _parse_bounds(text, bounds_text)
    try:
        cores = units.parse_cores(units.parse_number_or_text(bounds.get("cpus", str(units.CPU_MOST_CORES))))
        memory_bytes = (
            units.parse_memory_bytes(bounds["memory"]) if "memory" in bounds else units.MEMORY_MOST_BYTES
        )
    except ValueError as error:
        raise UsageError(f"{text!r}: {error}", _REQUIREMENT_HINT) from None
    return Limits(cores, memory_bytes, variant=bounds.get("variant"))


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
    """Parse a growth of the users such as `8%/month` or `2x/year` into the ratio of a month, compounded.

    Raises:
        UsageError: the text is no growth; the hint has an example.
    """
    match = _GROWTH.fullmatch(text.strip())
    months = _MONTHS.get(match["period"].lower().removesuffix("s")) if match else None
    if match is None or months is None:
        raise UsageError(f"{text!r} is not a growth of the users", _GROWTH_HINT)
    ratio = _parse_growth_ratio(match["amount"], match["unit"])
    if ratio == 0:
        raise UsageError(f"{text!r} is no growth: the users stay as many", "leave --growth out")
    return float((1 + ratio) ** (1 / months) - 1)


def _parse_growth_ratio(amount: str, unit: str) -> float:
    """Return the ratio by which the users grow: `2x` is twice as many, and so 100 % more."""
    if unit.lower() not in ("x", "×"):
        return parse_ratio(amount + unit)
    times = _FACTOR.fullmatch(f"{amount}x")
    if times is None or not 1 <= float(times["times"]) <= _MOST_GROWTH:
        raise UsageError(f"{amount}{unit} is no growth of the users", _GROWTH_HINT)
    return float(times["times"]) - 1


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


def parse_mix(text: str, known: Sequence[str]) -> list[tuple[str, float]]:
    """Parse `GET /item=3, POST /cart=1` into names and weights, in the order in which they are written.

    Names may contain any character: those that are `known` are read first, with their method or without.

    Raises:
        UsageError: the text is no mix; the hint has an example.
    """
    spellings = {spelling for name in known for spelling in (name, name.partition(" ")[2]) if spelling}
    parts: list[tuple[str, float]] = []
    has_percent = set()
    rest = text.strip()
    while rest:
        name, weight = _read_weight(rest, sorted(spellings, key=len, reverse=True))
        if weight is None:
            raise UsageError(f"{text!r} is not a mix of requests", _MIX_HINT)
        parts.append((name, float(weight["weight"])))
        has_percent.add(weight["percent"])
        rest = rest[weight.end() :]
    if len(has_percent) > 1:
        raise UsageError(f"{text!r} has weights with % and without", _MIX_HINT)
    total = sum(weight for _, weight in parts)
    if total <= 0:
        raise UsageError(f"{text!r} asks for no requests", _MIX_HINT)
    if "%" in has_percent and abs(total - 100) > _PERCENT_TOLERANCE:
        raise UsageError(
            f"{text!r}: the shares add up to {total:.6g}%, and not to 100%",
            "give all requests of the mix a share, or write weights without %",
        )
    return parts


def _read_weight(text: str, spellings: Sequence[str]) -> tuple[str, re.Match[str] | None]:
    """Return the name at the begin of a text, and its weight; None if there is no weight."""
    for name in spellings:
        if text.startswith(name) and (weight := _WEIGHT.match(text, len(name))):
            return name, weight
    for sign in re.finditer("=", text):
        if weight := _WEIGHT.match(text, sign.start()):
            return text[: sign.start()].strip(), weight
    return text, None
