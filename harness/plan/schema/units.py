"""Parse CPUs, memory, durations and ratios as people write them, and format them the same way.

Each parser raises ValueError with what to write instead.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from harness.model import MIB
from harness.plan.schema.quoting import quote

CPU_LEAST_CORES = 0.01
CPU_MOST_CORES = 4096
_CPU_STEP_CORES = Decimal("0.00001")
"""One microsecond of the kernel's quota period of 100 ms."""
MEMORY_LEAST_BYTES = 6 * MIB
MEMORY_MOST_BYTES = 64 * 1024 * 1024 * MIB
_DURATION_MOST_S = 3600

_HORIZON_LEAST_S = 60
_HORIZON_MOST_S = 30 * 86400

_POWERS = {"": 0, "b": 0, "k": 1, "kib": 1, "m": 2, "mib": 2, "g": 3, "gib": 3, "t": 4, "tib": 4}
_SECONDS = {"": Decimal(1), "ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "min": Decimal(60)}
_LONG_SECONDS = {**_SECONDS, "h": Decimal(3600), "d": Decimal(86400)}
_QUANTITY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z%]*)", re.ASCII)
_POWERS_OF_TWO = "(Docker's meaning: powers of two)"
_MEMORY_TO_WRITE = f"write 512MiB, 512m or 0.5g {_POWERS_OF_TWO}"


class _Quantity(NamedTuple):
    """An amount with its unit in lower case, or "" without one."""

    amount: Decimal
    unit: str


