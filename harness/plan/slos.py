"""The slos section, and SLOs given on the command line."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import Problem, UsageError
from harness.model import Slo
from harness.plan.schema.units import duration_s, number_or_text, quoted, ratio
from harness.plan.yaml.document import Document, KeyPath
from harness.plan.yaml.problems import nearest

DEFAULTS = (Slo("p95", 1.0), Slo("errors", 0.01), Slo("shortfall", 0.15))
RATIOS = ("errors", "shortfall", "drift")
OF_THE_WHOLE = ("shortfall", "drift")
INDICATORS = ("p50", "p75", "p90", "p95", "p99", "p99.9", "mean", *RATIOS)
PERCENTILE = re.compile(r"p([0-9]{1,3})(?:\.([0-9]+))?", re.ASCII)

Key = tuple[str, str | None]


def parse_slo(text: str) -> Slo:
    """`p95=500ms`, `errors=0.5%`, or for one request name `p99@/item/[id]=2s`.

    Raises:
        UsageError: it is none of these.
    """
    left, equals, value = text.rpartition("=")
    indicator, at, request_name = left.partition("@")
    try:
        if not equals or (at and not request_name):
            raise ValueError("is not an SLO")
        return slo(indicator.strip(), number_or_text(value.strip()), request_name if at else None)
    except ValueError as error:
        hint = "p95=500ms, errors=0.5% or p99@/item/[id]=2s"
        raise UsageError(f"--slo {quoted(text)}: {error}", hint) from None


def slo(indicator: str, at_most: object, request_name: str | None = None) -> Slo:
    """The SLO of an indicator's value as people write it.

    Raises:
        ValueError: the indicator is unknown, or the value is not in its unit.
    """
    known_indicator(indicator)
    if request_name is not None and indicator in OF_THE_WHOLE:
        raise ValueError(f"{indicator} is a number of the whole scenario; write it beside by_name, not in it")
    if indicator in RATIOS:
        return Slo(indicator, ratio_of(indicator, at_most), request_name)
    seconds = duration_s(at_most)
    if not seconds:
        raise ValueError(f"{quoted(at_most)} leaves no time to answer; write a duration such as 500ms")
    return Slo(indicator, seconds, request_name)


def ratio_of(indicator: str, at_most: object) -> float:
    value = ratio(at_most)
    if indicator != "drift" and value > 1:
        raise ValueError(f'{quoted(at_most)} is more than all of them; write a ratio up to "100%"')
    return value


def known_indicator(indicator: str) -> None:
    if indicator == "mean" or indicator in RATIOS:
        return
    match = PERCENTILE.fullmatch(indicator)
    if match is None:
        raise ValueError(f"unknown indicator {quoted(indicator)}{nearest(indicator, INDICATORS)}")
    if match[1].startswith("0") or (match[2] or "").endswith("0"):
        raise ValueError(f"{quoted(indicator)} is not how a percentile is written; write p95 or p99.9")
    if len(match[2] or "") > 1 or not 50 <= float(indicator[1:]) <= 99.9:
        raise ValueError(f"{quoted(indicator)} is not measured; write a percentile from p50 to p99.9")


def read_slos(document: Document, problems: list[Problem]) -> tuple[Slo, ...]:
    """The defaults, replaced and extended by the section's; those of request names at the end."""
    section = document.values.get("slos")
    if section is None:
        return DEFAULTS
    chosen: dict[Key, Slo | None] = {(slo.indicator, None): slo for slo in DEFAULTS}
    chosen.update(read_section(section, document, problems))
    slos = tuple(slo for slo in chosen.values() if slo is not None)
    if not slos:
        problems.append(document.problem(("slos",), "no SLO is left, any load would pass; keep at least one"))
    return tuple(sorted(slos, key=lambda slo: slo.request_name is not None))


def read_section(section: Any, document: Document, problems: list[Problem]) -> dict[Key, Slo | None]:
    found: dict[Key, Slo | None] = {}
    by_name = {}
    for key, value in entries(section, ("slos",), document, problems):
        if key == "by_name":
            by_name = dict(entries(value, ("slos", key), document, problems))
        else:
            found |= read_entry(key, value, None, ("slos", key), document, problems)
    for request_name, wanted in by_name.items():
        at: KeyPath = ("slos", "by_name", request_name)
        for key, value in entries(wanted, at, document, problems):
            found |= read_entry(key, value, request_name, (*at, key), document, problems)
    return found


def entries(
    section: Any, at: KeyPath, document: Document, problems: list[Problem]
) -> Iterator[tuple[str, Any]]:
    """Keys with their values; an empty section has none."""
    if isinstance(section, Mapping):
        yield from section.items()
    elif section is not None:
        problems.append(
            document.problem(at, f"{quoted(section)} is not a mapping; write p95: 1s, errors: 1%")
        )


def read_entry(
    key: str, value: Any, request_name: str | None, at: KeyPath, document: Document, problems: list[Problem]
) -> dict[Key, Slo | None]:
    """One SLO, or None under its key for `off`; nothing if it is faulty."""
    try:
        known_indicator(key)
    except ValueError as error:
        problems.append(document.problem(at, str(error), at_key=True))
        return {}
    if value == "off" or value is False:
        return {(key, request_name): None}
    try:
        return {(key, request_name): slo(key, value, request_name)}
    except ValueError as error:
        problems.append(document.problem(at, str(error)))
        return {}
