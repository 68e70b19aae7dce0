"""Write names and amounts as the systems take them."""

import math
import re

from harness.model import MIB

_NOT_IN_LABEL = re.compile(r"[^a-z0-9]+")

LEAST_RESERVED_BYTES = 6 * MIB
"""Docker refuses to reserve less memory for a container."""


def to_label(name: str, longest: int = 63) -> str:
    """Return a name as a DNS label: lower-case letters, digits and dashes, a letter first."""
    label = _NOT_IN_LABEL.sub("-", name.lower()).strip("-")
    return (label if label[:1].isalpha() else f"app-{label}")[:longest].strip("-")


def count_millicores(cores: float) -> int:
    """Return an amount of CPU in thousandths of a core, rounded up."""
    return max(1, math.ceil(round(1000 * cores, 6)))


def to_millicores(cores: float) -> str:
    """Return an amount of CPU in Kubernetes' unit, rounded up: `344m`."""
    return f"{count_millicores(cores)}m"


def to_cores(cores: float) -> str:
    """Return a number of cores without an exponent: `0.5`, `0.125`, `2`."""
    return f"{cores:.5f}".rstrip("0").rstrip(".")


def to_mebibytes(size_bytes: float) -> int:
    """Return an amount of memory in MiB, rounded up."""
    return max(1, math.ceil(round(size_bytes / MIB, 6)))