def _parse_quantity(value: object) -> _Quantity | None:
    """Parse a number, or a text such as `1.5 GiB`; return None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str):
        return _Quantity(Decimal(repr(value)), "")
    match = _QUANTITY.fullmatch(value.strip())
    return _Quantity(Decimal(match[1]), match[2].lower()) if match else None


def _format_plain(number: Decimal) -> str:
    """Format a number in its shortest notation without an exponent."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_cores(value: object) -> float:
    """Parse a number of cores: a plain number, as for Docker's `--cpus`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{quote(value)} is not a number of cores; write {_suggest_cores(value)}")
    cores = Decimal(repr(value))
    if not CPU_LEAST_CORES <= value <= CPU_MOST_CORES:
        least, most = CPU_LEAST_CORES, CPU_MOST_CORES
        raise ValueError(f"{quote(value)} cores is out of range; write a number from {least} to {most}")
    if cores % _CPU_STEP_CORES:
        raise ValueError(f"{quote(value)} is finer than the kernel's CPU quota; write at most 5 decimals")
    return float(value)


def _suggest_cores(value: object) -> str:
    """Return the plain number that `"500m"` or a quoted `"0.5"` stands for, else an example."""
    quantity = _parse_quantity(value)
    if quantity and quantity.unit in ("", "m") and quantity.amount:
        return _format_plain(quantity.amount / 1000 if quantity.unit else quantity.amount)
    return "a plain number such as 0.5"


def parse_memory_bytes(value: object) -> int:
    """Parse an amount of memory as Docker does: k, m, g, t are KiB, MiB, GiB, TiB; no unit means bytes."""
    quantity = _parse_quantity(value)
    if quantity is None or quantity.unit not in _POWERS:
        raise ValueError(f"{quote(value)} is not an amount of memory; {_suggest_memory(quantity)}")
    amount = quantity.amount * 1024 ** _POWERS[quantity.unit]
    if amount < MEMORY_LEAST_BYTES:
        hint = "" if quantity.unit else f" ({_format_plain(quantity.amount)} without a unit is bytes)"
        raise ValueError(f"{quote(value)} is less than Docker's minimum of 6MiB{hint}; {_MEMORY_TO_WRITE}")
    if amount > MEMORY_MOST_BYTES:
        raise ValueError(f"{quote(value)} is more than any machine has; {_MEMORY_TO_WRITE}")
    if amount % MIB:
        raise ValueError(f"{quote(value)} is not a whole number of MiB; write {int(amount // MIB)}MiB")
    return int(amount)


def parse_bytes(value: object) -> int:
    """Parse an amount of memory of any size, in the units of `parse_memory_bytes`."""
    quantity = _parse_quantity(value)
    if quantity is None or quantity.unit not in _POWERS or not quantity.amount:
        raise ValueError(f"{quote(value)} is not an amount of memory; write 64m, 1g or a number of bytes")
    return int(quantity.amount * 1024 ** _POWERS[quantity.unit])


def _suggest_memory(quantity: _Quantity | None) -> str:
    """Say what to write instead of `512 mb` or `1 GB`: the same number in units with one meaning."""
    if (
        quantity is None
        or quantity.unit not in ("mb", "gb", "mi", "gi")
        or quantity.amount % 1
        or not quantity.amount
    ):
        return _MEMORY_TO_WRITE
    if quantity.unit.startswith("g"):
        return f"write {quantity.amount}GiB or {quantity.amount}g {_POWERS_OF_TWO}"
    gib = _format_plain(quantity.amount / 1024)
    if len(gib) > 5:
        return f"write {quantity.amount}MiB or {quantity.amount}m {_POWERS_OF_TWO}"
    return f"write {quantity.amount}MiB, {quantity.amount}m or {gib}g {_POWERS_OF_TWO}"


def parse_duration_s(value: object) -> float:
    """Parse `250ms`, `1.5s`, `2m` (minutes) or a plain number of seconds into seconds, from 0 to an hour."""
    fault = "is not a duration; write 250ms, 1.5s or a plain number of seconds"
    return _parse_seconds(value, _SECONDS, 0, _DURATION_MOST_S, fault, "a duration from 0s to 60m")


def parse_span_s(value: object) -> float:
    """Parse `90s`, `30m`, `2h` or a plain number of seconds into seconds, up to 30 days."""
    fault = "is not a length of time; write 90s, 30m or 2h"
    return _parse_seconds(value, _LONG_SECONDS, 0, _HORIZON_MOST_S, fault, "a length of time of up to 30d")


def parse_horizon_s(value: object) -> float:
    """Parse `90m`, `1h`, `2d` or a plain number of seconds into seconds, from a minute to 30 days."""
    fault, bounds = "is not a length of time; write 90m, 1h or 2d", "a length of time from 1m to 30d"
    return _parse_seconds(value, _LONG_SECONDS, _HORIZON_LEAST_S, _HORIZON_MOST_S, fault, bounds)


def _parse_seconds(
    value: object, units: Mapping[str, Decimal], least_s: int, most_s: int, fault: str, bounds: str
) -> float:
    """Parse a number with one of these units, given in seconds.

    Raises ValueError: with `fault`, or with `bounds`, which says what to write for a number out of range.
    """
    quantity = _parse_quantity(value)
    if quantity is None or quantity.unit not in units:
        raise ValueError(f"{quote(value)} {fault}")
    seconds = quantity.amount * units[quantity.unit]
    if not least_s <= seconds <= most_s:
        raise ValueError(f"{quote(value)} is out of range; write {bounds}")
    return float(seconds)


def parse_number_or_text(text: str) -> float | str:
    """Parse a text of the command line as YAML would: a plain number into a float; any other text stays."""
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII) else text


def parse_ratio(value: object) -> float:
    """Parse a ratio from 0 to 10, such as `1%` or 0.01; a plain 1 could mean 1 % or 100 % and is refused."""
    quantity = _parse_quantity(value)
    if quantity is None or quantity.unit not in ("", "%"):
        raise ValueError(f'{quote(value)} is not a ratio; write "1%" or 0.01')
    amount = quantity.amount / 100 if quantity.unit else quantity.amount
    if not quantity.unit and amount >= 1:
        raise ValueError(
            f'{quote(value)} could mean two things; write "{_format_plain(amount)}%" or a number below 1'
        )
    if not 0 <= amount <= 10:
        raise ValueError(f'{quote(value)} is out of range; write a ratio from "0%" to "1000%"')
    return float(amount)


def format_cores(cores: float) -> str:
    """Format cores with two decimals, or with more where they are needed: 0.50, 0.125."""
    exact = _format_plain(Decimal(repr(cores)))
    decimals = len(exact.partition(".")[2])
    return exact if decimals > 2 else format(cores, ".2f")


def format_mib(memory_bytes: int) -> str:
    return str(memory_bytes // MIB)


def format_seconds(seconds: float) -> str:
    return f"{_format_plain(Decimal(repr(seconds)))}s"


def format_percent(share: float) -> str:
    return f"{_format_plain(Decimal(repr(share)) * 100)}%"
