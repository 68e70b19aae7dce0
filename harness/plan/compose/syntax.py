"""Parse the several notations that a compose file allows for one thing."""

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from harness.plan.compose.command_words import split_command

_BYTES = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([kmgtp]?)(?:i?b)?\s*", re.IGNORECASE | re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LEAST_EXPONENT, _LARGE_EXPONENT = -4, 6
"""Numbers with smaller and with larger exponents are written with them."""

_PORT = re.compile(
    r"(?:(?:(?P<host>\[[^\]]*\]|[^:\[\]]*):)?(?P<published>[0-9-]*):)?(?P<target>[0-9]+(?:-[0-9]+)?)"
    r"(?:/(?P<protocol>[a-zA-Z]+))?"
)


def to_target_name(text: str) -> str:
    """Turn a text into lower case, with `-` for the characters that a target's name can't have.

    A name begins with a letter or a digit.
    """
    return re.sub(r"[^a-z0-9_.-]+", "-", text.lower()).lstrip("-_.")[:63] or "target"


def format_scalar(value: object) -> str:
    """Return a scalar of YAML as the text that Compose makes of it: true, 1000, 1.5, 1e+06."""
    if isinstance(value, bool):
        return str(value).lower()
    return _format_float(value) if isinstance(value, float) else str(value)


def _format_float(value: float) -> str:
    """Return a number as Go writes it: 1.5, 100000, 1e+06, +Inf."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    sign, digits, _ = Decimal(repr(value)).normalize().as_tuple()
    exponent = Decimal(repr(value)).adjusted() if value else 0
    if not _LEAST_EXPONENT <= exponent < _LARGE_EXPONENT:
        mantissa = f"{digits[0]}.{''.join(map(str, digits[1:]))}".rstrip(".")
        return f"{'-' * sign}{mantissa}e{exponent:+03d}"
    return f"{Decimal(repr(value)).normalize():f}"


def split_pair(text: str) -> tuple[str, str | None]:
    """Split NAME=VALUE; the value is None without an equals sign."""
    name, equals, value = text.partition("=")
    return name, value if equals else None


def to_mapping(value: object) -> dict[str, str | None]:
    """Return a mapping, or a list of NAME=VALUE, as a mapping of texts; None for a name without a value."""
    if isinstance(value, Mapping):
        return {str(key): None if each is None else format_scalar(each) for key, each in value.items()}
    return dict(split_pair(format_scalar(each)) for each in to_list(value))


def to_list(value: object) -> list[Any]:
    """Return a list as it is, a single value as a list of one, and None as an empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def is_true(value: object) -> bool:
    """Return True for a boolean that is written as such or as a text, as in `${TTY:-true}`."""
    return value is True or (isinstance(value, str) and value.lower() in ("true", "y", "yes", "on"))


def is_external(values: Mapping[str, Any]) -> bool:
    """Return True for a network, volume, secret or config that exists outside of the file.

    An older form is `external: {name: NAME}`.
    """
    external = values.get("external")
    return bool(external) if isinstance(external, Mapping) else is_true(external)


def parse_whole_number(value: object) -> int:
    """Return a whole number that is written as such or as a text. Raises ValueError for anything else."""
    text = format_scalar(value).strip()
    if not re.fullmatch(r"[-+]?[0-9]+", text, re.ASCII):
        raise ValueError(f'"{text}" is not a whole number')
    return int(text)


def parse_number(value: object) -> Decimal:
    """Return a number that is written as such or as a text. Raises ValueError for anything else."""
    try:
        number = Decimal(format_scalar(value).strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f'"{value}" is not a number')
    return number


def parse_bytes(value: object) -> int:
    """Return the bytes of `1073741824`, `0.3g`, `512m`, `1gb` or `64MiB`: units are powers of 1024.

    Raises ValueError for anything else. -1, which means no limit, is returned as it is.
    """
    text = format_scalar(value)
    if text.strip() == "-1":
        return -1
    match = _BYTES.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not an amount of bytes')
    return int(Decimal(match[1]) * 1024 ** _POWERS[match[2].lower()])


def parse_duration_s(value: object) -> float:
    """Return the seconds of a duration of Go, such as `1m30s`. Raises ValueError for anything else."""
    text = format_scalar(value).strip()
    parts = list(_DURATION_PART.finditer(text))
    if "".join(part[0] for part in parts) != text or not text:
        if text == "0":
            return 0.0
        raise ValueError(f'"{text}" is not a duration such as 1m30s')
    return sum(float(part[1]) * _SECONDS[part[2]] for part in parts)


def parse_command(value: object) -> list[str] | None:
    """Return a command as a list; None for the image's own.

    Raises:
        ValueError: the text is none that Compose can split.
    """
    if value is None or isinstance(value, list):
        return None if value is None else [format_scalar(each) for each in value]
    return split_command(format_scalar(value))


def parse_ports(value: object) -> Iterator[dict[str, Any]]:
    """Yield the long form of each port of `8080:80`, `[::1]:9000-9001:90-91/udp`, 80 or the long form.

    Raises:
        ValueError: it is no port.
    """
    if isinstance(value, dict):
        yield {
            "protocol": "tcp",
            "mode": "ingress",
            **value,
            "target": parse_whole_number(value.get("target")),
        }
        return
    match = _PORT.fullmatch(format_scalar(value).strip())
    if match is None:
        raise ValueError(f'"{value}" is not a port')
    first, last = _parse_range(match["target"])
    published = _parse_range(match["published"]) if match["published"] else None
    for number in range(first, last + 1):
        port: dict[str, Any] = {"mode": "ingress", "target": number}
        port["protocol"] = (match["protocol"] or "tcp").lower()
        if match["host"]:
            port["host_ip"] = match["host"].strip("[]")
        if published is not None:
            is_same_length = published[1] - published[0] == last - first
            port["published"] = str(published[0] + number - first) if is_same_length else match["published"]
        yield port


def _parse_range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if (
        not first.isdigit()
        or int(first) > 65535
        or int(last or first) > 65535
        or int(last or first) < int(first)
    ):
        raise ValueError(f'"{text}" is not a port')
    return int(first), int(last or first)


def split_host_entry(entry: str) -> tuple[str, str]:
    """Split `name:address` or `name=address` of extra_hosts into name and address."""
    match = re.match(r"([^:=]*)[:=](.*)", entry)
    if match is None:
        raise ValueError(f'"{entry}" in extra_hosts is not name:address')
    return match[1], match[2].strip("[]")
