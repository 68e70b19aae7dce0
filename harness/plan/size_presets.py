"""Read the presets of sizes as they are sold, with their list prices, and select from them."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import product
from pathlib import Path

from harness.model import GIB, Limits, Price
from harness.plan.schema.presets import PresetFile, PresetSection, SoldSizes, names_preset
from harness.plan.schema.units import format_cores, format_mib
from harness.plan.yaml.document import read_any_yaml
from harness.plan.yaml.reading import Reading

PRESETS_FOLDER = Path(__file__).parent / "presets"
_OLD_DAYS = 365
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class SizePreset:
    """The sizes that a matrix takes from a preset; `sold` is the content of the preset's file."""

    name: str
    sold: PresetFile
    sizes: tuple[Limits, ...] = ()


def read_size_preset(reading: Reading) -> SizePreset | None:
    """Return the preset that `sizes` of a matrix names; None if it names none.

    It has no sizes if it is faulty, or if none lies within the ranges; both are reported.
    """
    values = reading.values
    if not isinstance(values, dict) or not names_preset(values.get("sizes")):
        return None
    section, faulty = reading.enter("sizes").validate(PresetSection)
    if section.preset is None:
        return SizePreset("", PresetFile.model_validate({"title": "", "sizes": []}))
    sold = read_preset(section.preset)
    sizes = () if faulty else select_sizes(sold, section)
    if not sizes and not faulty:
        reading.report(("sizes",), _describe_empty_ranges(section.preset, sold))
    return SizePreset(section.preset, sold, sizes)


@cache
def read_preset(name: str) -> PresetFile:
    """Return the content of a preset's file."""
    return PresetFile.model_validate(read_any_yaml(PRESETS_FOLDER / f"{name}.yaml"))


def select_sizes(sold: PresetFile, section: PresetSection) -> tuple[Limits, ...]:
    """Return the sizes of a preset within the ranges of a matrix, each with every number of replicas."""
    return tuple(
        Limits(size.cpu_cores, size.memory_bytes, replicas)
        for replicas, size in product(dict.fromkeys(section.replicas), list_sizes(sold))
        if section.cpus.includes(size.cpu_cores) and section.memory.includes(size.memory_bytes)
    )


def list_sizes(sold: PresetFile) -> list[Limits]:
    """Return every size of a preset, the smallest first."""
    sizes = (
        Limits(cpu_cores, memory_bytes)
        for entry in sold.sizes
        for cpu_cores in entry.cpus
        for memory_bytes in _list_memory(entry, cpu_cores)
    )
    return sorted(dict.fromkeys(sizes))


def _list_memory(entry: SoldSizes, cpu_cores: float) -> list[int]:
    """Return the amounts of memory that a number of cores is sold with, in bytes."""
    steps = entry.memory_steps
    return [
        *entry.memory,
        *(range(steps.at_least, steps.at_most + 1, steps.step) if steps else ()),
        *(round(cpu_cores * gib * GIB) for gib in entry.gib_per_cpu),
    ]


def find_smallest_size(sold: PresetFile, limits: Limits) -> Limits | None:
    """Find the smallest size on sale that has as much CPU and memory as one replica; None without one."""
    replica = Limits(limits.cpu_cores, limits.memory_bytes)
    larger = next((size for size in list_sizes(sold) if size.covers(replica)), None)
    if larger is None or not sold.any_memory_between:
        return larger
    same_cores = [size.memory_bytes for size in list_sizes(sold) if size.cpu_cores == larger.cpu_cores]
    return Limits(larger.cpu_cores, max(replica.memory_bytes, min(same_cores)))


def build_preset_price(preset: SizePreset) -> Price | None:
    """Return a preset's list prices; None if it has none."""
    price = preset.sold.price
    if price is None:
        return None
    source = f"list price of {preset.sold.title} on {price.as_of}: {price.terms} ({price.source})"
    return Price(price.currency, price.cpu_hour, price.gib_hour, source=source)


def describe_preset_price(preset: SizePreset, today: date, *, is_replaced: bool) -> str:
    """Return a note on where a preset's prices come from, and how old they are.

    `is_replaced`: the matrix has prices of its own, which count instead.
    """
    name, price = f"sizes.preset {preset.name}", build_preset_price(preset)
    if is_replaced:
        return f"{name}: the prices are those of the matrix, and not list prices"
    if price is None or preset.sold.price is None:
        return f"{name} has no prices, so sizes are compared by CPU and memory; write price for your own"
    days = (today - date.fromisoformat(preset.sold.price.as_of)).days
    old = "; it is older than a year: check it, and write price if it changed" if days > _OLD_DAYS else ""
    return f"{name}: {price.source}{old}"


def _describe_empty_ranges(name: str, sold: PresetFile) -> str:
    """Return that no size lies within the ranges, and which sizes the preset has."""
    memory_by_cores: dict[float, list[int]] = {}
    for size in list_sizes(sold):
        memory_by_cores.setdefault(size.cpu_cores, []).append(size.memory_bytes)
    known = [
        f"{format_cores(cores)} cores with {format_mib(min(memory))}MiB to {format_mib(max(memory))}MiB"
        for cores, memory in memory_by_cores.items()
    ]
    shown = known if len(known) <= _MOST_NAMED else [*known[: _MOST_NAMED - 1], "…", known[-1]]
    return f"{name} has no size within these ranges; write wider ones, it has {'; '.join(shown)}"
