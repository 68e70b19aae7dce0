"""CPUs, memory, durations and ratios as people write them. Each raises ValueError with what to write."""

import json
import re
from decimal import Decimal

from harness.model import MIB

CPU_LEAST_CORES = 0.01
CPU_MOST_CORES = 4096
CPU_STEP_CORES = Decimal("0.00001")
"""One microsecond of the kernel's quota period of 100 ms."""
MEMORY_LEAST_BYTES = 6 * MIB
MEMORY_MOST_BYTES = 64 * 1024 * 1024 * MIB
DURATION_MOST_S = 3600

POWERS = {"": 0, "b": 0, "k": 1, "kib": 1, "m": 2, "mib": 2, "g": 3, "gib": 3, "t": 4, "tib": 4}
SECONDS = {"": Decimal(1), "ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "min": Decimal(60)}
QUANTITY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z%]*)", re.ASCII)
SIZES_TO_WRITE = "write 512MiB, 512m or 0.5g (Docker's meaning: powers of two)"
MIB_TO_WRITE = "write {n}MiB, {n}m or {gib}g (Docker's meaning: powers of two)"


def quoted(value: object) -> str:
    """A value as its reader wrote it, one line, at most about 60 characters."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def quantity(value: object) -> tuple[Decimal, str] | None:
    """Amount and unit (lower case) of a number or a text such as `1.5 GiB`; None if it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str):
        return Decimal(repr(value)), ""
    match = QUANTITY.fullmatch(value.strip())
    return (Decimal(match[1]), match[2].lower()) if match else None


def plain(number: Decimal) -> str:
    """Shortest notation without an exponent."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def cpu_cores(value: object) -> float:
    """Cores: a plain number, as in Docker's `--cpus`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{quoted(value)} is not a number of cores; write {cores_meant(value)}")
    cores = Decimal(repr(value))
    if not CPU_LEAST_CORES <= value <= CPU_MOST_CORES:
        least, most = CPU_LEAST_CORES, CPU_MOST_CORES
        raise ValueError(f"{quoted(value)} cores can't be given; write a number from {least} to {most}")
    if cores % CPU_STEP_CORES:
        raise ValueError(f"{quoted(value)} is finer than the kernel's CPU quota; write at most 5 decimals")
    return float(value)


def cores_meant(value: object) -> str:
    """The plain number that `"500m"` or a quoted `"0.5"` stands for, else an example."""
    found = quantity(value)
    if found and found[1] in ("", "m") and found[0]:
        return plain(found[0] / 1000 if found[1] else found[0])
    return "a plain number such as 0.5"


def memory_bytes(value: object) -> int:
    """Bytes of a size in Docker's meaning: k, m, g are powers of two like KiB, MiB, GiB; no unit is bytes."""
    found = quantity(value)
    if found is None or found[1] not in POWERS:
        raise ValueError(f"{quoted(value)} is not a size; {size_meant(found)}")
    amount = found[0] * 1024 ** POWERS[found[1]]
    if amount < MEMORY_LEAST_BYTES:
        hint = f" ({plain(found[0])} without a unit is bytes)" if not found[1] else ""
        raise ValueError(f"{quoted(value)} is less than Docker's minimum of 6MiB{hint}; {SIZES_TO_WRITE}")
    if amount > MEMORY_MOST_BYTES:
        raise ValueError(f"{quoted(value)} is more than any machine has; {SIZES_TO_WRITE}")
    if amount % MIB:
        raise ValueError(f"{quoted(value)} is not a whole number of MiB; write {int(amount // MIB)}MiB")
    return int(amount)


def size_meant(found: tuple[Decimal, str] | None) -> str:
    """What to write instead of `512 mb` or `1 GB`: the same number in units with one meaning."""
    if found is None or found[1] not in ("mb", "gb", "mi", "gi") or found[0] % 1 or not found[0]:
        return SIZES_TO_WRITE
    if found[1].startswith("g"):
        return f"write {found[0]}GiB or {found[0]}g (Docker's meaning: powers of two)"
    gib = found[0] / 1024
    if len(plain(gib)) > 5:
        return f"write {found[0]}MiB or {found[0]}m (Docker's meaning: powers of two)"
    return MIB_TO_WRITE.format(n=found[0], gib=plain(gib))


def duration_s(value: object) -> float:
    """Seconds of `250ms`, `1.5s`, `2m` (minutes) or a plain number of seconds; from 0 to an hour."""
    found = quantity(value)
    if found is None or found[1] not in SECONDS:
        raise ValueError(f"{quoted(value)} is not a duration; write 250ms, 1.5s or a plain number of seconds")
    seconds = found[0] * SECONDS[found[1]]
    if not 0 <= seconds <= DURATION_MOST_S:
        raise ValueError(f"{quoted(value)} is out of range; write a duration from 0s to 60m")
    return float(seconds)


def number_or_text(text: str) -> float | str:
    """A word of a command line as YAML would have read it."""
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII) else text


def ratio(value: object) -> float:
    """A ratio from `1%` or 0.01. A plain number from 1 up is refused: nobody can tell 1 from 1 %."""
    found = quantity(value)
    if found is None or found[1] not in ("", "%"):
        raise ValueError(f'{quoted(value)} is not a ratio; write "1%" or 0.01')
    amount = found[0] / 100 if found[1] else found[0]
    if not found[1] and amount >= 1:
        raise ValueError(
            f'{quoted(value)} could mean two things; write "{plain(amount)}%" or a number below 1'
        )
    if not 0 <= amount <= 10:
        raise ValueError(f'{quoted(value)} is out of range; write a ratio from "0%" to "1000%"')
    return float(amount)


def cores_text(cpu_cores: float) -> str:
    """Cores with two decimals, or as many as are needed: 0.50, 0.125."""
    exact = plain(Decimal(repr(cpu_cores)))
    decimals = len(exact.partition(".")[2])
    return exact if decimals > 2 else format(cpu_cores, ".2f")


def mib_text(memory_bytes: int) -> str:
    return str(memory_bytes // MIB)


def seconds_text(seconds: float) -> str:
    return f"{plain(Decimal(repr(seconds)))}s"


def percent(ratio: float) -> str:
    return f"{plain(Decimal(repr(ratio)) * 100)}%"
