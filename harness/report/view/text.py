"""How numbers and foreign strings are written, decided once for every report.

No data is a dash and never a zero; an open bracket keeps its ≥; whatever came from outside is inert.
"""

import math
import re
import unicodedata

from harness.model import MIB, Factor, Limits, Slo

NO_DATA = "–"
ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC: titles, links, the clipboard
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c)?"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"
)
UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
NO_CHARACTERS = frozenset({"\ufffe", "\uffff"})
FACTOR_WORDS = {
    Factor.CPU: "CPU",
    Factor.MEMORY: "memory",
    Factor.TARGET: "its own concurrency",
    Factor.ERRORS: "errors",
    Factor.DEPENDENCY: "a dependency",
    Factor.GENERATOR: "the generator",
    Factor.HOST: "the host",
}
INDICATOR_WORDS = {
    "errors": "error ratio",
    "shortfall": "throughput shortfall",
    "drift": "drift of RT",
    "mean": "mean RT",
}


def inert(text: object) -> str:
    """One line of harmless characters: no escape sequences, no control, bidirectional or invisible ones."""
    bare = ESCAPE_SEQUENCE.sub("", str(text))
    spaced = " ".join(bare.split())
    return "".join(char for char in spaced if _is_harmless(char))


def _is_harmless(char: str) -> bool:
    return char not in NO_CHARACTERS and unicodedata.category(char) not in UNSAFE_CATEGORIES


def known(value: float | None) -> float | None:
    """The value, or None where it is not a number one can write down (NaN, infinite)."""
    return value if value is not None and math.isfinite(value) else None


def seconds(value: float | None) -> str:
    """`0.21 s`, `0.034 s`, `12 s`."""
    value = known(value)
    if value is None:
        return NO_DATA
    digits = 3 if value < 0.1 else 2 if value < 10 else 0
    return f"{value:.{digits}f} s"


def instant(stored: str) -> str:
    """`2026-11-23 18:10:30 UTC` from ISO 8601, to the second."""
    return re.sub(r"\.\d+", "", inert(stored)).replace("T", " ").replace("+00:00", " UTC")


def duration(value: float | None) -> str:
    """`45 s`, `12 min 5 s`, `2 h 3 min`."""
    value = known(value)
    if value is None:
        return NO_DATA
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def rate(value: float | None) -> str:
    """Requests per second: `142`, `41.3`, `8.4`."""
    value = known(value)
    return NO_DATA if value is None else f"{value:.{0 if value >= 99.95 else 1}f}"


def percent(ratio: float | None) -> str:
    """`61 %`, `0.4 %`, and `0 %` for a measured zero only."""
    ratio = known(ratio)
    if ratio is None:
        return NO_DATA
    if ratio == 0:
        return "0 %"
    if abs(ratio) < 0.0005:
        return "< 0.1 %" if ratio > 0 else "0.0 %"
    return f"{ratio * 100:.{1 if abs(ratio) < 0.0995 else 0}f} %"


def cores(value: float | None) -> str:
    value = known(value)
    return NO_DATA if value is None else f"{value:.{3 if value < 0.1 else 2}f}"


def mebibytes(size_bytes: float | None) -> str:
    """`256 MiB`, `47 MiB`, `9.5 MiB`."""
    size_bytes = known(size_bytes)
    if size_bytes is None:
        return NO_DATA
    size = size_bytes / MIB
    return f"{size:.0f} MiB" if size >= 9.95 or size == int(size) else f"{size:.1f} MiB"


def count(value: int | None) -> str:
    """`12 345`, with a thin no-break space where it has more than four digits."""
    if value is None:
        return NO_DATA
    return str(value) if abs(value) < 10_000 else f"{value:,}".replace(",", "\u202f")


def money(value: float | None, currency: str = "") -> str:
    """`0.0412 EUR`, `12.50 EUR`: three digits that count, and two decimals at least."""
    value = known(value)
    if value is None:
        return NO_DATA
    digits = max(2, 2 - math.floor(math.log10(value))) if value else 2
    return f"{value:.{min(digits, 9)}f} {inert(currency)}".rstrip()


def share(used: float | None, limit: float) -> float | None:
    used = known(used)
    return None if used is None or limit <= 0 else used / limit


def size(limits: Limits) -> str:
    """`0.5 CPU / 128 MiB`."""
    return f"{limits.times}{limits.cpu_cores:g} CPU / {mebibytes(limits.memory_bytes)}"


def indicator(name: str) -> str:
    return INDICATOR_WORDS.get(name, f"{name} of RT" if is_response_time(name) else name)


def is_response_time(name: str) -> bool:
    return name == "mean" or re.fullmatch(r"p\d+(\.\d+)?", name) is not None


def slo(condition: Slo) -> str:
    """`p95 of RT ≤ 1 s`, `error ratio ≤ 1 %`, with the request name where it is for one only."""
    name = inert(condition.indicator)
    limit = f"{condition.at_most:g} s" if is_response_time(name) else f"{condition.at_most * 100:g} %"
    where = f" of {inert(condition.request_name)}" if condition.request_name else ""
    return f"{indicator(name)}{where} ≤ {limit}"


def unbroken(text: str) -> str:
    """With no line break between a number and its unit, nor within a size."""
    return re.sub(r"(?<=\d) (?=%|s\b|ms\b|MiB\b|CPU\b)|(?<=CPU) (?=/ )|(?<=CPU /) ", "\u00a0", text)


def shortened(text: str, length: int) -> str:
    """At most `length` characters, cut at a word, with an ellipsis where something is missing."""
    if len(text) <= length:
        return text
    head = text[: max(length - 1, 0)]
    cut = head.rfind(" ")
    return (head[:cut] if cut > length // 2 else head).rstrip(" ,;:(") + "…"
