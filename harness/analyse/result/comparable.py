"""Whether two campaigns' numbers belong together: what they asked, and the machines they ran on."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.model import Plan

SAME_MACHINE = {
    "machine": ("cpu_model", "cores", "usable_cores", "memory_bytes", "architecture", "kernel"),
    "engine": ("version", "cores", "memory_bytes", "cgroup_version", "runtime"),
}
"""What a campaign's numbers depend on, of the fingerprint."""

MEMORY_TOLERANCE = 0.02
"""The kernel keeps a little more or less for itself from boot to boot."""

Environment = Mapping[str, Any]


def machine_differences(stored: Environment, now: Environment) -> list[str]:
    """What tells two machines apart, such as "machine cores 2, was 4"."""
    return [
        f"{part} {name.replace('_', ' ')} {after}, was {before}"
        for part, names in SAME_MACHINE.items()
        for name in names
        if not _alike(before := _at(stored, part, name), after := _at(now, part, name), name)
    ]


def changed_parts(stored: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """By their content hashes: `the matrix`, `the scenario`, `the target`."""
    return sorted(f"the {key}" for key, value in now.items() if stored.get(key) != value)


def objections(base: Plan, head: Plan, machines: Sequence[str]) -> list[str]:
    """Why the two can't be compared size by size: any of these moves a capacity by itself."""
    found = []
    if base.hashes.get("scenario") != head.hashes.get("scenario"):
        found.append("the scenario changed")
    if set(base.slos) != set(head.slos):
        found.append("they were judged by other SLOs")
    if not {cell.limits for cell in base.cells} & {cell.limits for cell in head.cells}:
        found.append("they have no size in common")
    return found + [f"another machine: {each}" for each in machines]


def _at(environment: Environment, part: str, name: str) -> Any:
    section = environment.get(part)
    return section.get(name) if isinstance(section, Mapping) else None


def _alike(before: Any, after: Any, name: str) -> bool:
    if name == "memory_bytes" and isinstance(before, int) and isinstance(after, int):
        return abs(before - after) <= MEMORY_TOLERANCE * before
    return bool(before == after)
