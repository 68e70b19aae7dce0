"""Format numbers, sizes and SLOs, and clean foreign texts, for the reports and the command line.

No data is a dash and never a zero. A space stands between a number and its unit ("73 %"). A text is foreign
if it came from outside the harness; it must pass `clean_text` or `clean_lines` before it is shown.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal

from harness.model import MIB, Factor, IndicatorKind, Limits, Slo

NO_DATA = "–"
_EXACT = Context(prec=400)
"""Holds all digits of any float."""

_DAY_S = 86_400
_IN_DAYS_FROM_S = 2 * _DAY_S
_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC: titles, links, the clipboard
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c)?"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"
)
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_NON_CHARACTERS = frozenset({"\ufffe", "\uffff"})
FACTOR_WORDS = {
    Factor.CPU: "CPU",
    Factor.MEMORY: "memory",
    Factor.TARGET: "the target itself",
    Factor.ERRORS: "errors",
    Factor.DEPENDENCY: "a dependency",
    Factor.DISK: "the disk",
    Factor.GENERATOR: "the generator",
    Factor.HOST: "the host",
}
_INDICATOR_WORDS = {
    IndicatorKind.ERRORS: "error ratio",
    IndicatorKind.ADDED_ERRORS: "error ratio above that of light load",
    IndicatorKind.SHORTFALL: "throughput shortfall",
    IndicatorKind.DRIFT: "rise of RT within the window",
    IndicatorKind.MEAN: "mean RT",
}


def clean_text(text: object) -> str:
    """Return a foreign text as one line of harmless characters.

    Escape sequences are removed, as well as control, bidirectional and invisible characters.
    """
    return _drop_unsafe(" ".join(_ESCAPE_SEQUENCE.sub("", str(text)).split()))


def clean_lines(text: object) -> str:
    """Clean a foreign text like `clean_text`, but keep its line breaks and its spaces."""
    return "\n".join(
        _drop_unsafe(_ESCAPE_SEQUENCE.sub("", line).expandtabs()) for line in str(text).split("\n")
    )


def _drop_unsafe(line: str) -> str:
    return line if line.isprintable() else "".join(filter(_is_harmless, line))


def _is_harmless(char: str) -> bool:
    return char not in _NON_CHARACTERS and unicodedata.category(char) not in _UNSAFE_CATEGORIES


def keep_finite(value: float | None) -> float | None:
    """Return the value, or None if it is NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def format_number(value: float | None, decimals: int | None = None) -> str:
    """Return a number without a unit: `0.5`, `400`; with `decimals`, exactly that many."""
    value = keep_finite(value)
    if value is None:
        return NO_DATA
    return f"{value:g}" if decimals is None else f"{value:.{decimals}f}"


def format_seconds(value: float | None, decimals: int | None = None) -> str:
    """Return a response time: `0.21 s`, `0.034 s`, `12 s`. Without `decimals` a shorter time has more."""
    value = keep_finite(value)
    if value is None:
        return NO_DATA
    if decimals is None:
        decimals = 3 if value < 0.1 else 2 if value < 10 else 0
    return f"{format_number(value, decimals)} s"


def format_milliseconds(seconds: float, decimals: int = 0) -> str:
    """Return seconds as milliseconds: `412 ms`."""
    return f"{format_number(seconds * 1000, decimals)} ms"


def format_timestamp(stored: str) -> str:
    """Return a stored ISO 8601 time without fractions of seconds: `2026-11-23 18:10:30 UTC`."""
    return re.sub(r"\.\d+", "", clean_text(stored)).replace("T", " ").replace("+00:00", " UTC")


