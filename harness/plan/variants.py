"""Read the variants of a matrix: what each sets at each size."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.model import Cell, Limits, Target, Variant
from harness.plan.env_refs import find_reference_faults
from harness.plan.expressions import Template, parse_template
from harness.plan.schema.quoting import quote
from harness.plan.schema.units import format_cores, format_mib
from harness.plan.schema.variants import VariantSection
from harness.plan.yaml.document import KeyPath
from harness.plan.yaml.reading import Reading

_Texts = Mapping[KeyPath, Template]
"""The texts of a variant that may hold expressions, by their place in its section."""


@dataclass(frozen=True, slots=True)
class _VariantTexts:
    """A variant's section with its texts."""

    section: VariantSection
    texts: _Texts

    def build(self, limits: Limits) -> Variant:
        """Return what the variant sets at a size. Raises ValueError for a text that can't be filled."""
        section = self.section
        return Variant(
            {key: self.texts["environment", key].fill(limits) for key in section.environment},
            self._build_command("command", section.command, limits),
            self._build_command("entrypoint", section.entrypoint, limits),
            section.image,
        )

    def _build_command(
        self, key: str, command: tuple[str, ...] | None, limits: Limits
    ) -> tuple[str, ...] | None:
        if command is None:
            return None
        return tuple(self.texts[key, index].fill(limits) for index in range(len(command)))


def add_variants(
    reading: Reading, sections: Mapping[str, VariantSection], cells: Sequence[Cell], target: Target | None
) -> tuple[Cell, ...]:
    """Return the cells, each with what its variant sets at its size; report what is wrong to the reading.

    Of a target that can't be read the variants are not compared with one another.
    """
    if not sections:
        return tuple(cells)
    at = reading.enter("variants")
    sizes = tuple(dict.fromkeys(cell.limits.drop_variant() for cell in cells))
    known = {name: _read_variant(at.enter(name), section, sizes) for name, section in sections.items()}
    variants = {name: variant for name, variant in known.items() if variant is not None}
    if len(variants) < len(sections):
        return ()
    filled = tuple(
        replace(cell, variant=variants[cell.limits.variant or ""].build(cell.limits)) for cell in cells
    )
    for name, message in (*_find_similar_names(sections), *_find_equal_variants(filled, target)):
        at.report((name,), message)
    return filled


def _read_variant(reading: Reading, section: VariantSection, sizes: Sequence[Limits]) -> _VariantTexts | None:
    """Return the variant; None if a text of it is faulty at any size, which is reported."""
    texts: dict[KeyPath, Template] = {}
    is_sound = True
    for path, text in _list_texts(section):
        # a number is taken as it is written: 3.10 is not 3.1
        written = reading.document.find_raw_text((*reading.at, *path))
        faults = list(find_reference_faults(text, reading.environ)) if path[0] == "environment" else []
        try:
            texts[path] = _parse_text(text if written is None else written, sizes)
        except ValueError as error:
            faults.append(str(error))
        for fault in faults:
            reading.report(path, fault)
        is_sound = is_sound and not faults
    return _VariantTexts(section, texts) if is_sound else None


def _parse_text(text: str, sizes: Sequence[Limits]) -> Template:
    """Return the text's template. Raises ValueError if the text, or its value at any size, is faulty."""
    template = parse_template(text)
    for limits in sizes:
        template.fill(limits)
    return template


def _list_texts(section: VariantSection) -> Iterator[tuple[KeyPath, str]]:
    for key, text in section.environment.items():
        yield ("environment", key), text
    for key, command in (("command", section.command), ("entrypoint", section.entrypoint)):
        for index, text in enumerate(command or ()):
            yield (key, index), text


def find_value_notes(cells: Sequence[Cell]) -> list[str]:
    """Return a note for each value of a variant that is 0 at some sizes only, or whole at some only.

    It may count workers, of which there are no 0 and no 1.5.
    """
    values: dict[str, dict[Limits, str]] = {}
    for cell in cells:
        for place, value in _list_values(cell):
            values.setdefault(place, {})[cell.limits] = value
    return [note for place, by_size in values.items() for note in _list_notes(place, by_size)]


def _list_values(cell: Cell) -> Iterator[tuple[str, str]]:
    """Yield the values that a cell's variant sets, each after its place in the matrix."""
    variant = cell.variant or Variant()
    at = f"variants.{cell.limits.variant}"
    for name, value in variant.environment.items():
        yield f"{at}.environment.{name}", value
    for key, command in (("command", variant.command), ("entrypoint", variant.entrypoint)):
        for number, item in enumerate(command or (), 1):
            yield f"{at}.{key}: item {number}", item


def _list_notes(place: str, by_size: Mapping[Limits, str]) -> Iterator[str]:
    zero = [limits for limits, value in by_size.items() if value == "0"]
    parted = [limits for limits, value in by_size.items() if re.fullmatch(r"-?\d+\.\d+", value)]
    has_whole = any(re.fullmatch(r"-?\d+", value) for value in by_size.values())
    if zero and len(zero) < len(by_size):
        yield f"{place} is 0 at {_describe_size(min(zero))}; if that is too little, write max(1, …)"
    if parted and has_whole:
        smallest = min(parted)
        shown = f"{place} is {by_size[smallest]} at {_describe_size(smallest)}"
        yield f"{shown}; if it must be whole, write floor(…) or ceil(…)"


def _describe_size(limits: Limits) -> str:
    return f"{format_cores(limits.cpu_cores)} cores and {format_mib(limits.memory_bytes)}MiB"


def _find_similar_names(sections: Mapping[str, VariantSection]) -> Iterator[tuple[str, str]]:
    """Yield each name that differs from an earlier one only in case: some file systems know one of them."""
    first: dict[str, str] = {}
    for name in sections:
        known = first.setdefault(name.lower(), name)
        if known != name:
            yield name, f"differs from {quote(known)} only in case; write another name"


def _find_equal_variants(cells: Sequence[Cell], target: Target | None) -> Iterator[tuple[str, str]]:
    """Yield each variant that is the same as an earlier one at every size."""
    if target is None:
        return
    outcomes: dict[str, list[object]] = {}
    for cell in cells:
        adapted = cell.adapt_target(target)
        outcome = (dict(adapted.environment), adapted.command, adapted.entrypoint, adapted.source)
        outcomes.setdefault(cell.limits.variant or "", []).append(outcome)
    names = list(outcomes)
    for index, name in enumerate(names):
        same = next((other for other in names[:index] if outcomes[other] == outcomes[name]), None)
        if same is not None:
            yield name, f"is the same as {quote(same)} at every size; keep one of them"
