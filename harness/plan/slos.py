"""Read SLOs from the section `slos` of a matrix and from the option `--slo`.

This module says how an SLO is written. `harness/analyse/step/slo.py` judges it.
"""

import re
from collections.abc import Mapping, Sequence

from harness.errors import UsageError
from harness.model import RATIO_INDICATORS, WHOLE_SCENARIO_INDICATORS, IndicatorKind, Slo
from harness.plan.schema.quoting import quote
from harness.plan.schema.units import parse_duration_s, parse_number_or_text, parse_ratio
from harness.plan.yaml.problems import suggest_nearest
from harness.plan.yaml.reading import Reading

_DEFAULT_SLOS = (Slo("p95", 1.0), Slo("errors", 0.01), Slo("shortfall", 0.15))
_INDICATORS = ("p50", "p75", "p90", "p95", "p99", "p99.9", IndicatorKind.MEAN, *RATIO_INDICATORS)
_PERCENTILE = re.compile(r"p([0-9]{1,3})(?:\.([0-9]+))?", re.ASCII)

_RELAXED_FROM_S = 2.0
_MEAN_TO_LIMIT_RATIO = 0.3
"""The mean response time when a percentile is at its limit, as a share of the limit."""

_Key = tuple[str, str | None]
"""The indicator of an SLO and its request name; None for the whole scenario."""


def parse_slo(text: str) -> Slo:
    """Parse `p95=500ms`, `errors=0.5%`, or for one request name `p99@/item/[id]=2s`.

    Raises:
        UsageError: the text has none of these forms.
    """
    subject, equals, value = text.rpartition("=")
    indicator, at, request_name = subject.partition("@")
    try:
        if not equals or (at and not request_name):
            raise ValueError("is not an SLO")
        return _build_slo(
            indicator.strip(), parse_number_or_text(value.strip()), request_name if at else None
        )
    except ValueError as error:
        hint = "p95=500ms, errors=0.5% or p99@/item/[id]=2s"
        raise UsageError(f"--slo {quote(text)}: {error}", hint) from None


def _build_slo(indicator: str, at_most: object, request_name: str | None = None) -> Slo:
    """Build the SLO of an indicator from the value that the user wrote.

    Raises:
        ValueError: the indicator is unknown, or the value is not in its unit.
    """
    check_indicator(indicator)
    if request_name is not None and indicator in WHOLE_SCENARIO_INDICATORS:
        raise ValueError(f"{indicator} describes the whole scenario; move it out of by_name")
    if indicator in RATIO_INDICATORS:
        return Slo(indicator, _parse_slo_ratio(indicator, at_most), request_name)
    seconds = parse_duration_s(at_most)
    if not seconds:
        raise ValueError(f"{quote(at_most)} leaves no time to answer; write a duration such as 500ms")
    return Slo(indicator, seconds, request_name)


def _parse_slo_ratio(indicator: str, at_most: object) -> float:
    ratio = parse_ratio(at_most)
    if indicator != IndicatorKind.DRIFT and ratio > 1:
        raise ValueError(f'{quote(at_most)} is out of range; write a ratio up to "100%"')
    return ratio


def check_indicator(indicator: str) -> None:
    """Raise ValueError for an indicator that is unknown, or a percentile that is not measured."""
    if indicator == IndicatorKind.MEAN or indicator in RATIO_INDICATORS:
        return
    match = _PERCENTILE.fullmatch(indicator)
    if match is None:
        raise ValueError(f"unknown indicator {quote(indicator)}{suggest_nearest(indicator, _INDICATORS)}")
    if match[1].startswith("0") or (match[2] or "").endswith("0"):
        raise ValueError(f"{quote(indicator)} is not how a percentile is written; write p95 or p99.9")
    if len(match[2] or "") > 1 or not 50 <= float(indicator[1:]) <= 99.9:
        raise ValueError(f"{quote(indicator)} is not measured; write a percentile from p50 to p99.9")


def read_slos(reading: Reading) -> tuple[Slo, ...]:
    """Return the default SLOs, replaced and extended by the matrix's. SLOs with a request name come last.

    An SLO on the errors that load adds replaces the default of all errors.
    """
    if reading.values.get("slos") is None:
        return _DEFAULT_SLOS
    slos: dict[_Key, Slo | None] = {(slo.indicator, None): slo for slo in _DEFAULT_SLOS}
    written = _read_section(reading.enter("slos"))
    if written.get((IndicatorKind.ADDED_ERRORS, None)) is not None:
        del slos[IndicatorKind.ERRORS, None]
    slos.update(written)
    kept = [slo for slo in slos.values() if slo is not None]
    if not kept:
        reading.report(("slos",), "no SLO is left, any load would pass; keep at least one")
    return tuple(sorted(kept, key=lambda slo: slo.request_name is not None))


def find_shortfall_notes(slos: Sequence[Slo]) -> tuple[str, ...]:
    """Return a note if response times may be so long that the shortfall stops a size before they do.

    A shortfall of s is reached when answers take s / (1 - s) of the think time longer than at light load.
    """
    shortfalls = [slo for slo in slos if slo.kind is IndicatorKind.SHORTFALL and 0 < slo.at_most < 1]
    response_times = [slo for slo in slos if slo.is_response_time and slo.request_name is None]
    tightest = min(response_times, key=lambda slo: slo.at_most, default=None)
    if not shortfalls or tightest is None or tightest.at_most < _RELAXED_FROM_S:
        return ()
    ratio = shortfalls[0].at_most
    think_s = _MEAN_TO_LIMIT_RATIO * tightest.at_most * (1 - ratio) / ratio
    return (
        f"slos.shortfall ({100 * ratio:g} %) stops a size before {tightest.indicator} reaches "
        f"{tightest.at_most:g} s, if users think for less than about {think_s:.0f} s; "
        "write shortfall: null if only response times and errors count",
    )


def _read_section(section: Reading) -> dict[_Key, Slo | None]:
    slos: dict[_Key, Slo | None] = {}
    by_name: list[str] = []
    for key in _list_keys(section):
        if key == "by_name":
            by_name = _list_keys(section.enter(key))
        else:
            slos |= _read_entry(section, key)
    for request_name in by_name:
        named = section.enter("by_name", request_name)
        for key in _list_keys(named):
            slos |= _read_entry(named, key, request_name)
    return slos


def _list_keys(section: Reading) -> list[str]:
    """Return the keys of a section; an empty section has none. Report a section that is no mapping."""
    if isinstance(section.values, Mapping):
        return list(section.values)
    if section.values is not None:
        section.report((), f"{quote(section.values)} is not a mapping; write p95: 1s, errors: 1%")
    return []


def _read_entry(section: Reading, key: str, request_name: str | None = None) -> dict[_Key, Slo | None]:
    """Return the SLO of a key, or None for `off`, by indicator and request name; nothing if it is faulty."""
    value = section.values[key]
    try:
        check_indicator(key)
    except ValueError as error:
        section.report((key,), str(error), at_key=True)
        return {}
    if value == "off" or value is False:
        return {(key, request_name): None}
    try:
        return {(key, request_name): _build_slo(key, value, request_name)}
    except ValueError as error:
        section.report((key,), str(error))
        return {}