def format_duration(value: float | None) -> str:
    """Return a span of seconds: `45 s`, `5 min`, `12 min 5 s`, `2 h 3 min`, `30 days`."""
    value = keep_finite(value)
    if value is None:
        return NO_DATA
    whole = round(value)
    if whole >= _IN_DAYS_FROM_S and whole % _DAY_S == 0:
        return f"{whole // _DAY_S} days"
    if whole < 60:
        return f"{whole} s"
    large, small = (whole // 60, whole % 60) if whole < 3600 else (whole // 3600, whole % 3600 // 60)
    units = ("min", "s") if whole < 3600 else ("h", "min")
    return f"{large} {units[0]}" + (f" {small} {units[1]}" if small else "")


def format_estimate(seconds: float) -> str:
    """Return an estimated span, rounded to its unit: `40 s` (to tens), `12 min`, `2 h 05 min`, `12 days`."""
    if seconds < 90:
        return f"{math.ceil(seconds / 10) * 10} s"
    if seconds >= _IN_DAYS_FROM_S:
        return f"{round(seconds / _DAY_S)} days"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def format_rate(value: float | None) -> str:
    """Return requests per second: `12 345`, `142`, `41.3`, `8.4`."""
    value = keep_finite(value)
    if value is None:
        return NO_DATA
    return format_count(round(value)) if value >= 99.95 else format_number(value, 1)


def format_ratio(ratio: float | None, decimals: int | None = None) -> str:
    """Return a ratio in per cent: `61 %`, `0.4 %`, and `0 %` for a measured zero only.

    With `decimals` every ratio has exactly that many: `0.0 %`.
    """
    ratio = keep_finite(ratio)
    if ratio is None:
        return NO_DATA
    if decimals is not None:
        return f"{format_number(ratio * 100, decimals)} %"
    if ratio == 0:
        return "0 %"
    if abs(ratio) < 0.0005:
        return "< 0.1 %" if ratio > 0 else "0.0 %"
    return f"{format_number(ratio * 100, 1 if abs(ratio) < 0.0995 else 0)} %"


def format_judged_ratio(ratio: float, limit: float) -> str:
    """Return a ratio in per cent with as many decimals as its limit has, and as show on which side it is.

    One decimal is enough for most: `4.3 %`, but `0.04 %` below 0.05 %, and `1.04 %` above 1 %.
    """
    limit_percent = round(100 * limit, 9)
    decimals = 1
    while decimals < 6:
        has_limits_decimals = round(limit_percent, decimals) == limit_percent
        if has_limits_decimals and (round(100 * ratio, decimals) > limit_percent) == (ratio > limit):
            break
        decimals += 1
    return format_ratio(ratio, decimals)


def format_limit(ratio: float) -> str:
    """Return a limit in per cent with as many decimals as it needs: `1 %`, `0.5 %`, `12.25 %`."""
    return f"{ratio * 100:.4g} %"


def format_change(ratio: float | None, decimals: int | None = None) -> str:
    """Return a change in per cent with its sign, as `format_ratio` does: `+12 %`, `-0.3 %`, `0 %`."""
    change = format_ratio(ratio, decimals)
    return f"+{change}" if ratio is not None and ratio > 0 else change


def format_range(low: float, high: float, unit: str, decimals: int = 0) -> str:
    """Return both ends with one unit: `5 – 8 s`."""
    return f"{format_number(low, decimals)} – {format_number(high, decimals)} {unit}"


def format_cores(value: float | None) -> str:
    """Return a number of CPU cores without a unit: `0.24`, `0.024`."""
    value = keep_finite(value)
    return NO_DATA if value is None else format_number(value, 3 if value < 0.1 else 2)


def format_cpu(cores: float, replicas: int = 1) -> str:
    """Return a CPU limit: `0.5 CPU`, and `2 × 0.5 CPU` for two replicas."""
    cpu = f"{format_number(cores)} CPU"
    return f"{format_count(replicas)} × {cpu}" if replicas > 1 else cpu


def format_mebibytes(size_bytes: float | None) -> str:
    """Return bytes as mebibytes: `256 MiB`, `47 MiB`, `9.5 MiB`."""
    size_bytes = keep_finite(size_bytes)
    if size_bytes is None:
        return NO_DATA
    size = size_bytes / MIB
    return f"{format_number(size, 0 if size >= 9.95 or size == int(size) else 1)} MiB"


def format_count(value: int | None) -> str:
    """Return a whole number; from five digits on, thin no-break spaces separate thousands: `12 345`."""
    if value is None:
        return NO_DATA
    return str(value) if abs(value) < 10_000 else f"{value:,}".replace(",", "\u202f")


def format_rounded(value: float | None) -> str:
    """Return an estimated number, such as one of users, as a whole one: `752`."""
    value = keep_finite(value)
    return NO_DATA if value is None else format_count(round(value))


def format_users(users: int | None) -> str:
    """Return a number of users: `1 user`, `12 345 users`."""
    return format_things(users, "user")


def format_things(count: int | None, noun: str) -> str:
    """Return how many things there are, by the noun for one of them: `1 size`, `9 sizes`."""
    return f"{format_count(count)} {noun}{'' if count == 1 else 's'}"


def format_times(count: int) -> str:
    """Return how often something happened: `once`, `9 times`."""
    return "once" if count == 1 else format_things(count, "time")


def format_money(value: float | None, currency: str = "") -> str:
    """Return an amount with three significant digits and at least two decimals: `0.0412 EUR`, `12.50 EUR`.

    Halves are rounded up, as the page's script does.
    """
    value = keep_finite(value)
    if value is None:
        return NO_DATA
    decimals = max(2, 2 - math.floor(math.log10(value))) if value else 2
    step = Decimal(1).scaleb(-min(decimals, 9))
    amount = Decimal(value).quantize(step, ROUND_HALF_UP, _EXACT)
    return f"{amount:f} {clean_text(currency)}".rstrip()


def compute_share(used: float | None, limit: float) -> float | None:
    """Return used over limit; None without data or without a limit."""
    used = keep_finite(used)
    return None if used is None or limit <= 0 else used / limit


def format_size(limits: Limits) -> str:
    """Return a size: `0.5 CPU / 128 MiB`, and `2 × 0.5 CPU / 128 MiB` for two replicas.

    With a variant it is `0.5 CPU / 128 MiB (four)`.
    """
    cpu = format_cpu(limits.cpu_cores, limits.replicas)
    variant = f" ({clean_text(limits.variant)})" if limits.variant is not None else ""
    return f"{cpu} / {format_mebibytes(limits.memory_bytes)}{variant}"


def _format_indicator(slo: Slo) -> str:
    return _INDICATOR_WORDS.get(slo.kind) or f"{clean_text(slo.indicator)} of RT"


def format_slo_limit(slo: Slo) -> str:
    """Return an SLO's limit with its unit: `1 s`, `0.25 s`, `0.5 %`."""
    return f"{format_number(slo.at_most)} s" if slo.is_response_time else format_limit(slo.at_most)


def format_slo(slo: Slo) -> str:
    """Return an SLO as a condition: `p95 of RT ≤ 1 s`, `error ratio of GET / ≤ 1 %`."""
    where = f" of {clean_text(slo.request_name)}" if slo.request_name else ""
    return f"{_format_indicator(slo)}{where} ≤ {format_slo_limit(slo)}"


def list_first(texts: Sequence[str], most: int = 3) -> str:
    """Return the first texts, and how many are left out: `a, b, c and 2 more`."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def keep_units_together(text: str) -> str:
    """Return the text with no-break spaces between numbers and their units, and within sizes."""
    return re.sub(r"(?<=\d) (?=%|s\b|ms\b|MiB\b|CPU\b)|(?<=CPU) (?=/ )|(?<=CPU /) ", "\u00a0", text)


def shorten(text: str, length: int) -> str:
    """Return at most `length` characters, cut between words if possible; an ellipsis replaces the rest."""
    if len(text) <= length:
        return text
    head = text[: max(length - 1, 0)]
    cut = head.rfind(" ")
    return (head[:cut] if cut > length // 2 else head).rstrip(" ,;:(") + "…"
